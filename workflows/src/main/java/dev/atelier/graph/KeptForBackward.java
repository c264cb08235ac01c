package dev.atelier.graph;

import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * What operations keep for their gradients: values of the graph, and elements of one image that are
 * none, such as queries and keys. Both as the engine writes them: by autograd, or by hand with
 * channels last.
 */
final class KeptForBackward implements Operation.Visitor<KeptForBackward.Kept> {

  private static final int BYTES = 4; // of an element

  /**
   * @param values each is held once, however many operations keep it
   * @param further elements, in those of float32
   */
  record Kept(List<Value> values, long further) {}

  private static final Kept NOTHING = new Kept(List.of(), 0);

  private final boolean byHand;

  private KeptForBackward(boolean byHand) {
    this.byHand = byHand;
  }

  /** Elements of one image that {@code operations} keep. */
  static long elements(Collection<Operation> operations, boolean byHand) {
    KeptForBackward visitor = new KeptForBackward(byHand);
    List<Kept> all = operations.stream().map(o -> o.accept(visitor)).toList();
    Set<Value> values = new HashSet<>();
    all.forEach(kept -> values.addAll(kept.values()));
    return values.stream().mapToLong(Value::elements).sum()
        + all.stream().mapToLong(Kept::further).sum();
  }

  private static Kept what(Value... values) {
    return new Kept(Stream.of(values).toList(), 0);
  }

  private static Kept further(long elements, Value... values) {
    return new Kept(Stream.of(values).toList(), elements);
  }

  @Override
  public Kept sinusoid(Operation.Sinusoid o) {
    return NOTHING;
  }

  @Override
  public Kept addClass(Operation.AddClass o) {
    return NOTHING;
  }

  @Override
  public Kept linear(Operation.Linear o) {
    return what(o.in());
  }

  @Override
  public Kept silu(Operation.Silu o) {
    return what(o.in());
  }

  @Override
  public Kept convolution(Operation.Convolution o) {
    return what(o.in());
  }

  // By hand, what SiLU read is computed again.
  @Override
  public Kept groupNorm(Operation.GroupNorm o) {
    return further(o.silu() && !byHand ? o.out().elements() : 0, o.in());
  }

  @Override
  public Kept addEmbedding(Operation.AddEmbedding o) {
    return NOTHING;
  }

  @Override
  public Kept addResidual(Operation.AddResidual o) {
    return NOTHING;
  }

  @Override
  public Kept concatenate(Operation.Concatenate o) {
    return NOTHING;
  }

  @Override
  public Kept padRightBottom(Operation.PadRightBottom o) {
    return NOTHING;
  }

  @Override
  public Kept upsample(Operation.Upsample o) {
    return NOTHING;
  }

  // q, k and v, their product and its transpose; by autograd pixels as rows for each of the three.
  @Override
  public Kept attention(Operation.Attention o) {
    return byHand ? further(5 * o.in().elements(), o.in()) : further(8 * o.in().elements());
  }

  @Override
  public Kept dropout(Operation.Dropout o) {
    return further(byHand ? o.out().elements() / BYTES : o.out().elements());
  }

  @Override
  public Kept addPositions(Operation.AddPositions o) {
    return NOTHING;
  }

  @Override
  public Kept adaptiveNorm(Operation.AdaptiveNorm o) {
    return further(o.in().elements(), o.in());
  }

  @Override
  public Kept gelu(Operation.Gelu o) {
    return further(
        switch (o.form()) {
          case EXACT -> 0;
          case SIGMOID -> o.in().elements();
          case TANH -> 2 * o.in().elements(); // the polynomial and the sigmoid
        },
        o.in());
  }

  @Override
  public Kept addGated(Operation.AddGated o) {
    return what(o.branch());
  }

  @Override
  public Kept unpatch(Operation.Unpatch o) {
    return NOTHING;
  }

  @Override
  public Kept firstChannels(Operation.FirstChannels o) {
    return NOTHING;
  }

  @Override
  public Kept scale(Operation.Scale o) {
    return NOTHING;
  }

  @Override
  public Kept layerNorm(Operation.LayerNorm o) {
    return what(o.in());
  }

  // Rows of each layer that reads them, q, k, v, the product and its transpose.
  @Override
  public Kept crossAttention(Operation.CrossAttention o) {
    long own = o.in().elements();
    long told = o.context().pixels() * o.in().width();
    long rows = o.context().equals(o.in()) ? 3 * own : own + 2 * o.context().elements();
    return further(rows + 3 * own + 2 * told);
  }

  @Override
  public Kept gatedGelu(Operation.GatedGelu o) {
    return further(o.out().elements(), o.in());
  }

  @Override
  public Kept averagePool(Operation.AveragePool o) {
    return what(o.in());
  }

  @Override
  public Kept firDown(Operation.FirDown o) {
    return what(o.in());
  }

  @Override
  public Kept firUp(Operation.FirUp o) {
    return what(o.in());
  }

  @Override
  public Kept tokenEmbedding(Operation.TokenEmbedding o) {
    return NOTHING;
  }

  @Override
  public Kept addPositionTable(Operation.AddPositionTable o) {
    return NOTHING;
  }

  @Override
  public Kept prependToken(Operation.PrependToken o) {
    return NOTHING;
  }

  @Override
  public Kept firstToken(Operation.FirstToken o) {
    return NOTHING;
  }
}
