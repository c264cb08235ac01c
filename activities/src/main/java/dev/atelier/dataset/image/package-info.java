/** Decodes pictures of every format that is taken, and resizes them, within a bound of memory. */
package dev.atelier.dataset.image;
