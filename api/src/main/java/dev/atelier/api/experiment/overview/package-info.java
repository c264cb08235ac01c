/** Experiments to look at: in lists, beside one another, and each as a whole. */
package dev.atelier.api.experiment.overview;
