package dev.atelier.graph;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What a training keeps for its gradients, in bytes for one image: values of the graph, and tensors
 * that are none, such as queries and keys. All as the engine writes them: by autograd, or by hand
 * with channels last; in float32, or with bfloat16 in what goes into convolutions and matrix
 * products.
 */
public final class KeptForBackward {

  private static final int FLOAT = 4;
  private static final int HALF = 2;

  private final boolean byHand;
  private final boolean bf16;
  private final Set<Value> halves = new HashSet<>(); // values that are held in bfloat16

  /**
   * Of a network's training.
   *
   * @param byHand whether gradients are written out with channels last, and not by autograd
   */
  public KeptForBackward(Graph graph, boolean byHand, boolean bf16) {
    this.byHand = byHand;
    this.bf16 = bf16;
    if (bf16 && !byHand) { // by hand each result is float32 again
      for (Operation operation : graph.operations()) {
        if (makesHalf(operation)) {
          halves.add(operation.out());
        }
      }
    }
  }

  // What comes out of a convolution or matrix product stays bfloat16 until a norm.
  private boolean makesHalf(Operation operation) {
    if (operation instanceof Operation.Linear
        || operation instanceof Operation.Convolution
        || operation instanceof Operation.Attention
        || operation instanceof Operation.CrossAttention
        || operation instanceof Operation.FirDown
        || operation instanceof Operation.FirUp) {
      return true;
    }
    if (operation instanceof Operation.GroupNorm
        || operation instanceof Operation.LayerNorm
        || operation instanceof Operation.AdaptiveNorm
        || operation instanceof Operation.AddPositions) {
      return false;
    }
    return !operation.reads().isEmpty() && halves.containsAll(operation.reads());
  }

  /** Bytes of a value. */
  public long of(Value value) {
    return (halves.contains(value) ? HALF : FLOAT) * value.elements();
  }

  /** Bytes that {@code operations} keep. */
  public long of(List<Operation> operations) {
    Visitor visitor = new Visitor();
    List<Kept> all = operations.stream().map(o -> o.accept(visitor)).toList();
    Set<Value> values = new HashSet<>();
    all.forEach(kept -> values.addAll(kept.values()));
    return values.stream().mapToLong(this::of).sum() + all.stream().mapToLong(Kept::further).sum();
  }

  /**
   * The most bytes that one of the convolutions takes beside what it reads and makes, where it is
   * computed as a matrix product: as a CPU does in bfloat16 without instructions for it.
   */
  public static long unfolded(List<Operation> operations) {
    return operations.stream()
        .filter(Operation.Convolution.class::isInstance)
        .map(Operation.Convolution.class::cast)
        .filter(o -> !o.pointwise())
        .mapToLong(o -> (long) HALF * o.kernel() * o.kernel() * o.in().width() * o.out().pixels())
        .max()
        .orElse(0);
  }

  /**
   * What an operation keeps.
   *
   * @param values each is held once, however many operations keep it
   * @param further bytes
   */
  private record Kept(List<Value> values, long further) {}

  private static final Kept NOTHING = new Kept(List.of(), 0);

  private final class Visitor implements Operation.Visitor<Kept> {

    private Kept what(Value value) {
      return new Kept(List.of(value), 0);
    }

    /** What a convolution or matrix product reads. */
    private Kept operand(Value in) {
      return bf16 && !halves.contains(in)
          ? new Kept(List.of(), HALF * in.elements()) // rounded for it
          : what(in);
    }

    /** What a norm reads, and more bytes. */
    private Kept normed(Value in, long further) {
      return halves.contains(in)
          ? new Kept(List.of(), FLOAT * in.elements() + further) // widened for it
          : new Kept(List.of(in), further);
    }

    /** Elements of operands: rounded where there is bfloat16. */
    private long operands(long elements) {
      return (bf16 ? HALF : FLOAT) * elements;
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
      return operand(o.in());
    }

    @Override
    public Kept silu(Operation.Silu o) {
      return what(o.in());
    }

    @Override
    public Kept convolution(Operation.Convolution o) {
      return operand(o.in());
    }

    // By hand, what SiLU read is computed again.
    @Override
    public Kept groupNorm(Operation.GroupNorm o) {
      return normed(o.in(), o.silu() && !byHand ? FLOAT * o.out().elements() : 0);
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

    // q, k and v, their product and its transpose; by autograd pixels as rows for each of the
    // three.
    @Override
    public Kept attention(Operation.Attention o) {
      if (!byHand) {
        return new Kept(List.of(), operands(8 * o.in().elements()));
      }
      Kept read = operand(o.in());
      return new Kept(read.values(), read.further() + operands(5 * o.in().elements()));
    }

    @Override
    public Kept dropout(Operation.Dropout o) {
      return new Kept(List.of(), byHand ? o.out().elements() : of(o.out()));
    }

    @Override
    public Kept addPositions(Operation.AddPositions o) {
      return NOTHING;
    }

    @Override
    public Kept adaptiveNorm(Operation.AdaptiveNorm o) {
      return normed(o.in(), FLOAT * o.in().elements());
    }

    @Override
    public Kept gelu(Operation.Gelu o) {
      int further =
          switch (o.form()) {
            case EXACT -> 0;
            case SIGMOID -> 1;
            case TANH -> 2; // the polynomial and the sigmoid
          };
      return new Kept(List.of(o.in()), further * of(o.in()));
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
      return normed(o.in(), 0);
    }

    // Rows of each layer that reads them, q, k, v, the product and its transpose.
    @Override
    public Kept crossAttention(Operation.CrossAttention o) {
      long own = o.in().elements();
      long told = o.context().pixels() * o.in().width();
      long rows = o.context().equals(o.in()) ? 3 * own : own + 2 * o.context().elements();
      return new Kept(List.of(), operands(rows + 3 * own + 2 * told));
    }

    @Override
    public Kept gatedGelu(Operation.GatedGelu o) {
      return new Kept(List.of(o.in()), of(o.out()));
    }

    @Override
    public Kept averagePool(Operation.AveragePool o) {
      return what(o.in());
    }

    @Override
    public Kept firDown(Operation.FirDown o) {
      return operand(o.in());
    }

    @Override
    public Kept firUp(Operation.FirUp o) {
      return operand(o.in());
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
}
