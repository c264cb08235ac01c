package dev.atelier.workflows;

/**
 * A CLIP model in the store, which judges samples.
 *
 * @param name that it is known by
 * @param objectKey of the list of its files
 * @param sha256 of that list, and so of the names and contents of the files
 */
public record ClipRef(String name, String objectKey, String sha256) {}
