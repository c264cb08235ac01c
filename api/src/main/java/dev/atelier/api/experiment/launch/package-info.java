/** New experiments over REST, what one would take, and the start of their workflows. */
package dev.atelier.api.experiment.launch;
