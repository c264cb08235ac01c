/** What happens to experiments, over REST and as a stream. */
package dev.atelier.api.experiment.event;
