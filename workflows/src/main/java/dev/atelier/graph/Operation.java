package dev.atelier.graph;

import dev.atelier.graph.Initialiser.Constant;
import dev.atelier.graph.Initialiser.KaimingUniform;
import dev.atelier.graph.Initialiser.StandardNormal;
import java.util.List;
import java.util.stream.Stream;

/**
 * One operation of a network: reads values and makes the value {@code out}. What it learns and what
 * it costs it says itself; what is written or decided about it by its kind is a {@link Visitor}.
 * Feature maps are [N, C, H, W], embeddings [N, C], sequences maps of one row.
 */
public sealed interface Operation {

  /** The value it makes; each is made once. */
  Value out();

  /** The values it reads, beside the network's inputs t and y. */
  List<Value> reads();

  /** What it learns, in order. */
  default List<Weight> weights() {
    return List.of();
  }

  /** Multiply-accumulates for one image in convolutions and linear layers. */
  default long macs() {
    return 0;
  }

  /** Multiply-accumulates for one image in products of attention. */
  default long attentionMacs() {
    return 0;
  }

  /** Estimate of the elements of one image that it needs at once, beside what others still read. */
  default long workspace() {
    return 0;
  }

  <R> R accept(Visitor<R> visitor);

  /** What is done for each kind of operation. */
  interface Visitor<R> {
    R sinusoid(Sinusoid o);

    R addClass(AddClass o);

    R linear(Linear o);

    R silu(Silu o);

    R convolution(Convolution o);

    R groupNorm(GroupNorm o);

    R addEmbedding(AddEmbedding o);

    R addResidual(AddResidual o);

    R concatenate(Concatenate o);

    R padRightBottom(PadRightBottom o);

    R upsample(Upsample o);

    R attention(Attention o);

    R dropout(Dropout o);

    R addPositions(AddPositions o);

    R adaptiveNorm(AdaptiveNorm o);

    R gelu(Gelu o);

    R addGated(AddGated o);

    R unpatch(Unpatch o);

    R firstChannels(FirstChannels o);

    R scale(Scale o);

    R layerNorm(LayerNorm o);

    R crossAttention(CrossAttention o);

    R gatedGelu(GatedGelu o);

    R averagePool(AveragePool o);

    R firDown(FirDown o);

    R firUp(FirUp o);

    R tokenEmbedding(TokenEmbedding o);

    R addPositionTable(AddPositionTable o);

    R prependToken(PrependToken o);

    R firstToken(FirstToken o);
  }

