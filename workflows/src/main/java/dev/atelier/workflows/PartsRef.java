package dev.atelier.workflows;

/**
 * What a pipeline has beside its network: autoencoder, text encoder, tokenizer.
 *
 * @param objectKey of the list of its files in the store
 * @param sha256 of the names and contents of the files
 */
public record PartsRef(String objectKey, String sha256) {}
