package dev.atelier.graph;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What a network computes: its operations in order, the last of which makes its answer. Its
 * weights, its costs and what can be compared or pruned in it follow from them.
 *
 * @param image x, its first argument: x_t of a network that predicts noise; ids of tokens where an
 *     {@link Operation.TokenEmbedding} reads it
 * @param told its other arguments
 * @param operations each reads arguments, or what one before it made
 * @param features the values that a loss can compare, by place
 */
public record Graph(
    Value image, Told told, List<Operation> operations, Map<String, Value> features) {

  /**
   * What a network is told beside x.
   *
   * @param timestep whether it is told t [N]
   * @param classes that y [N] is one of; 0: it is told none
   * @param context a sequence that it attends to, such as the embedding of a text
   */
  public record Told(boolean timestep, int classes, Optional<Value> context) {

    /** Of a network that only reads x. */
    public static final Told NOTHING = new Told(false, 0, Optional.empty());

    /** The names of its arguments, in order. */
    public List<String> names() {
      return Stream.of(
              timestep ? Stream.of("t") : Stream.<String>empty(),
              classes > 0 ? Stream.of("y") : Stream.<String>empty(),
              context.map(Value::name).stream())
          .flatMap(name -> name)
          .toList();
    }
  }

  public Graph {
    operations = List.copyOf(operations);
    features = Collections.unmodifiableMap(new LinkedHashMap<>(features));
  }

  /** Its answer: of a network that predicts noise the noise, an image too. */
  public Value eps() {
    return operations.get(operations.size() - 1).out();
  }

  /** Classes that it is conditioned on; 0: unconditional. */
  public int classes() {
    return told.classes();
  }

  /** Whether it is given to the network, and not made by it. */
  public boolean isArgument(Value value) {
    return value.equals(image) || told.context().filter(value::equals).isPresent();
  }

  /** Every learned tensor, in the order of the operations. */
  public List<Weight> weights() {
    return operations.stream().flatMap(o -> o.weights().stream()).toList();
  }

  /** Number of learned numbers. */
  public long parameters() {
    return weights().stream().mapToLong(Weight::elements).sum();
  }

  /** Multiply-accumulates of one forward pass of one image, products of attention aside. */
  public long macs() {
    return operations.stream().mapToLong(Operation::macs).sum();
  }

  /** Multiply-accumulates of the two matrix products of every attention. */
  public long attentionMacs() {
    return operations.stream().mapToLong(Operation::attentionMacs).sum();
  }

  /** The operations up to the one that makes {@code value}. */
  public List<Operation> until(Value value) {
    int end = 0;
    while (!operations.get(end).out().equals(value)) {
      end++;
    }
    return operations.subList(0, end + 1);
  }

  /** The operations of one kind, in order. */
  public <T extends Operation> List<T> all(Class<T> kind) {
    return operations.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  /**
   * The operations, cut after each residual sum: what is computed a second time together where
   * activations are not kept.
   */
  public List<List<Operation>> branches() {
    List<List<Operation>> cut = new ArrayList<>(List.of(new ArrayList<>()));
    for (Operation operation : operations) {
      cut.get(cut.size() - 1).add(operation);
      if (operation instanceof Operation.AddResidual || operation instanceof Operation.AddGated) {
        cut.add(new ArrayList<>());
      }
    }
    cut.removeIf(List::isEmpty);
    return cut;
  }

  /**
   * Estimate of the most elements of one image that inference holds at once: what an operation
   * needs, and each feature map as often as operations after it still read it.
   */
  public long peakElements() {
    Map<Value, Integer> readers = new HashMap<>();
    operations.forEach(o -> o.reads().forEach(v -> readers.merge(v, 1, Integer::sum)));
    long held = 0;
    long peak = 0;
    for (Operation operation : operations) {
      for (Value read : operation.reads()) {
        held -= isArgument(read) ? 0 : read.elements();
      }
      peak = Math.max(peak, held + operation.workspace());
      held += readers.getOrDefault(operation.out(), 0) * operation.out().elements();
    }
    return peak;
  }
}
