package dev.atelier.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Optional;

/**
 * Feature statistics in the store, which every subject is compared with.
 *
 * @param objectKey of their file: safetensors with the features of the dataset, or the .npz that
 *     the spec names
 * @param sha256 of that file
 * @param images number of images they were measured on; 0: the file doesn't say
 * @param extractorSha256 of the network that made those of an .npz; empty: neither the file nor the
 *     spec says it, or the statistics are the dataset's
 * @param clip the safetensors file of what a CLIP model tells of the dataset, where the spec names
 *     one
 */
public record StatisticsRef(
    String objectKey,
    String sha256,
    int images,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<String> extractorSha256,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<ObjectRef> clip) {

  public StatisticsRef {
    extractorSha256 = extractorSha256 == null ? Optional.empty() : extractorSha256;
    clip = clip == null ? Optional.empty() : clip;
  }

  /** Of a dataset. */
  public StatisticsRef(String objectKey, String sha256, int images) {
    this(objectKey, sha256, images, Optional.empty());
  }

  /** Of an extractor alone. */
  public StatisticsRef(
      String objectKey, String sha256, int images, Optional<String> extractorSha256) {
    this(objectKey, sha256, images, extractorSha256, Optional.empty());
  }

  /** The same, with what a CLIP model tells of the dataset. */
  public StatisticsRef with(Optional<ObjectRef> embeddings) {
    return new StatisticsRef(objectKey, sha256, images, extractorSha256, embeddings);
  }
}
