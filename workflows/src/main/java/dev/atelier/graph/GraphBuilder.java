package dev.atelier.graph;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** Lays a network out, operation by operation: each method appends one and returns its value. */
public final class GraphBuilder {
  private final Value image;
  private final Graph.Told told;
  private final List<Operation> operations = new ArrayList<>();
  private final Map<String, Value> features = new LinkedHashMap<>();

  /**
   * Begins a network that is told t.
   *
   * @param classes that it is conditioned on; 0: unconditional
   */
  public GraphBuilder(int resolution, int imageChannels, int classes) {
    this(
        new Value("x", imageChannels, resolution), new Graph.Told(true, classes, Optional.empty()));
  }

  /** Begins any network; {@code image} is called x. */
  public GraphBuilder(Value image, Graph.Told told) {
    this.image = image;
    this.told = told;
  }

  /** x. */
  public Value image() {
    return image;
  }

  /** The sequence that it is told, if it is. */
  public Optional<Value> context() {
    return told.context();
  }

  /** Makes {@code value} one that a loss can compare. */
  public void feature(String place, Value value) {
    features.put(place, value);
  }

  /** What was appended; the last operation makes eps. */
  public Graph build() {
    return new Graph(image, told, operations, features);
  }

  public Value sinusoid(int width, boolean cosinesFirst, int shift) {
    return embedding(width, out -> new Operation.Sinusoid(out, cosinesFirst, shift));
  }

  public Value addClass(Value in, String layer) {
    return embedding(in.width(), out -> new Operation.AddClass(out, in, layer, told.classes()));
  }

  public Value linear(Value in, String layer, int width) {
    return embedding(width, out -> new Operation.Linear(out, in, layer));
  }

  public Value silu(Value in) {
    return embedding(in.width(), out -> new Operation.Silu(out, in));
  }

  /** A convolution that keeps the resolution. */
  public Value convolution(Value in, String layer, int width, int kernel, boolean startsAtZero) {
    return append(
        width,
        in.side(),
        out -> new Operation.Convolution(out, in, layer, kernel, 1, kernel / 2, startsAtZero));
  }

  /** A 3×3 convolution that halves {@code side}, that of {@code in} without its padding. */
  public Value halve(Value in, String layer, int side, int padding) {
    return append(
        in.width(),
        side / 2,
        out -> new Operation.Convolution(out, in, layer, 3, 2, padding, false));
  }

  public Value groupNorm(Value in, String layer, int groups, double eps, boolean silu) {
    return like(in, out -> new Operation.GroupNorm(out, in, layer, groups, eps, silu));
  }

  public Value addEmbedding(Value in, Value embedding) {
    return like(in, out -> new Operation.AddEmbedding(out, in, embedding));
  }

  public Value addResidual(Value branch, Value residual) {
    return like(branch, out -> new Operation.AddResidual(out, branch, residual));
  }

  public Value concatenate(Value first, Value second) {
    return append(
        first.width() + second.width(),
        first.side(),
        out -> new Operation.Concatenate(out, first, second));
  }

  public Value padRightBottom(Value in) {
    return append(in.width(), in.side() + 1, out -> new Operation.PadRightBottom(out, in));
  }

  public Value upsample(Value in) {
    return append(in.width(), 2 * in.side(), out -> new Operation.Upsample(out, in));
  }

  public Value attention(Value in, String layer, int heads) {
    return like(in, out -> new Operation.Attention(out, in, layer, heads));
  }

  public Value dropout(Value in, double probability) {
    return like(in, out -> new Operation.Dropout(out, in, probability));
  }

  /** Any operation that makes a feature map of {@code width} channels with side². */
  public Value append(int width, int side, Function<Value, Operation> operation) {
    return append(width, side, side, operation);
  }

  /** Any operation that makes a feature map [N, width, rows, columns]. */
  public Value append(int width, int rows, int columns, Function<Value, Operation> operation) {
    Operation appended = operation.apply(new Value("v" + operations.size(), width, rows, columns));
    operations.add(appended);
    return appended.out();
  }

  /** Any operation that makes a value like {@code in}. */
  public Value like(Value in, Function<Value, Operation> operation) {
    return append(in.width(), in.rows(), in.columns(), operation);
  }

  /** A linear layer over each pixel or token. */
  public Value linear(Value in, String layer, int width, boolean biased) {
    return append(
        width, in.rows(), in.columns(), out -> new Operation.Linear(out, in, layer, false, biased));
  }

  public Value layerNorm(Value in, String layer, double eps) {
    return like(in, out -> new Operation.LayerNorm(out, in, layer, eps));
  }

  public Value gelu(Value in, Operation.Gelu.Form form) {
    return like(in, out -> new Operation.Gelu(out, in, form));
  }

  private Value embedding(int width, Function<Value, Operation> operation) {
    return append(width, 0, operation);
  }
}
