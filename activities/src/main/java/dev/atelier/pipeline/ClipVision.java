package dev.atelier.pipeline;

import dev.atelier.graph.Graph;
import dev.atelier.graph.GraphBuilder;
import dev.atelier.graph.Operation;
import dev.atelier.graph.Value;
import dev.atelier.network.files.ConfigFields;
import dev.atelier.network.files.WeightFiles;
import dev.atelier.network.tensors.HostTensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A {@code CLIPVisionModel} of transformers, or a {@code CLIPVisionModelWithProjection}: what
 * pictures mean. Radford et al. 2021; Dosovitskiy et al. 2021.
 */
public final class ClipVision {

  /** How the names of its weights begin, and that of its projection. */
  static final String PREFIX = "vision_model.";

  static final String PROJECTION = "visual_projection";

  private final ClipConfig config;
  private final int channels;
  private final int side;
  private final int patch;
  private final Map<String, HostTensor> tensors;

  private ClipVision(
      ClipConfig config, int channels, int side, int patch, Map<String, HostTensor> tensors) {
    this.config = config;
    this.channels = channels;
    this.side = side;
    this.patch = patch;
    this.tensors = tensors;
  }

  /**
   * Reads the folder {@code part} of the pipeline in {@code root}, or, where that is empty, {@code
   * root} itself; what is wrong with it is said before anything is computed.
   *
   * @param variant of the weights, taken where there is one
   * @throws IllegalArgumentException naming the fields or tensors that don't fit, as a clause
   */
  public static ClipVision read(Path root, String part, Optional<String> variant)
      throws IOException {
    Part files = new Part(root, part, WeightFiles.TRANSFORMERS, variant);
    ConfigFields fields = files.config("model_type", "clip_vision_model");
    return of(files, fields, Set.of(), files.tensors());
  }

  /**
   * The same of a config and tensors that were read.
   *
   * @param ignored fields of the config that say nothing of it
   */
  static ClipVision of(
      Part files, ConfigFields fields, Set<String> ignored, Map<String, HostTensor> tensors) {
    Set<String> own = new HashSet<>(ignored);
    own.addAll(List.of("image_size", "patch_size", "num_channels"));
    ClipConfig config = ClipConfig.of(fields, new ClipConfig.Defaults("768", "3072", "12"), own);
    int channels = fields.integer("num_channels", "3", 1, 64);
    int side = fields.integer("image_size", "224", 1, 4096);
    int patch = fields.integer("patch_size", "32", 1, 256);
    if (side % patch != 0) {
      fields.fault(
          "patch_size", fields.value("patch_size", "32"), "a divisor of image_size " + side);
    }
    fields.refuseFaults();
    ClipVision read =
        new ClipVision(
            config, channels, side, patch, ClipLayers.named(tensors, PREFIX, List.of(PROJECTION)));
    files.check(List.of(read.graph()), read.tensors);
    return read;
  }

  private Graph graph() {
    GraphBuilder builder = new GraphBuilder(new Value("x", channels, side), Graph.Told.NOTHING);
    Value image = builder.image();
    int rows = side / patch;
    Value patches =
        builder.append(
            config.width(),
            rows,
            out ->
                new Operation.Convolution(
                    out,
                    image,
                    PREFIX + "embeddings.patch_embedding",
                    patch,
                    patch,
                    0,
                    false,
                    false));
    Value tokens =
        builder.append(
            config.width(),
            1,
            rows * rows + 1,
            out -> new Operation.PrependToken(out, patches, PREFIX + "embeddings.class_embedding"));
    Value placed =
        builder.like(
            tokens,
            out ->
                new Operation.AddPositionTable(
                    out, tokens, PREFIX + "embeddings.position_embedding"));
    Value h = builder.layerNorm(placed, PREFIX + "pre_layrnorm", config.eps());
    h = ClipLayers.append(builder, config, PREFIX, h, false);
    Value normed = builder.layerNorm(h, PREFIX + "post_layernorm", config.eps());
    Value pooled = builder.append(config.width(), 0, out -> new Operation.FirstToken(out, normed));
    projectionWidth().ifPresent(width -> builder.linear(pooled, PROJECTION, width, false));
    return builder.build();
  }

  /** Absent: it has no projection. */
  private Optional<Integer> projectionWidth() {
    return ClipLayers.projectionWidth(tensors, PROJECTION);
  }

  /** Elements of an embedding. */
  public int width() {
    return projectionWidth().orElse(config.width());
  }

  /** Pixels per side of the pictures. */
  public int side() {
    return side;
  }

  /** Channels of the pictures. */
  public int channels() {
    return channels;
  }

  /** Number of learned numbers. */
  public long parameters() {
    return graph().parameters();
  }

  /** Loads it; {@code work}: a directory for temporary files. */
  public Encoder load(String device, Path work) throws IOException {
    return new Encoder(
        this, LoadedGraph.load("CLIP's image encoder", graph(), tensors, device, work));
  }

  /** Makes embeddings of pictures. */
  public static final class Encoder implements AutoCloseable {
    private final ClipVision vision;
    private final LoadedGraph graph;

    private Encoder(ClipVision vision, LoadedGraph graph) {
      this.vision = vision;
      this.graph = graph;
    }

    /**
     * The embedding [N, width] of pictures [N, channels, side, side], resized and normalised as
     * CLIP was trained on: {@code image_embeds}, or {@code pooler_output} without a projection.
     */
    public HostTensor encode(HostTensor pixels) {
      long[] shape = pixels.shape();
      boolean fits =
          shape.length == 4
              && shape[1] == vision.channels
              && shape[2] == vision.side
              && shape[3] == vision.side;
      if (!fits) {
        throw new IllegalArgumentException(
            "Expected pictures of shape [N, %1$d, %2$d, %2$d], found %3$s."
                .formatted(vision.channels, vision.side, pixels));
      }
      return graph.forward(pixels);
    }

    @Override
    public void close() {
      graph.close();
    }
  }
}