  /**
   * Sines and cosines of the timestep, half of {@code out}'s width each, with frequencies 10000^(−i
   * / (half − shift)) for i in [0, half). Vaswani et al. 2017, section 3.5.
   */
  record Sinusoid(Value out, boolean cosinesFirst, int shift) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of();
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.sinusoid(this);
    }
  }

  /** {@code in + W[y]}: the row of each sample's class. */
  record AddClass(Value out, Value in, String layer, int classes) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public List<Weight> weights() {
      return List.of(Weight.of(layer + ".weight", new StandardNormal(), classes, in.width()));
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.addClass(this);
    }
  }

  /**
   * {@code in Wᵀ + b} of an embedding, or of each pixel of a feature map, {@code b} only if {@code
   * biased}; {@code startsAtZero}: so that at first it gives 0.
   */
  record Linear(Value out, Value in, String layer, boolean startsAtZero, boolean biased)
      implements Operation {

    /** One with a bias. */
    public Linear(Value out, Value in, String layer, boolean startsAtZero) {
      this(out, in, layer, startsAtZero, true);
    }

    /** One with a bias that starts at random. */
    public Linear(Value out, Value in, String layer) {
      this(out, in, layer, false);
    }

    /** Whether it reads a feature map. */
    public boolean ofPixels() {
      return in.rows() > 0;
    }

    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public List<Weight> weights() {
      Initialiser start = startsAtZero ? new Constant(0) : new KaimingUniform(in.width());
      return linearWeights(layer, in.width(), out.width(), start, biased);
    }

    @Override
    public long macs() {
      return in.width() * (ofPixels() ? out.elements() : out.width());
    }

    @Override
    public long workspace() {
      return in.elements() + out.elements();
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.linear(this);
    }
  }

  /** {@code in · sigmoid(in)} of an embedding. */
  record Silu(Value out, Value in) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.silu(this);
    }
  }

  /** A square convolution; {@code startsAtZero}: its weights, so that at first it adds nothing. */
  record Convolution(
      Value out,
      Value in,
      String layer,
      int kernel,
      int stride,
      int padding,
      boolean startsAtZero,
      boolean biased)
      implements Operation {

    /** One with a bias. */
    public Convolution(
        Value out,
        Value in,
        String layer,
        int kernel,
        int stride,
        int padding,
        boolean startsAtZero) {
      this(out, in, layer, kernel, stride, padding, startsAtZero, true);
    }

    /** A 1×1 convolution: a linear layer over the channels of each pixel. */
    public boolean pointwise() {
      return kernel == 1;
    }

    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public List<Weight> weights() {
      Initialiser start = startsAtZero ? new Constant(0) : new KaimingUniform(fanIn());
      Weight weight = Weight.of(layer + ".weight", start, out.width(), in.width(), kernel, kernel);
      return biased
          ? List.of(weight, Weight.of(layer + ".bias", start, out.width()))
          : List.of(weight);
    }

    private long fanIn() {
      return (long) in.width() * kernel * kernel;
    }

    @Override
    public long macs() {
      return fanIn() * out.elements();
    }

    // Twice: as they are and in the layout of the convolution's kernel, without the padding.
    @Override
    public long workspace() {
      long read = (long) stride * stride * out.pixels();
      long both = in.width() * read + out.elements();
      return pointwise() ? both : 2 * both;
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.convolution(this);
    }
  }

  /** Group norm over a feature map, then SiLU if asked. */
  record GroupNorm(Value out, Value in, String layer, int groups, double eps, boolean silu)
      implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public List<Weight> weights() {
      return List.of(
          Weight.of(layer + ".weight", new Constant(1), in.width()),
          Weight.of(layer + ".bias", new Constant(0), in.width()));
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.groupNorm(this);
    }
  }

  /** Adds an embedding to each pixel; {@code in} is not read again. */
  record AddEmbedding(Value out, Value in, Value embedding) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in, embedding);
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.addEmbedding(this);
    }
  }

  /** {@code branch + residual}; {@code branch} is not read again. */
  record AddResidual(Value out, Value branch, Value residual) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(branch, residual);
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.addResidual(this);
    }
  }

  /** Joins channels. */
  record Concatenate(Value out, Value first, Value second) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(first, second);
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.concatenate(this);
    }
  }

  /** One row below and one column to the right, of zeros: DDPM's padding before a downsampling. */
  record PadRightBottom(Value out, Value in) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.padRightBottom(this);
    }
  }

  /** Doubles the side by nearest neighbours. */
  record Upsample(Value out, Value in) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.upsample(this);
    }
  }

  /**
   * Self-attention over the pixels: to_q, to_k, to_v, softmax, to_out.0; {@code startsAtZero}: the
   * last of them, so that at first it adds nothing.
   */
  record Attention(Value out, Value in, String layer, int heads, boolean startsAtZero)
      implements Operation {

    /** One that adds nothing at first. */
    public Attention(Value out, Value in, String layer, int heads) {
      this(out, in, layer, heads, true);
    }

    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public List<Weight> weights() {
      int width = in.width();
      Initialiser random = new KaimingUniform(width);
      return Stream.of(
              linearWeights(layer + ".to_q", width, width, random, true),
              linearWeights(layer + ".to_k", width, width, random, true),
              linearWeights(layer + ".to_v", width, width, random, true),
              linearWeights(
                  layer + ".to_out.0", width, width, startsAtZero ? new Constant(0) : random, true))
          .flatMap(List::stream)
          .toList();
    }

    @Override
    public long macs() {
      return 4 * in.pixels() * in.width() * in.width();
    }

    // q kᵀ, and its product with v.
    @Override
    public long attentionMacs() {
      return 2 * in.pixels() * in.pixels() * in.width();
    }

    // q, k, v, their product and its transpose.
    @Override
    public long workspace() {
      return 5 * in.elements();
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.attention(this);
    }
  }

  /** Sets elements to 0 with {@code probability}, in training only. */
  record Dropout(Value out, Value in, double probability) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.dropout(this);
    }
  }

  /**
   * Adds where each pixel is: sines and cosines of its column, a quarter of the channels each, then
   * of its row, with frequencies 10000^(−i / (width / 4)). Peebles & Xie 2023, section 3.2.
   */
  record AddPositions(Value out, Value in) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    // in, the sum, and the sum in another order.
    @Override
    public long workspace() {
      return 3 * in.elements();
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.addPositions(this);
    }
  }

  /**
   * Layer norm over the channels of each pixel, without weights, then {@code · (1 + scale) +
   * shift}: of the parts of {@code embedding}, each as wide as {@code in}, number {@code part} is
   * the shift and the next one the scale. Peebles & Xie 2023, section 3.2.
   */
  record AdaptiveNorm(Value out, Value in, Value embedding, int part, double eps)
      implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in, embedding);
    }

    // in, normed, and scaled.
    @Override
    public long workspace() {
      return 3 * in.elements();
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.adaptiveNorm(this);
    }
  }

  /** {@code in · Φ(in)}. Hendrycks & Gimpel 2016. */
  record Gelu(Value out, Value in, Form form) implements Operation {

    /** How Φ is computed. */
    public enum Form {
      /** As it is, by the error function. */
      EXACT,
      /** Approximately, by a tanh. */
      TANH,
      /** Roughly, as sigmoid(1.702 in): CLIP's "quick". */
      SIGMOID
    }

    /** By a tanh. */
    public Gelu(Value out, Value in) {
      this(out, in, Form.TANH);
    }

    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    // in, and two of its products.
    @Override
    public long workspace() {
      return 3 * in.elements();
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.gelu(this);
    }
  }

  /**
   * {@code residual + gate · branch}; the gate is the part number {@code part} of {@code
   * embedding}, each as wide as {@code branch}.
   */
  record AddGated(Value out, Value branch, Value residual, Value embedding, int part)
      implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(branch, residual, embedding);
    }

    // Both, their product with the gate, and the sum.
    @Override
    public long workspace() {
      return 4 * branch.elements();
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.addGated(this);
    }
  }

  /**
   * Pixels as patches of {@code patch}² pixels: the channels of {@code in} are rows, columns and
   * channels of a patch, of which the first {@code out.width()} are kept.
   */
  record Unpatch(Value out, Value in, int patch) implements Operation {

    /** Channels of each pixel of a patch. */
    public int channels() {
      return in.width() / (patch * patch);
    }

    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    // in, and in another order.
    @Override
    public long workspace() {
      return 2 * in.elements();
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.unpatch(this);
    }
  }

  /** The first {@code out.width()} channels of {@code in}. */
  record FirstChannels(Value out, Value in) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.firstChannels(this);
    }
  }

  /** {@code factor · in}. */
  record Scale(Value out, Value in, double factor) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.scale(this);
    }
  }

  /** Layer norm over the channels of each pixel or token. Ba et al. 2016. */
  record LayerNorm(Value out, Value in, String layer, double eps) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public List<Weight> weights() {
      return List.of(
          Weight.of(layer + ".weight", new Constant(1), in.width()),
          Weight.of(layer + ".bias", new Constant(0), in.width()));
    }

    @Override
    public long workspace() {
      return in.elements() + out.elements();
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.layerNorm(this);
    }
  }

  /**
   * Attention of the pixels or tokens of {@code in} to those of {@code context}, which may be
   * {@code in} itself; {@code causal}: to none that comes later. Vaswani et al. 2017, section 3.2.
   */
  record CrossAttention(
      Value out,
      Value in,
      Value context,
      String layer,
      Projections projections,
      int heads,
      boolean causal)
      implements Operation {

    /** What its layers are called, and which of them have a bias; the last one always has. */
    public enum Projections {
      /** Of a {@code BasicTransformerBlock} of diffusers. */
      DIFFUSERS("to_q", "to_k", "to_v", "to_out.0", false),
      /** Of CLIP in transformers. */
      CLIP("q_proj", "k_proj", "v_proj", "out_proj", true);

      private final String query;
      private final String key;
      private final String value;
      private final String last;
      private final boolean biased;

      Projections(String query, String key, String value, String last, boolean biased) {
        this.query = query;
        this.key = key;
        this.value = value;
        this.last = last;
        this.biased = biased;
      }

      /** Whether queries, keys and values have a bias. */
      public boolean biased() {
        return biased;
      }
    }

    public String query() {
      return layer + "." + projections.query;
    }

    public String key() {
      return layer + "." + projections.key;
    }

    public String value() {
      return layer + "." + projections.value;
    }

    /** The layer after the attention. */
    public String last() {
      return layer + "." + projections.last;
    }

    @Override
    public List<Value> reads() {
      return List.of(in, context);
    }

    @Override
    public List<Weight> weights() {
      int width = in.width();
      Initialiser ofIn = new KaimingUniform(width);
      Initialiser ofContext = new KaimingUniform(context.width());
      boolean biased = projections.biased();
      return Stream.of(
              linearWeights(query(), width, width, ofIn, biased),
              linearWeights(key(), context.width(), width, ofContext, biased),
              linearWeights(value(), context.width(), width, ofContext, biased),
              linearWeights(last(), width, width, ofIn, true))
          .flatMap(List::stream)
          .toList();
    }

    @Override
    public long macs() {
      return 2 * in.pixels() * in.width() * in.width()
          + 2 * context.pixels() * context.width() * in.width();
    }

    @Override
    public long attentionMacs() {
      return 2 * in.pixels() * context.pixels() * in.width();
    }

    // q, the product and its transpose; k and v.
    @Override
    public long workspace() {
      return 3 * in.elements() + 2 * context.pixels() * in.width();
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.crossAttention(this);
    }
  }

  /** The first half of the channels, times the exact GELU of the others. Shazeer 2020, GEGLU. */
  record GatedGelu(Value out, Value in) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public long workspace() {
      return in.elements() + 2 * out.elements();
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.gatedGelu(this);
    }
  }

  /** Halves the side by means of 2×2 pixels. */
  record AveragePool(Value out, Value in) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.averagePool(this);
    }
  }

  /**
   * Halves the side by a fixed filter, (1, 3, 3, 1) / 8 along each axis. Song et al. 2021 (score
   * SDE), appendix H.1; Zhang 2019.
   */
  record FirDown(Value out, Value in) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.firDown(this);
    }
  }

  /** Doubles the side by the filter of {@link FirDown}, times 4. */
  record FirUp(Value out, Value in) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.firUp(this);
    }
  }

  /** The row of each token: {@code in} holds ids, [N, tokens] int64. */
  record TokenEmbedding(Value out, Value in, String layer, int vocabulary) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public List<Weight> weights() {
      return List.of(Weight.of(layer + ".weight", new StandardNormal(), vocabulary, out.width()));
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.tokenEmbedding(this);
    }
  }

  /** Adds a learned vector to each token of a sequence, by its place. */
  record AddPositionTable(Value out, Value in, String layer) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public List<Weight> weights() {
      return List.of(Weight.of(layer + ".weight", new StandardNormal(), in.columns(), in.width()));
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.addPositionTable(this);
    }
  }

  /** The pixels as a sequence, row by row, after a learned token. */
  record PrependToken(Value out, Value in, String weight) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public List<Weight> weights() {
      return List.of(Weight.of(weight, new StandardNormal(), in.width()));
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.prependToken(this);
    }
  }

  /** The first token of a sequence, as an embedding. */
  record FirstToken(Value out, Value in) implements Operation {
    @Override
    public List<Value> reads() {
      return List.of(in);
    }

    @Override
    public <R> R accept(Visitor<R> visitor) {
      return visitor.firstToken(this);
    }
  }

  private static List<Weight> linearWeights(
      String layer, int in, int out, Initialiser start, boolean biased) {
    Weight weight = Weight.of(layer + ".weight", start, out, in);
    return biased ? List.of(weight, Weight.of(layer + ".bias", start, out)) : List.of(weight);
  }
}
