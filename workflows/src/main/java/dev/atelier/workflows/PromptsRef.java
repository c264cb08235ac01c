package dev.atelier.workflows;

/**
 * What samples may show, in the store.
 *
 * @param objectKey of a JSON array: for each thing that can be shown, the texts that say it
 * @param sha256 of that file
 * @param prompts number of things
 */
public record PromptsRef(String objectKey, String sha256, int prompts) {}
