package dev.atelier.workflows;

/**
 * A feature extractor in the store.
 *
 * @param name its file name, or {@code random-conv}
 * @param objectKey of its TorchScript file
 * @param sha256 of that file
 */
public record ExtractorRef(String name, String objectKey, String sha256) {}
