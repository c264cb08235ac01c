/** Experiments: their ids, rows and links, and that they are there. */
package dev.atelier.api.experiment;
