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
 * A {@code CLIPTextModel} of transformers, or one with the projection of a {@code CLIPModel}: what
 * texts mean. Radford et al. 2021.
 */
public final class ClipText {

  /** How the names of its weights begin, and that of its projection. */
  static final String PREFIX = "text_model.";

  static final String PROJECTION = "text_projection";

  private static final int LARGEST_END = 2; // configs that say this name the wrong token

  private final ClipConfig config;
  private final int vocabulary;
  private final int tokens;
  private final int end;
  private final String file;
  private final Map<String, HostTensor> tensors;

  private ClipText(
      ClipConfig config,
      int vocabulary,
      int tokens,
      int end,
      String file,
      Map<String, HostTensor> tensors) {
    this.config = config;
    this.vocabulary = vocabulary;
    this.tokens = tokens;
    this.end = end;
    this.file = file;
    this.tensors = tensors;
  }

  /**
   * Reads the folder {@code part} of the pipeline in {@code root}; what is wrong with it is said
   * before anything is computed.
   *
   * @param variant of the weights, taken where there is one
   * @throws IllegalArgumentException naming the fields or tensors that don't fit, as a clause
   */
  public static ClipText read(Path root, String part, Optional<String> variant) throws IOException {
    Part files = new Part(root, part, WeightFiles.TRANSFORMERS, variant);
    ConfigFields fields = files.config("model_type", "clip_text_model");
    return of(files, fields, files.shown("config.json"), Set.of(), files.tensors(), List.of());
  }

  /**
   * The same of a config and tensors that were read.
   *
   * @param shown the config's name in messages
   * @param ignored fields of the config that say nothing of it
   * @param outside {@link #PROJECTION}, where it has one
   */
  static ClipText of(
      Part files,
      ConfigFields fields,
      String shown,
      Set<String> ignored,
      Map<String, HostTensor> tensors,
      List<String> outside) {
    Set<String> own = new HashSet<>(ignored);
    own.addAll(List.of("vocab_size", "max_position_embeddings", "eos_token_id"));
    ClipConfig config = ClipConfig.of(fields, new ClipConfig.Defaults("512", "2048", "8"), own);
    int vocabulary = fields.integer("vocab_size", "49408", 1, 1_000_000);
    int tokens = fields.integer("max_position_embeddings", "77", 2, 4096);
    int end = fields.integer("eos_token_id", "49407", 0, Math.max(LARGEST_END, vocabulary - 1));
    fields.refuseFaults();
    ClipText read =
        new ClipText(
            config, vocabulary, tokens, end, shown, ClipLayers.named(tensors, PREFIX, outside));
    files.check(List.of(read.graph()), read.tensors);
    return read;
  }

  private Graph graph() {
    return graph(config, vocabulary, tokens, projectionWidth());
  }

  /**
   * @param projection channels of the projection of each token; absent: there is none
   */
  static Graph graph(ClipConfig config, int vocabulary, int tokens, Optional<Integer> projection) {
    GraphBuilder builder = new GraphBuilder(Value.sequence("x", 1, tokens), Graph.Told.NOTHING);
    Value ids = builder.image();
    Value embedded =
        builder.append(
            config.width(),
            1,
            tokens,
            out ->
                new Operation.TokenEmbedding(
                    out, ids, PREFIX + "embeddings.token_embedding", vocabulary));
    Value placed =
        builder.like(
            embedded,
            out ->
                new Operation.AddPositionTable(
                    out, embedded, PREFIX + "embeddings.position_embedding"));
    Value h = ClipLayers.append(builder, config, PREFIX, placed, true);
    Value normed = builder.layerNorm(h, PREFIX + "final_layer_norm", config.eps());
    projection.ifPresent(width -> builder.linear(normed, PROJECTION, width, false));
    return builder.build();
  }

  /** Absent: it has no projection. */
  private Optional<Integer> projectionWidth() {
    return ClipLayers.projectionWidth(tensors, PROJECTION);
  }

