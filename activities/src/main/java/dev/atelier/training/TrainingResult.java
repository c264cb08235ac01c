package dev.atelier.training;

/**
 * A training that reached its last step; its state is the last checkpoint in the store.
 *
 * @param steps done
 * @param parameters of the network
 * @param macs of one forward pass of one image
 */
public record TrainingResult(int steps, long parameters, long macs) {}
