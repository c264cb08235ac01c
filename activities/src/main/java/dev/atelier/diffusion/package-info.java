/**
 * The mathematics of diffusion: noise schedules, samplers and draws of timesteps, without tensors.
 */
package dev.atelier.diffusion;
