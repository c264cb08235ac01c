package dev.atelier.workflows;

/**
 * An object in the store.
 *
 * @param objectKey that it is kept under
 * @param sha256 of its content
 */
public record ObjectRef(String objectKey, String sha256) {}
