package dev.atelier.workflows;

/**
 * Feature statistics in the store, which every subject is compared with.
 *
 * @param objectKey of their file: safetensors with the features of the dataset, or the .npz that
 *     the spec names
 * @param sha256 of that file
 * @param images number of images they were measured on; 0: the file doesn't say
 */
public record StatisticsRef(String objectKey, String sha256, int images) {}
