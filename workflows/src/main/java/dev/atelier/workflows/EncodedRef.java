package dev.atelier.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Optional;

/**
 * How networks see a dataset: what a pipeline's parts make of its images and captions.
 *
 * @param parts that made it; they make images of latents, and read prompts
 * @param latents absent: networks see pixels
 * @param texts absent: networks read none
 */
public record EncodedRef(
    PartsRef parts,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<Files> latents,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<Files> texts) {

  /**
   * Shards in the store.
   *
   * @param objectKey of their manifest
   * @param sha256 of that manifest
   */
  public record Files(String objectKey, String sha256) {}

  public EncodedRef {
    latents = latents == null ? Optional.empty() : latents;
    texts = texts == null ? Optional.empty() : texts;
  }
}
