package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import java.util.List;

/** Feature distillation: what the student's features have in common with the teacher's, where. */
public record FeatureLossSpec(
    @JsonPropertyDescription(
            "What is compared: none, hint (features, by a learned 1×1 convolution), relational-sample (cosine similarities of samples), relational-spatial (those of pixels), relational-gram (Gram matrices of pixels with normalised rows, by an unsquared norm), or attention (maps of energy)")
        @NotNull
        Kind kind,
    @JsonPropertyDescription(
            "w_feature, weight of the mean over the places; left out: 0.1 of hint, 1 of relational-sample and relational-spatial, 0.01 of relational-gram, 10 of attention")
        @NotNull
        @DecimalMin("0")
        Double weight,
    @JsonPropertyDescription(
            "Places: mid, up.0 (the coarsest), up.1, … of the decoder levels, and eps, the predicted noise; left out: mid")
        @NotNull
        @Size(max = 9)
        List<@NotNull @Pattern(regexp = "mid|up\\.[0-7]|eps") String> at,
    @JsonPropertyDescription(
            "How the 1×1 convolutions of hint start: random, as PyTorch's do, or identity")
        @NotNull
        Projection projection) {

  /** What is compared; the mean over places is the loss. */
  public enum Kind {
    @JsonProperty("none")
    NONE(0),
    @JsonProperty("hint")
    HINT(0.1), // mean squared error after a 1×1 convolution; Romero et al. 2015, eq. 3
    @JsonProperty("relational-sample")
    RELATIONAL_SAMPLE(1), // B×B cosine similarities; Tung & Mori 2019
    @JsonProperty("relational-spatial")
    RELATIONAL_SPATIAL(1), // HW×HW cosine similarities of the pixels
    @JsonProperty("relational-gram")
    RELATIONAL_GRAM(0.01), // HW×HW Gram matrices, rows normalised; as DeMe's public code has it
    @JsonProperty("attention")
    ATTENTION(10); // channel-mean of squares, L2-normalised; Zagoruyko & Komodakis 2017

    private final double defaultWeight;

    Kind(double defaultWeight) {
      this.defaultWeight = defaultWeight;
    }
  }

  /** How the projections of hint start. */
  public enum Projection {
    @JsonProperty("random")
    RANDOM,
    @JsonProperty("identity")
    IDENTITY // channel i stays channel i, as DeMe's projections begin
  }

  /** The middle of the U-Net. */
  public static final String MID = "mid";

  /** The predicted noise. */
  public static final String EPS = "eps";

  /** No feature distillation. */
  public static final FeatureLossSpec NONE = new FeatureLossSpec(null, null, null);

  /** With projections that start as PyTorch's convolutions do. */
  public FeatureLossSpec(Kind kind, Double weight, List<String> at) {
    this(kind, weight, at, null);
  }

  public FeatureLossSpec {
    kind = kind == null ? Kind.NONE : kind;
    weight = weight == null ? (Double) kind.defaultWeight : weight;
    at = at == null ? (kind == Kind.NONE ? List.of() : List.of(MID)) : List.copyOf(at);
    projection = projection == null ? Projection.RANDOM : projection;
  }

  /** Whether features are compared at all. */
  public boolean wanted() {
    return kind != Kind.NONE;
  }
}