  /** Channels of each token's embedding. */
  public int width() {
    return projectionWidth().orElse(config.width());
  }

  /** Tokens of each text. */
  public int tokens() {
    return tokens;
  }

  /** Number of learned numbers. */
  public long parameters() {
    return graph().parameters();
  }

  /**
   * Checks that a tokenizer is this encoder's.
   *
   * @throws IllegalArgumentException if it has another vocabulary or length, as a clause
   */
  public void check(ClipTokenizer tokenizer) {
    if (tokenizer.size() != vocabulary) {
      throw new IllegalArgumentException(
          "the tokenizer has %d tokens, but vocab_size of %s is %d"
              .formatted(tokenizer.size(), file, vocabulary));
    }
    if (tokenizer.maxLength() != tokens) {
      throw new IllegalArgumentException(
          "the tokenizer's model_max_length is %d, but max_position_embeddings of %s is %d"
              .formatted(tokenizer.maxLength(), file, tokens));
    }
    if (end != LARGEST_END && end != tokenizer.end()) {
      throw new IllegalArgumentException(
          "the tokenizer ends texts with the id %d, but eos_token_id of %s is %d"
              .formatted(tokenizer.end(), file, end));
    }
  }

  /** Loads it; {@code work}: a directory for temporary files. */
  public Encoder load(String device, Path work) throws IOException {
    return new Encoder(this, LoadedGraph.load("The text encoder", graph(), tensors, device, work));
  }

  /**
   * What texts mean.
   *
   * @param lastHiddenState of each token, [N, tokens, width]: what a U-Net attends to
   * @param pooled that of the token that ends the text, [N, width]
   */
  public record Embedding(HostTensor lastHiddenState, HostTensor pooled) {}

  /** Makes embeddings of texts. */
  public static final class Encoder implements AutoCloseable {
    private final ClipText text;
    private final LoadedGraph graph;

    private Encoder(ClipText text, LoadedGraph graph) {
      this.text = text;
      this.graph = graph;
    }

    /** The embedding of {@link ClipTokenizer#paddedIds}, [N][tokens]. */
    public Embedding encode(int[]... ids) {
      int tokens = text.tokens;
      long[] flat = new long[ids.length * tokens];
      for (int n = 0; n < ids.length; n++) {
        if (ids[n].length != tokens) {
          throw new IllegalArgumentException(
              "Expected %d ids of a text, found %d.".formatted(tokens, ids[n].length));
        }
        for (int i = 0; i < tokens; i++) {
          int id = ids[n][i];
          if (id < 0 || id >= text.vocabulary) { // libtorch would read what isn't there
            throw new IllegalArgumentException(
                "Expected ids from 0 to %d, found %d.".formatted(text.vocabulary - 1, id));
          }
          flat[n * tokens + i] = id;
        }
      }
      HostTensor hidden = graph.forward(HostTensor.ofLongs(flat, ids.length, tokens));
      return new Embedding(hidden, pooled(ids, hidden.toFloats()));
    }

    private HostTensor pooled(int[][] ids, float[] hidden) {
      int width = text.width();
      float[] pooled = new float[ids.length * width];
      for (int n = 0; n < ids.length; n++) {
        int row = n * text.tokens + last(ids[n]);
        System.arraycopy(hidden, row * width, pooled, n * width, width);
      }
      return HostTensor.ofFloats(pooled, ids.length, width);
    }

    /** The place of the first token that ends the text; without one the first, as transformers. */
    private int last(int[] ids) {
      int last = 0;
      for (int i = ids.length - 1; i >= 0; i--) {
        boolean ends = text.end == LARGEST_END ? ids[i] >= ids[last] : ids[i] == text.end;
        last = ends ? i : last;
      }
      return last;
    }

    @Override
    public void close() {
      graph.close();
    }
  }
}
