package dev.atelier.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.atelier.spec.NetworkSpec;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import java.util.Optional;

/** Makes of a dataset what networks see that work on latents or read texts. */
@ActivityInterface
public interface EncodingActivities {

  /**
   * A dataset to encode; exactly one of {@code teacher} and {@code partsFrom} brings the parts.
   *
   * @param network of the teacher: whether there are latents and texts, and of which size
   * @param teacher imported, whose pipeline's parts are kept with it
   * @param partsFrom {@code random-clip}, or the source of a pipeline
   * @param variant of the weights of {@code partsFrom}
   * @param mirrored whether each image's mirror image is encoded too
   */
  record EncodeDataset(
      String experimentId,
      DatasetRef dataset,
      NetworkSpec network,
      @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<ModelRef> teacher,
      @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<String> partsFrom,
      @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<String> variant,
      boolean mirrored) {

    public EncodeDataset {
      teacher = teacher == null ? Optional.empty() : teacher;
      partsFrom = partsFrom == null ? Optional.empty() : partsFrom;
      variant = variant == null ? Optional.empty() : variant;
    }
  }

  /** Encodes what is not there yet: an attempt after one that was lost repeats a shard at most. */
  @ActivityMethod(name = "EncodeDataset")
  EncodedRef encodeDataset(EncodeDataset task);
}
