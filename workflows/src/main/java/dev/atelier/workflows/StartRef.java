package dev.atelier.workflows;

/**
 * The weights that a training began with, in the store.
 *
 * @param objectKey of their safetensors file
 * @param sha256 of that file: models with the same one share their start
 */
public record StartRef(String objectKey, String sha256) {}
