package dev.atelier.network;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Which channels of a network can only be removed together, derived from its operations.
 *
 * <p>Channels form <em>spaces</em>: all tensors that carry the same channels share one. A
 * convolution or linear layer makes a new space; what keeps its channels apart (norm, activation,
 * padding, upsampling, dropout) stays in it; a sum joins two spaces into one, which ties the whole
 * residual stream of a level, its skip connections and its attention outputs together; a
 * concatenation lays spaces side by side.
 */
final class ChannelCoupling {

  /** Group norm over spaces side by side. */
  record Norm(List<Integer> spaces, int groups, int width) {
    int channelsPerGroup() {
      return width / groups;
    }
  }

  /** The space that queries and keys share, in {@code heads} equal parts. */
  record Heads(String layer, int space, int heads) {}

  private final Map<String, long[]> shapes = new LinkedHashMap<>();
  private final Map<String, List<Integer>> values = new LinkedHashMap<>(); // spaces of a value
  private final Map<String, List<List<Integer>>> axes = new LinkedHashMap<>(); // of a tensor
  private final List<Norm> norms = new ArrayList<>();
  private final List<Heads> queries = new ArrayList<>();
  private final Map<Integer, Integer> heads = new LinkedHashMap<>(); // by space
  private final List<Integer> widths = new ArrayList<>(); // by space
  private final List<Integer> parent = new ArrayList<>(); // of a space that joined another
  private final int sinusoid;

  /** Walks through {@code network}. */
  ChannelCoupling(UNet network, List<Operation> operations) {
    network.weights().forEach(w -> shapes.put(w.name(), w.dimensions()));
    int image = space(network.imageChannels());
    values.put("x", List.of(image));
    int embedding = -1;
    for (Operation operation : operations) {
      add(operation);
      if (operation instanceof Operation.Sinusoid o) {
        embedding = values.get(o.out()).get(0);
      }
    }
    sinusoid = embedding;
    join(values.get(UNetText.last(operations)), List.of(image)); // eps is an image, too
  }

  private void add(Operation operation) {
    if (operation instanceof Operation.Sinusoid o) {
      values.put(o.out(), List.of(space(o.width())));
    } else if (operation instanceof Operation.AddClass o) {
      axes.put(o.layer() + ".weight", List.of(List.of(), values.get(o.in())));
      values.put(o.out(), values.get(o.in()));
    } else if (operation instanceof Operation.Linear o) {
      values.put(o.out(), List.of(layer(o.layer(), values.get(o.in()))));
    } else if (operation instanceof Operation.Silu o) {
      values.put(o.out(), values.get(o.in()));
    } else if (operation instanceof Operation.Convolution o) {
      values.put(o.out(), List.of(layer(o.layer(), values.get(o.in()))));
    } else if (operation instanceof Operation.GroupNorm o) {
      List<Integer> spaces = values.get(o.in());
      axes.put(o.layer() + ".weight", List.of(spaces));
      axes.put(o.layer() + ".bias", List.of(spaces));
      norms.add(new Norm(spaces, o.groups(), o.width()));
      values.put(o.out(), spaces);
    } else if (operation instanceof Operation.AddEmbedding o) {
      values.put(o.out(), join(values.get(o.in()), values.get(o.embedding())));
    } else if (operation instanceof Operation.AddResidual o) {
      values.put(o.out(), join(values.get(o.branch()), values.get(o.residual())));
    } else if (operation instanceof Operation.Concatenate o) {
      List<Integer> both = new ArrayList<>(values.get(o.first()));
      both.addAll(values.get(o.second()));
      values.put(o.out(), both);
    } else if (operation instanceof Operation.PadRightBottom o) {
      values.put(o.out(), values.get(o.in()));
    } else if (operation instanceof Operation.Upsample o) {
      values.put(o.out(), values.get(o.in()));
    } else if (operation instanceof Operation.Attention o) {
      attention(o);
    } else if (operation instanceof Operation.Dropout o) {
      values.put(o.out(), values.get(o.in()));
    } else {
      throw new IllegalArgumentException("Unknown operation " + operation);
    }
  }

