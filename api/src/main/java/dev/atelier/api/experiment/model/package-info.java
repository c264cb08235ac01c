/** Models of experiments and their curves, over REST. */
package dev.atelier.api.experiment.model;
