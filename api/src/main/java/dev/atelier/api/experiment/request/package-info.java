/** What users ask of experiments that are there: over REST, answered by their workflows. */
package dev.atelier.api.experiment.request;
