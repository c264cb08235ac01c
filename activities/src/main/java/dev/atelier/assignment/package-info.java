/**
 * Cuts the timesteps where the teacher changes most: drift between neighbouring timesteps and the
 * ranges made of it.
 */
package dev.atelier.assignment;
