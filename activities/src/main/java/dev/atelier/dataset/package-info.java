/** Turns what a user names as a dataset into square images of one size, stored by their content. */
package dev.atelier.dataset;
