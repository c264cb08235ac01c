/** Experiments over REST: launch, look, steer; and the registries of datasets and teachers. */
package dev.atelier.api.experiment;