  /** Queries and keys meet in a product, values and the last layer share their channels. */
  private void attention(Operation.Attention o) {
    List<Integer> in = values.get(o.in());
    int query = layer(o.layer() + ".to_q", in);
    int key = layer(o.layer() + ".to_k", in);
    int value = layer(o.layer() + ".to_v", in);
    join(List.of(key), List.of(query));
    heads.put(query, o.heads());
    heads.put(value, o.heads());
    queries.add(new Heads(o.layer() + ".to_q", query, o.heads()));
    values.put(o.out(), List.of(layer(o.layer() + ".to_out.0", List.of(value))));
  }

  /** A layer with weights [out, in, …] and a bias [out]: returns the space that it makes. */
  private int layer(String name, List<Integer> in) {
    long[] shape = shapes.get(name + ".weight");
    int out = space(Math.toIntExact(shape[0]));
    List<List<Integer>> spaces = new ArrayList<>(List.of(List.of(out), in));
    for (int axis = 2; axis < shape.length; axis++) {
      spaces.add(List.of()); // of the kernel
    }
    axes.put(name + ".weight", spaces);
    axes.put(name + ".bias", List.of(List.of(out)));
    return out;
  }

  private int space(int width) {
    widths.add(width);
    parent.add(parent.size());
    return parent.size() - 1;
  }

  /** Makes the spaces of two values that are added to each other the same. */
  private List<Integer> join(List<Integer> a, List<Integer> b) {
    if (a.size() != b.size()) {
      throw new IllegalArgumentException("A sum of values whose channels are not laid out alike.");
    }
    for (int i = 0; i < a.size(); i++) {
      int first = root(a.get(i));
      int second = root(b.get(i));
      parent.set(Math.max(first, second), Math.min(first, second));
    }
    return a;
  }

  private int root(int space) {
    return parent.get(space) == space ? space : root(parent.get(space));
  }

  private List<Integer> roots(List<Integer> spaces) {
    return spaces.stream().map(this::root).toList();
  }

  /** Every space once, by the number that stands for all that were joined to it. */
  List<Integer> spaces() {
    List<Integer> all = new ArrayList<>();
    for (int space = 0; space < parent.size(); space++) {
      if (root(space) == space) {
        all.add(space);
      }
    }
    return all;
  }

  /** Channels of a space. */
  int width(int space) {
    return widths.get(space);
  }

  /** Equal parts of a space that attention computes apart; 1 if it is none of its own. */
  int heads(int space) {
    return heads.entrySet().stream()
        .filter(e -> root(e.getKey()) == space)
        .mapToInt(Map.Entry::getValue)
        .findFirst()
        .orElse(1);
  }

  /** The sines and cosines of the timestep: they are made by a formula, not learned. */
  int sinusoid() {
    return root(sinusoid);
  }

  /** The spaces that lie along each axis of each tensor; none along kernels and classes. */
  Map<String, List<List<Integer>>> axes() {
    Map<String, List<List<Integer>>> result = new LinkedHashMap<>();
    axes.forEach((name, spaces) -> result.put(name, spaces.stream().map(this::roots).toList()));
    return result;
  }

  List<Norm> norms() {
    return norms.stream().map(n -> new Norm(roots(n.spaces()), n.groups(), n.width())).toList();
  }

  /** The layers that make queries. */
  List<Heads> queries() {
    return queries.stream().map(q -> new Heads(q.layer(), root(q.space()), q.heads())).toList();
  }

  /** Whether the same channels belong together in both, whatever their number. */
  boolean coupledAs(ChannelCoupling other) {
    return axes().equals(other.axes())
        && spaces().stream().allMatch(s -> heads(s) == other.heads(s))
        && Arrays.equals(
            norms().stream().map(Norm::spaces).toArray(),
            other.norms().stream().map(Norm::spaces).toArray());
  }
}
