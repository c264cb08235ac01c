/** The figures of experiments and the schedules that a search tried, over REST. */
package dev.atelier.api.experiment.evaluation;
