package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.soabase.recordbuilder.core.RecordBuilder;
import jakarta.validation.Valid;
import jakarta.validation.constraints.DecimalMax;
import jakarta.validation.constraints.DecimalMin;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Size;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A DDPM U-Net, Ho et al. 2020, appendix B, by default its CIFAR-10 network; or, with {@code
 * transformer}, a DiT, whose other fields then stay at their defaults and have no meaning.
 */
@RecordBuilder
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
            "Groups of group norm; absent: the largest common divisor of the widths up to 32 that leaves each group 4 channels, which a launch writes here")
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
        Optional<@Valid TransformerSpec> transformer,
    @JsonPropertyDescription("Added to the variance in group norms; absent: as the variant has it")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@DecimalMin("1e-12") @DecimalMax("1e-2") Double> normEps,
    @JsonPropertyDescription(
            "The kind of each level, in place of attentionResolutions; absent: plain, with attention at these")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@Valid BlocksSpec> blocks,
    @JsonPropertyDescription("How levels of the kind cross-attention attend to a text")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@Valid CrossAttentionSpec> crossAttention,
    @JsonPropertyDescription(
            "Whether it also has channels for the variance, which are not used; a transformer says so itself")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<Boolean> learnedSigma,
    @JsonPropertyDescription(
            "Width of each level, in place of channels and multipliers, where it is no multiple of the first")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@Size(min = 1, max = 8) List<@NotNull @Min(4) @Max(4096) Integer>> levelWidths,
    @JsonPropertyDescription("The latents that it works on, in place of the images' pixels")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<@Valid LatentsSpec> latents,
    @JsonPropertyDescription(
            "In place of groups: each width has groups of its own, its largest divisor up to 32 that leaves each group 4 channels, as specs had until 2026-12 that left groups out; diffusers has no such network")
        @NotNull
        @JsonInclude(JsonInclude.Include.NON_ABSENT)
        Optional<Boolean> groupsByWidth) {

  /** What the levels of a U-Net are made of. */
  public record BlocksSpec(
      @JsonPropertyDescription("Levels of the encoder, the highest resolution first")
          @NotNull
          @Size(min = 1, max = 8)
          List<@NotNull Block> down,
      @JsonPropertyDescription("What lies between encoder and decoder") @NotNull Middle middle,
      @JsonPropertyDescription("Levels of the decoder, the lowest resolution first")
          @NotNull
          @Size(min = 1, max = 8)
          List<@NotNull Block> up) {

    public BlocksSpec {
      down = down == null ? List.of() : List.copyOf(down);
      up = up == null ? List.of() : List.copyOf(up);
    }

    /** Whether a text is attended to anywhere. */
    public boolean attendToText() {
      return middle == Middle.CROSS_ATTENTION
          || down.contains(Block.CROSS_ATTENTION)
          || up.contains(Block.CROSS_ATTENTION);
    }
  }

  /** A level of a U-Net: what follows its residual blocks, and how its resolution changes. */
  public enum Block {
    /** Residual blocks; a convolution halves, one after nearest neighbours doubles. */
    @JsonProperty("plain")
    PLAIN,
    /** The same with self-attention. */
    @JsonProperty("attention")
    ATTENTION,
    /** The same with a transformer block that attends to the text. */
    @JsonProperty("cross-attention")
    CROSS_ATTENTION,
    /** Residual blocks, one of which halves or doubles. */
    @JsonProperty("resnet")
    RESNET,
    /** The same with filters, and the image as a further input or output of each level. */
    @JsonProperty("skip")
    SKIP // Karras et al. 2020 (StyleGAN2), section 4.1
  }

  /** What lies between encoder and decoder. */
  public enum Middle {
    /** Two residual blocks around self-attention. */
    @JsonProperty("attention")
    ATTENTION,
    /** Two residual blocks around a transformer block that attends to the text. */
    @JsonProperty("cross-attention")
    CROSS_ATTENTION,
    /** Two residual blocks. */
    @JsonProperty("plain")
    PLAIN,
    /** Nothing. */
    @JsonProperty("none")
    NONE
  }

  /** Attention to the tokens of a text. Rombach et al. 2022, section 3.3. */
  public record CrossAttentionSpec(
      @JsonPropertyDescription("Channels of a token of the text") @NotNull @Min(1) @Max(8192)
          Integer width,
      @JsonPropertyDescription("Tokens of a text") @NotNull @Min(1) @Max(1024) Integer tokens,
      @JsonPropertyDescription(
              "Heads at each level, the highest resolution first; absent: attentionHeads, or as many as attentionHeadWidth makes")
          @NotNull
          @JsonInclude(JsonInclude.Include.NON_ABSENT)
          Optional<@Size(min = 1, max = 8) List<@NotNull @Min(1) @Max(128) Integer>> heads,
      @JsonPropertyDescription(
              "Whether linear layers, as in Stable Diffusion 2, stand around a transformer block in place of convolutions")
          @NotNull
          Boolean linearProjection) {

    public CrossAttentionSpec {
      tokens = tokens == null ? 77 : tokens;
      heads = heads == null ? Optional.empty() : heads.map(List::copyOf);
      linearProjection = linearProjection != null && linearProjection;
    }
  }

  /** What an autoencoder makes of images. Rombach et al. 2022, section 3.1. */
  public record LatentsSpec(
      @JsonPropertyDescription("Channels of the latents") @NotNull @Min(1) @Max(64)
          Integer channels,
      @JsonPropertyDescription("Pixels per side of the images for one of the latents")
          @NotNull
          @Min(1)
          @Max(128)
          Integer reduction) {}

  /** Details in which U-Nets of the same blocks differ. */
  public enum Variant {
    /** Sines first, frequencies down to 1/10000, padding right and below, eps 1e-6 in norms. */
    @JsonProperty("ddpm")
    DDPM(1e-6),
    /** Cosines first, frequencies that end before 1/10000, padding all round, eps 1e-5. */
    @JsonProperty("diffusers")
    DIFFUSERS(1e-5);

    private final double normEps;

    Variant(double normEps) {
      this.normEps = normEps;
    }

    /** Added to the variance in group norms. */
    public double normEps() {
      return normEps;
    }
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
    levelWidths = levelWidths == null ? Optional.empty() : levelWidths.map(List::copyOf);
    List<Integer> named = levelWidths.orElse(List.of());
    if (channels == null) {
      channels = named.isEmpty() ? 128 : named.get(0);
    }
    if (multipliers == null) {
      multipliers = named.isEmpty() ? List.of(1, 2, 2, 2) : Collections.nCopies(named.size(), 1);
    }
    multipliers = List.copyOf(multipliers);
    resBlocks = resBlocks == null ? 2 : resBlocks;
    blocks = blocks == null ? Optional.empty() : blocks;
    if (attentionResolutions == null) {
      attentionResolutions = blocks.isPresent() ? List.of() : List.of(16);
    }
    attentionResolutions = List.copyOf(attentionResolutions);
    attentionHeads = attentionHeads == null ? 1 : attentionHeads;
    dropout = dropout == null ? 0.0 : dropout;
    groups = groups == null ? Optional.empty() : groups;
    attentionHeadWidth = attentionHeadWidth == null ? Optional.empty() : attentionHeadWidth;
    variant =
        variant == null || variant.equals(Optional.of(Variant.DDPM)) ? Optional.empty() : variant;
    transformer = transformer == null ? Optional.empty() : transformer;
    normEps = normEps == null ? Optional.empty() : normEps;
    crossAttention = crossAttention == null ? Optional.empty() : crossAttention;
    latents = latents == null ? Optional.empty() : latents;
    learnedSigma = learnedSigma == null ? Optional.empty() : learnedSigma.filter(sigma -> sigma);
    groupsByWidth = groupsByWidth == null ? Optional.empty() : groupsByWidth.filter(each -> each);
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
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
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
    return NetworkSpecBuilder.builder().transformer(Optional.of(transformer)).build();
  }

  /** Channels of each level, first (highest resolution) to last. */
  public List<Integer> widths() {
    return levelWidths.orElseGet(() -> multipliers.stream().map(m -> m * channels).toList());
  }

  /**
   * Groups of the group norm over {@code width} channels: the spec's own number, else the largest
   * divisor of {@code width} that is at most 32 and leaves each group at least 4 channels. Groups
   * of one channel would tell nothing of a pixel in the mean, and nothing at all at a resolution of
   * 1.
   */
  public int groupsFor(int width) {
    return groups.orElseGet(() -> groupsOf(List.of(width)));
  }

  /** The same for all widths at once, as diffusers has them: what {@link NormGroups} states. */
  public int commonGroups() {
    return groupsOf(widths());
  }

  private static int groupsOf(List<Integer> widths) {
    int narrowest = widths.stream().mapToInt(width -> width).min().orElse(1);
    int g = Math.max(1, Math.min(MAX_GROUPS, narrowest / MIN_CHANNELS_PER_GROUP));
    while (!divides(g, widths)) {
      g--;
    }
    return g;
  }

  private static boolean divides(int groups, List<Integer> widths) {
    return widths.stream().allMatch(width -> width % groups == 0);
  }

  /** Heads of the attention over {@code width} channels. */
  public int headsFor(int width) {
    return attentionHeadWidth.map(head -> Math.max(1, width / head)).orElse(attentionHeads);
  }

  /** What the levels are made of, for images of {@code resolution} pixels per side. */
  public BlocksSpec blocksAt(int resolution) {
    return blocks.orElseGet(
        () -> {
          List<Block> down =
              IntStream.range(0, multipliers.size())
                  .map(level -> resolution >> level)
                  .mapToObj(
                      side -> attentionResolutions.contains(side) ? Block.ATTENTION : Block.PLAIN)
                  .toList();
          List<Block> up = new ArrayList<>(down);
          Collections.reverse(up);
          return new BlocksSpec(down, Middle.ATTENTION, up);
        });
  }

  /** The same without dropout, which changes no weight. */
  public NetworkSpec withoutDropout() {
    return NetworkSpecBuilder.builder(this).dropout(0.0).build();
  }
}
