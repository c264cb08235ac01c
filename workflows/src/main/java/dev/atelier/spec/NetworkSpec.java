package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import jakarta.validation.Valid;
import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.util.List;
import java.util.Optional;

/**
 * A DDPM U-Net, Ho et al. 2020, appendix B, by default its CIFAR-10 network; or, with {@code
 * transformer}, a DiT, whose other fields then stay at their defaults and have no meaning.
 */
public record NetworkSpec(
    @JsonPropertyDescription("Width of the first level") @NotNull @Min(4) @Max(1024)
        Integer channels,
    @JsonPropertyDescription(
            "Width of each level, as a multiple of channels; each level after the first halves the resolution")
        @NotNull
        @Size(min = 1, max = 8)
        List<@NotNull @Min(1) @Max(16) Integer> multipliers,
    @JsonPropertyDescription("Residual blocks per level") @NotNull @Min(1) @Max(8)
        Integer resBlocks,
    @JsonPropertyDescription("Resolutions, in pixels per side, of the levels with self-attention")
        @NotNull
        @Size(max = 8)
        List<@NotNull @Min(1) Integer> attentionResolutions,
    @JsonPropertyDescription("Heads of each attention block") @NotNull @Min(1) @Max(64)
        Integer attentionHeads,
    @JsonPropertyDescription("Probability of dropout in residual blocks")
        @NotNull
        @DecimalMin("0")
        @DecimalMax(value = "1", inclusive = false)
        Double dropout,
    @JsonPropertyDescription(
            "Groups of group norm; absent: the largest divisor of each width up to 32 that leaves each group 4 channels")
        @NotNull
        Optional<@Min(1) @Max(128) Integer> groups,
    @JsonPropertyDescription(
            "Channels of each attention head, in place of attentionHeads: wider levels then have more heads")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT) // equal specs of earlier versions stay equal
        Optional<@Min(1) @Max(1024) Integer> attentionHeadWidth,
    @JsonPropertyDescription(
            "What is not a number about it: as in google/ddpm-cifar10-32 (ddpm), or as UNet2DModel of diffusers has it unless told otherwise (diffusers); absent: ddpm")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<Variant> variant,
    @JsonPropertyDescription(
            "A diffusion transformer (DiT) in place of the U-Net, whose fields are then left out")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@Valid TransformerSpec> transformer) {

  /** Details in which U-Nets of the same blocks differ. */
  public enum Variant {
    /** Sines first, frequencies down to 1/10000, padding right and below, eps 1e-6 in norms. */
    @JsonProperty("ddpm")
    DDPM,
    /** Cosines first, frequencies that end before 1/10000, padding all round, eps 1e-5. */
    @JsonProperty("diffusers")
    DIFFUSERS
  }

  /**
   * A DiT with adaLN-Zero. Peebles & Xie 2023; defaults are its DiT-S/2. The width is {@code heads
   * · headWidth}.
   */
  public record TransformerSpec(
      @JsonPropertyDescription("Pixels per side of a patch, which is one token")
          @NotNull
          @Min(1)
          @Max(64)
          Integer patchSize,
      @JsonPropertyDescription("Transformer blocks") @NotNull @Min(1) @Max(100) Integer layers,
      @JsonPropertyDescription("Heads of each attention; with headWidth they make the width")
          @NotNull
          @Min(1)
          @Max(64)
          Integer heads,
      @JsonPropertyDescription("Channels of each head") @NotNull @Min(1) @Max(256)
          Integer headWidth,
      @JsonPropertyDescription(
              "Added to the variance in the norm before each feed-forward layer, norm_eps of diffusers")
          @NotNull
          @DecimalMin("1e-12")
          @DecimalMax("1e-2")
          Double normEps,
      @JsonPropertyDescription(
              "Whether it also has channels for the variance, as released ones do; they are not used")
          @NotNull
          Boolean learnedSigma) {

    public TransformerSpec {
      patchSize = patchSize == null ? 2 : patchSize;
      layers = layers == null ? 12 : layers;
      heads = heads == null ? 6 : heads;
      headWidth = headWidth == null ? 64 : headWidth;
      normEps = normEps == null ? 1e-5 : normEps;
      learnedSigma = learnedSigma != null && learnedSigma;
    }

    /** Channels of a token. */
    public int width() {
      return heads * headWidth;
    }
  }

  private static final int MAX_GROUPS = 32;
  private static final int MIN_CHANNELS_PER_GROUP = 4; // as the paper's network of 128 channels

  public NetworkSpec {
    channels = channels == null ? 128 : channels;
    multipliers = multipliers == null ? List.of(1, 2, 2, 2) : List.copyOf(multipliers);
    resBlocks = resBlocks == null ? 2 : resBlocks;
    attentionResolutions =
        attentionResolutions == null ? List.of(16) : List.copyOf(attentionResolutions);
    attentionHeads = attentionHeads == null ? 1 : attentionHeads;
    dropout = dropout == null ? 0.0 : dropout;
    groups = groups == null ? Optional.empty() : groups;
    attentionHeadWidth = attentionHeadWidth == null ? Optional.empty() : attentionHeadWidth;
    variant =
        variant == null || variant.equals(Optional.of(Variant.DDPM)) ? Optional.empty() : variant;
    transformer = transformer == null ? Optional.empty() : transformer;
  }

  /** A U-Net. */
  public NetworkSpec(
      Integer channels,
      List<Integer> multipliers,
      Integer resBlocks,
      List<Integer> attentionResolutions,
      Integer attentionHeads,
      Double dropout,
      Optional<Integer> groups,
      Optional<Integer> attentionHeadWidth,
      Optional<Variant> variant) {
    this(
        channels,
        multipliers,
        resBlocks,
        attentionResolutions,
        attentionHeads,
        dropout,
        groups,
        attentionHeadWidth,
        variant,
        Optional.empty());
  }

  /** With equally many heads at each level, in the variant of DDPM. */
  public NetworkSpec(
      Integer channels,
      List<Integer> multipliers,
      Integer resBlocks,
      List<Integer> attentionResolutions,
      Integer attentionHeads,
      Double dropout,
      Optional<Integer> groups) {
    this(
        channels,
        multipliers,
        resBlocks,
        attentionResolutions,
        attentionHeads,
        dropout,
        groups,
        Optional.empty(),
        Optional.empty());
  }

  /** The default network with another width. */
  public static NetworkSpec ofWidth(int channels) {
    return new NetworkSpec(channels, null, null, null, null, null, Optional.empty());
  }

  /** A transformer. */
  public static NetworkSpec of(TransformerSpec transformer) {
    return new NetworkSpec(
        null,
        null,
        null,
        null,
        null,
        null,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.of(transformer));
  }

  /** Channels of each level, first (highest resolution) to last. */
  public List<Integer> widths() {
    return multipliers.stream().map(m -> m * channels).toList();
  }

  /**
   * Groups of the group norm over {@code width} channels: the spec's own number, else the largest
   * divisor of {@code width} that is at most 32 and leaves each group at least 4 channels. Groups
   * of one channel would tell nothing of a pixel in the mean, and nothing at all at a resolution of
   * 1.
   */
  public int groupsFor(int width) {
    return groups.orElseGet(
        () -> {
          int g = Math.max(1, Math.min(MAX_GROUPS, width / MIN_CHANNELS_PER_GROUP));
          while (width % g != 0) {
            g--;
          }
          return g;
        });
  }

  /** Heads of the attention over {@code width} channels. */
  public int headsFor(int width) {
    return attentionHeadWidth.map(head -> Math.max(1, width / head)).orElse(attentionHeads);
  }

  /** The same without dropout, which changes no weight. */
  public NetworkSpec withoutDropout() {
    return new NetworkSpec(
        channels,
        multipliers,
        resBlocks,
        attentionResolutions,
        attentionHeads,
        0.0,
        groups,
        attentionHeadWidth,
        variant,
        transformer);
  }
}
