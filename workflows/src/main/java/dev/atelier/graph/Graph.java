package dev.atelier.graph;

import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a network computes: its operations in order, the last of which makes eps. Its weights, its
 * costs and what can be compared or pruned in it follow from them.
 *
 * @param image x_t, the input
 * @param classes that it is conditioned on; 0: unconditional
 * @param operations each reads x_t, t, y or what one before it made
 * @param features the values that a loss can compare, by place
 */
public record Graph(
    Value image, int classes, List<Operation> operations, Map<String, Value> features) {

  public Graph {
    operations = List.copyOf(operations);
    features = Collections.unmodifiableMap(new LinkedHashMap<>(features));
  }

  /** The predicted noise, an image too. */
  public Value eps() {
    return operations.get(operations.size() - 1).out();
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
        held -= read.equals(image) ? 0 : read.elements();
      }
      peak = Math.max(peak, held + operation.workspace());
      held += readers.getOrDefault(operation.out(), 0) * operation.out().elements();
    }
    return peak;
  }
}
