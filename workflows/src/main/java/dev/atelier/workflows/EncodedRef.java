package dev.atelier.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Optional;

/**
 * How networks see a dataset: what a pipeline's parts make of its images and captions.
 *
 * @param parts that made it; they make images of latents, and read prompts
 * @param latents the manifest of their shards; absent: networks see pixels
 * @param texts the same; absent: networks read none
 */
public record EncodedRef(
    PartsRef parts,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<ObjectRef> latents,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<ObjectRef> texts) {

  public EncodedRef {
    latents = latents == null ? Optional.empty() : latents;
    texts = texts == null ? Optional.empty() : texts;
  }
}
