package dev.atelier.workflows;

/**
 * A prepared dataset in the store.
 *
 * @param sha256 of the prepared content; names the objects under {@code datasets/<sha256>/}
 * @param images number of images kept
 * @param resolution pixels per side
 * @param channels 3 for RGB
 * @param skipped number of files that could not be decoded
 * @param classes number of classes that the networks are conditioned on; 0: unconditional
 */
public record DatasetRef(
    String sha256, int images, int resolution, int channels, int skipped, int classes) {}
