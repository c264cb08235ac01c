package dev.atelier.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Optional;

/**
 * A feature extractor in the store, and what else samples are judged by.
 *
 * @param name its file name, or {@code random-conv}
 * @param objectKey of its TorchScript file
 * @param sha256 of that file
 * @param clip a CLIP model, where the spec names one
 * @param prompts that samples show, where the spec names some; absent: captions of the dataset
 */
public record ExtractorRef(
    String name,
    String objectKey,
    String sha256,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<ClipRef> clip,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<PromptsRef> prompts) {

  public ExtractorRef {
    clip = clip == null ? Optional.empty() : clip;
    prompts = prompts == null ? Optional.empty() : prompts;
  }

  /** Of samples without prompts, judged by its features alone. */
  public ExtractorRef(String name, String objectKey, String sha256) {
    this(name, objectKey, sha256, Optional.empty(), Optional.empty());
  }
}
