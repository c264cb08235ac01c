/** The files of experiments over REST. */
package dev.atelier.api.experiment.artifact;
