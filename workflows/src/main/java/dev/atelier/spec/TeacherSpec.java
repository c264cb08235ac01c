package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.util.Optional;

/**
 * The large model that is trained first, or imported, and then distilled.
 *
 * <p>A source is the path or the {@code file:}, {@code http(s):} or {@code s3:} URI of a
 * safetensors or TorchScript file, or the path of a directory in the layout of diffusers.
 */
public record TeacherSpec(
    @JsonPropertyDescription(
            "A finished teacher instead of one to train: the path or the file:, http(s): or s3: URI of a safetensors file or of a TorchScript file (x, t) -> eps, or the path of a directory in the layout of diffusers")
        @NotNull
        Optional<@Size(min = 1, max = 2000) String> source,
    @JsonPropertyDescription("Architecture of the teacher") @NotNull @Valid NetworkSpec network,
    @JsonPropertyDescription("How the teacher is trained") @NotNull @Valid TrainingSpec training) {

  /** The network of Ho et al. 2020; an imported teacher's own network is read beside it. */
  public static final NetworkSpec DEFAULT_NETWORK = NetworkSpec.ofWidth(128);

  public TeacherSpec {
    source = source == null ? Optional.empty() : source;
    network = network == null ? DEFAULT_NETWORK : network;
    training = training == null ? TrainingSpec.DEFAULTS : training;
  }
}
