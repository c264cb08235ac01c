package dev.atelier.workflows;

/**
 * What samples are to show, in the store.
 *
 * @param objectKey of a JSON array, a prompt per sample
 * @param sha256 of that file
 * @param prompts number of them
 * @param sourceSha256 of what they were drawn from: a user's file, or the dataset
 */
public record PromptsRef(String objectKey, String sha256, int prompts, String sourceSha256) {}
