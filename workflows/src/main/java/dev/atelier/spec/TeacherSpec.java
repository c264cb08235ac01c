package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.soabase.recordbuilder.core.RecordBuilder;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import java.util.Optional;

/**
 * The large model that is trained first, or imported, and then distilled.
 *
 * <p>A source is the path or the {@code file:}, {@code http(s):} or {@code s3:} URI of a
 * safetensors or TorchScript file; or a folder in the layout of diffusers: a directory's path, a
 * prefix {@code s3://bucket/prefix/}, or a commit of the Hub, {@code hf://OWNER/NAME@COMMIT}.
 */
@RecordBuilder
public record TeacherSpec(
    @JsonPropertyDescription(
            "A finished teacher instead of one to train: the path or the file:, http(s): or s3: URI of a safetensors file or of a TorchScript file (x, t) -> eps, or a folder in the layout of diffusers: the path of a directory, a prefix s3://bucket/prefix/, or a commit of the Hub, hf://OWNER/NAME@COMMIT[/folder]")
        @NotNull
        Optional<@Size(min = 1, max = 2000) String> source,
    @JsonPropertyDescription("Architecture of the teacher") @NotNull @Valid NetworkSpec network,
    @JsonPropertyDescription("How the teacher is trained") @NotNull @Valid TrainingSpec training,
    @JsonPropertyDescription(
            "Which variant of the weights of a folder of diffusers is taken, such as fp16; absent: the weights without one, else the only one")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@Pattern(regexp = "[A-Za-z0-9_-]{1,64}") String> variant,
    @JsonPropertyDescription(
            "How what a pipeline has beside its network (autoencoder, text encoder, tokenizer) goes into an export: copied (the default), or referenced, for large parts that users have")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<Parts> parts,
    @JsonPropertyDescription(
            "What a teacher that is trained here has beside its network: a folder in the layout of diffusers whose autoencoder, text encoder and tokenizer are used, or random-clip, a small fixed text encoder of random weights")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@Size(min = 1, max = 2000) String> partsFrom) {

  /** The built-in text encoder: fixed random weights, needs no download. */
  public static final String RANDOM_CLIP = "random-clip";

  /** Channels of each token of its texts. */
  public static final int RANDOM_CLIP_WIDTH = 64;

  /** Tokens of each of its texts. */
  public static final int RANDOM_CLIP_TOKENS = 16;

  /** How parts of the teacher's pipeline go into an export. */
  public enum Parts {
    @JsonProperty("copied")
    COPIED,
    @JsonProperty("referenced")
    REFERENCED
  }

  /** The network of Ho et al. 2020; an imported teacher's own network is read beside it. */
  public static final NetworkSpec DEFAULT_NETWORK = NetworkSpec.ofWidth(128);

  public TeacherSpec {
    source = source == null ? Optional.empty() : source;
    network = network == null ? DEFAULT_NETWORK : network;
    training = training == null ? TrainingSpec.DEFAULTS : training;
    variant = variant == null ? Optional.empty() : variant;
    partsFrom = partsFrom == null ? Optional.empty() : partsFrom;
    parts = parts == null ? Optional.empty() : parts.filter(p -> p != Parts.COPIED);
  }

  /** Of weights without a variant, or the only one. */
  public TeacherSpec(Optional<String> source, NetworkSpec network, TrainingSpec training) {
    this(source, network, training, Optional.empty(), Optional.empty(), Optional.empty());
  }
}
