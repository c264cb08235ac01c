package dev.atelier.workflows;

/**
 * Feature statistics of a dataset in the store, which every subject is compared with.
 *
 * @param objectKey of their safetensors file
 * @param sha256 of that file
 * @param images number of images they were measured on
 */
public record StatisticsRef(String objectKey, String sha256, int images) {}
