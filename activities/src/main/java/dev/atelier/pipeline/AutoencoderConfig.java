package dev.atelier.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.graph.Graph;
import dev.atelier.network.files.ConfigFields;
import dev.atelier.network.files.ConfigFields.Fixed;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * {@code config.json} of an {@code AutoencoderKL}: what a field that is absent has in diffusers,
 * and nothing that isn't here.
 *
 * @param imageChannels of images, both ways
 * @param widths channels of each level, from the images' on
 * @param layersPerBlock residual blocks of a level of the encoder; the decoder has one more
 * @param groups of group norms
 * @param midAttention whether the pixels of the coarsest level attend to one another
 * @param quantConv whether a 1×1 convolution ends the encoder
 * @param postQuantConv whether a 1×1 convolution begins the decoder
 * @param scalingFactor that latents are multiplied by for a U-Net
 */
public record AutoencoderConfig(
    int imageChannels,
    int latentChannels,
    List<Integer> widths,
    int layersPerBlock,
    int groups,
    boolean midAttention,
    boolean quantConv,
    boolean postQuantConv,
    double scalingFactor) {

  private static final int MAX_LEVELS = 8;
  private static final int MAX_WIDTH = 4096;

  private static final List<Fixed> FIXED =
      List.of(
          new Fixed("act_fn", "\"silu\"", "\"silu\""),
          new Fixed("shift_factor", "null", "null"),
          new Fixed("latents_mean", "null", "null"),
          new Fixed("latents_std", "null", "null"));

  private static final Set<String> KNOWN =
      Set.of(
          "act_fn",
          "shift_factor",
          "latents_mean",
          "latents_std",
          "in_channels",
          "out_channels",
          "latent_channels",
          "block_out_channels",
          "down_block_types",
          "up_block_types",
          "layers_per_block",
          "norm_num_groups",
          "mid_block_add_attention",
          "use_quant_conv",
          "use_post_quant_conv",
          "scaling_factor",
          "sample_size", // of tiles, which nothing here uses
          "force_upcast"); // of float16; all is float32 here

  public AutoencoderConfig {
    widths = List.copyOf(widths);
  }

  /**
   * Reads the fields.
   *
   * @throws IllegalArgumentException naming each field that asks for what isn't there
   */
  static AutoencoderConfig of(ConfigFields config) {
    config.requireKnown(KNOWN);
    FIXED.forEach(config::require);
    List<Integer> widths = widths(config);
    requireBlocks(config, "down_block_types", "DownEncoderBlock2D", widths.size());
    requireBlocks(config, "up_block_types", "UpDecoderBlock2D", widths.size());
    int imageChannels = config.integer("in_channels", "3", 1, 64);
    config.require(
        new Fixed("out_channels", "3", String.valueOf(imageChannels))); // of what it reads
    int groups = config.integer("norm_num_groups", "32", 1, MAX_WIDTH);
    if (widths.stream().anyMatch(width -> width % groups != 0)) {
      config.fault(
          "norm_num_groups", config.value("norm_num_groups", "32"), "a divisor of every width");
    }
    JsonNode scale = config.value("scaling_factor", "0.18215");
    if (!scale.isNumber() || !(scale.asDouble() > 0) || Double.isInfinite(scale.asDouble())) {
      config.fault("scaling_factor", scale, "a number above 0");
    }
    AutoencoderConfig read =
        new AutoencoderConfig(
            imageChannels,
            config.integer("latent_channels", "4", 1, 64),
            widths,
            config.integer("layers_per_block", "1", 1, 8),
            groups,
            flag(config, "mid_block_add_attention"),
            flag(config, "use_quant_conv"),
            flag(config, "use_post_quant_conv"),
            scale.asDouble());
    config.refuseFaults();
    return read;
  }

  private static List<Integer> widths(ConfigFields config) {
    JsonNode found = config.value("block_out_channels", "[64]");
    List<Integer> widths = new ArrayList<>();
    boolean fits = found.isArray() && !found.isEmpty() && found.size() <= MAX_LEVELS;
    for (JsonNode width : found) {
      fits &= width.isInt() && width.asInt() >= 1 && width.asInt() <= MAX_WIDTH;
      widths.add(width.asInt());
    }
    if (!fits) {
      config.fault(
          "block_out_channels",
          found,
          "1 to %d widths from 1 to %d".formatted(MAX_LEVELS, MAX_WIDTH));
      return List.of(1);
    }
    return widths;
  }

  private static void requireBlocks(ConfigFields config, String field, String block, int levels) {
    JsonNode found = config.value(field, "[\"%s\"]".formatted(block));
    boolean fits = found.size() == levels;
    for (JsonNode name : found) {
      fits &= name.asText().equals(block);
    }
    if (!fits) {
      config.fault(field, found, "%s for each of %d widths".formatted(block, levels));
    }
  }

  /** True where it is absent. */
  private static boolean flag(ConfigFields config, String field) {
    JsonNode found = config.value(field, "true");
    if (!found.isBoolean()) {
      config.fault(field, found, "true or false");
    }
    return found.asBoolean();
  }

  /** Pixels of an image along each side of a latent's pixel. */
  public int reduction() {
    return 1 << (widths.size() - 1);
  }

  /** Images [N, imageChannels, side, side] to mean and log variance [N, 2 latentChannels, …]. */
  public Graph encoder(int side) {
    return new AutoencoderGraph(this).encoder(side);
  }

  /** Latents [N, latentChannels, side, side] to images. */
  public Graph decoder(int side) {
    return new AutoencoderGraph(this).decoder(side);
  }
}
