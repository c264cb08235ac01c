package dev.atelier.network.pruning;

import dev.atelier.graph.Graph;
import dev.atelier.graph.Operation;
import dev.atelier.graph.Value;
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
 * concatenation lays spaces side by side. Of the parts of an embedding that shift, scale and gate
 * it knows nothing: where there are positions, {@link dev.atelier.spec.PruningRule} keeps all
 * channels.
 */
final class ChannelCoupling implements Operation.Visitor<List<Integer>> {

  /** Group norm over spaces side by side. */
  record Norm(List<Integer> spaces, int groups, int width) {
    int channelsPerGroup() {
      return width / groups;
    }
  }

  /** The space that queries and keys share, in {@code heads} equal parts. */
  record Heads(String layer, int space, int heads) {}

  private final Map<String, long[]> shapes = new LinkedHashMap<>();
  private final Map<Value, List<Integer>> values = new LinkedHashMap<>(); // their spaces
  private final Map<String, List<List<Integer>>> axes = new LinkedHashMap<>(); // of a tensor
  private final List<Norm> norms = new ArrayList<>();
  private final List<Heads> queries = new ArrayList<>();
  private final Map<Integer, Integer> heads = new LinkedHashMap<>(); // by space
  private final List<Integer> widths = new ArrayList<>(); // by space
  private final List<Integer> parent = new ArrayList<>(); // of a space that joined another
  private final int sinusoid;

  /** Walks through {@code graph}. */
  ChannelCoupling(Graph graph) {
    graph.weights().forEach(w -> shapes.put(w.name(), w.dimensions()));
    List<Integer> image = List.of(space(graph.image().width()));
    values.put(graph.image(), image);
    for (Operation operation : graph.operations()) {
      values.put(operation.out(), operation.accept(this));
    }
    sinusoid = values.get(graph.all(Operation.Sinusoid.class).get(0).out()).get(0);
    join(values.get(graph.eps()), image); // eps is an image, too
  }

  @Override
  public List<Integer> sinusoid(Operation.Sinusoid o) {
    return List.of(space(o.out().width()));
  }

  @Override
  public List<Integer> addClass(Operation.AddClass o) {
    axes.put(o.layer() + ".weight", List.of(List.of(), values.get(o.in())));
    return values.get(o.in());
  }

  @Override
  public List<Integer> linear(Operation.Linear o) {
    return List.of(layer(o.layer(), values.get(o.in())));
  }

  @Override
  public List<Integer> silu(Operation.Silu o) {
    return values.get(o.in());
  }

  @Override
  public List<Integer> convolution(Operation.Convolution o) {
    return List.of(layer(o.layer(), values.get(o.in())));
  }

  @Override
  public List<Integer> groupNorm(Operation.GroupNorm o) {
    List<Integer> spaces = values.get(o.in());
    axes.put(o.layer() + ".weight", List.of(spaces));
    axes.put(o.layer() + ".bias", List.of(spaces));
    norms.add(new Norm(spaces, o.groups(), o.in().width()));
    return spaces;
  }

  @Override
  public List<Integer> addEmbedding(Operation.AddEmbedding o) {
    return join(values.get(o.in()), values.get(o.embedding()));
  }

  @Override
  public List<Integer> addResidual(Operation.AddResidual o) {
    return join(values.get(o.branch()), values.get(o.residual()));
  }

  @Override
  public List<Integer> concatenate(Operation.Concatenate o) {
    List<Integer> both = new ArrayList<>(values.get(o.first()));
    both.addAll(values.get(o.second()));
    return both;
  }

  @Override
  public List<Integer> padRightBottom(Operation.PadRightBottom o) {
    return values.get(o.in());
  }

  @Override
  public List<Integer> upsample(Operation.Upsample o) {
    return values.get(o.in());
  }

  @Override
  public List<Integer> dropout(Operation.Dropout o) {
    return values.get(o.in());
  }

  @Override
  public List<Integer> addPositions(Operation.AddPositions o) {
    return values.get(o.in());
  }

  @Override
  public List<Integer> adaptiveNorm(Operation.AdaptiveNorm o) {
    return values.get(o.in());
  }

  @Override
  public List<Integer> gelu(Operation.Gelu o) {
    return values.get(o.in());
  }

  @Override
  public List<Integer> addGated(Operation.AddGated o) {
    return join(values.get(o.branch()), values.get(o.residual()));
  }

  @Override
  public List<Integer> unpatch(Operation.Unpatch o) {
    return List.of(space(o.out().width()));
  }

  @Override
  public List<Integer> firstChannels(Operation.FirstChannels o) {
    return List.of(space(o.out().width()));
  }

  @Override
  public List<Integer> scale(Operation.Scale o) {
    return values.get(o.in());
  }

  @Override
  public List<Integer> layerNorm(Operation.LayerNorm o) {
    List<Integer> spaces = values.get(o.in());
    axes.put(o.layer() + ".weight", List.of(spaces));
    axes.put(o.layer() + ".bias", List.of(spaces));
    return spaces;
  }

  @Override
  public List<Integer> crossAttention(Operation.CrossAttention o) {
    return List.of(layer(o.last(), List.of(layer(o.value(), values.get(o.context())))));
  }

  @Override
  public List<Integer> gatedGelu(Operation.GatedGelu o) {
    return List.of(space(o.out().width()));
  }

  @Override
  public List<Integer> averagePool(Operation.AveragePool o) {
    return values.get(o.in());
  }

  @Override
  public List<Integer> firDown(Operation.FirDown o) {
    return values.get(o.in());
  }

  @Override
  public List<Integer> firUp(Operation.FirUp o) {
    return values.get(o.in());
  }

  @Override
  public List<Integer> tokenEmbedding(Operation.TokenEmbedding o) {
    return List.of(space(o.out().width()));
  }

  @Override
  public List<Integer> addPositionTable(Operation.AddPositionTable o) {
    return values.get(o.in());
  }

  @Override
  public List<Integer> prependToken(Operation.PrependToken o) {
    return values.get(o.in());
  }

  @Override
  public List<Integer> firstToken(Operation.FirstToken o) {
    return values.get(o.in());
  }

  /** Queries and keys meet in a product, values and the last layer share their channels. */
  @Override
  public List<Integer> attention(Operation.Attention o) {
    List<Integer> in = values.get(o.in());
    int query = layer(o.layer() + ".to_q", in);
    int key = layer(o.layer() + ".to_k", in);
    int value = layer(o.layer() + ".to_v", in);
    join(List.of(key), List.of(query));
    heads.put(query, o.heads());
    heads.put(value, o.heads());
    queries.add(new Heads(o.layer() + ".to_q", query, o.heads()));
    return List.of(layer(o.layer() + ".to_out.0", List.of(value)));
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
