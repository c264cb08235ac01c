package dev.atelier.network.pruning;

import dev.atelier.graph.Graph;
import dev.atelier.graph.Operation;
import dev.atelier.graph.Value;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Which channels of a network can only be removed together, derived from its operations.
 *
 * <p>Channels form <em>spaces</em>: all tensors that carry the same channels share one. A
 * convolution or linear layer makes a new space; what keeps its channels apart (norm, activation,
 * padding, upsampling, dropout) stays in it; a sum joins two spaces into one, which ties the whole
 * residual stream of a level, its skip connections and its attention outputs together; a
 * concatenation lays spaces side by side. The parts of an embedding that shift, scale and gate a
 * feature map have its space each, and so have both halves that a gated GELU multiplies. What a
 * network is told, such as a text, keeps all its channels.
 */
final class ChannelCoupling implements Operation.Visitor<List<Integer>> {

  /** Group norm over spaces side by side. */
  record Norm(List<Integer> spaces, int groups, int width) {
    int channelsPerGroup() {
      return width / groups;
    }
  }

  /**
   * Attention in {@code heads} equal parts.
   *
   * @param layer that makes queries
   * @param queries the space that they and keys share
   * @param values the space of values
   */
  record Heads(String layer, int queries, int values, int heads) {}

  private final Map<String, long[]> shapes = new LinkedHashMap<>();
  private final Map<Value, List<Integer>> values = new LinkedHashMap<>(); // their spaces
  private final Map<String, List<List<Integer>>> axes = new LinkedHashMap<>(); // of a tensor
  private final List<Norm> norms = new ArrayList<>();
  private final List<Heads> attentions = new ArrayList<>();
  private final Map<Integer, Integer> heads = new LinkedHashMap<>(); // by space
  private final Map<Value, Integer> parts = new LinkedHashMap<>(); // of what shifts, scales, gates
  private final Set<Value> gated = new LinkedHashSet<>(); // whose halves are multiplied
  private final List<Integer> widths = new ArrayList<>(); // by space
  private final List<Integer> parent = new ArrayList<>(); // of a space that joined another
  private final int sinusoid;
  private final OptionalInt context;
  private OptionalInt positions = OptionalInt.empty();

  /** Walks through {@code graph}. */
  ChannelCoupling(Graph graph) {
    graph.weights().forEach(w -> shapes.put(w.name(), w.dimensions()));
    List<Integer> image = List.of(space(graph.image().width()));
    values.put(graph.image(), image);
    context =
        graph
            .told()
            .context()
            .map(c -> OptionalInt.of(space(c.width())))
            .orElse(OptionalInt.empty());
    graph.told().context().ifPresent(c -> values.put(c, List.of(context.getAsInt())));
    graph
        .all(Operation.AdaptiveNorm.class)
        .forEach(o -> parts.put(o.embedding(), o.embedding().width() / o.in().width()));
    graph
        .all(Operation.AddGated.class)
        .forEach(o -> parts.put(o.embedding(), o.embedding().width() / o.branch().width()));
    graph.all(Operation.GatedGelu.class).forEach(o -> gated.add(o.in()));
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
    List<Integer> in = values.get(o.in());
    int width = o.out().width();
    if (gated.contains(o.out())) {
      int half = space(width / 2);
      return layer(o.layer(), in, List.of(half, half));
    }
    int each = parts.getOrDefault(o.out(), 1);
    return layer(
        o.layer(), in, IntStream.range(0, each).mapToObj(part -> space(width / each)).toList());
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
    positions = OptionalInt.of(values.get(o.in()).get(0));
    return values.get(o.in());
  }

  @Override
  public List<Integer> adaptiveNorm(Operation.AdaptiveNorm o) {
    joinPart(o.embedding(), o.part(), o.in());
    joinPart(o.embedding(), o.part() + 1, o.in());
    return values.get(o.in());
  }

  @Override
  public List<Integer> gelu(Operation.Gelu o) {
    return values.get(o.in());
  }

  @Override
  public List<Integer> addGated(Operation.AddGated o) {
    joinPart(o.embedding(), o.part(), o.residual());
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
    List<Integer> in = values.get(o.in());
    List<Integer> told = values.get(o.context());
    return attention(
        layer(o.query(), in),
        layer(o.key(), told),
        layer(o.value(), told),
        o.query(),
        o.last(),
        o.heads());
  }

  @Override
  public List<Integer> gatedGelu(Operation.GatedGelu o) {
    return List.of(values.get(o.in()).get(0));
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
    String query = o.layer() + ".to_q";
    return attention(
        layer(query, in),
        layer(o.layer() + ".to_k", in),
        layer(o.layer() + ".to_v", in),
        query,
        o.layer() + ".to_out.0",
        o.heads());
  }

  private List<Integer> attention(
      int query, int key, int value, String layer, String last, int parts) {
    join(List.of(key), List.of(query));
    heads.put(query, parts);
    heads.put(value, parts);
    attentions.add(new Heads(layer, query, value, parts));
    return List.of(layer(last, List.of(value)));
  }

  /** A layer that makes one space. */
  private int layer(String name, List<Integer> in) {
    int out = space(Math.toIntExact(shapes.get(name + ".weight")[0]));
    layer(name, in, List.of(out));
    return out;
  }

  /** A layer with weights [out, in, …] and a bias [out]: returns the spaces that it makes. */
  private List<Integer> layer(String name, List<Integer> in, List<Integer> out) {
    long[] shape = shapes.get(name + ".weight");
    List<List<Integer>> spaces = new ArrayList<>(List.of(out, in));
    for (int axis = 2; axis < shape.length; axis++) {
      spaces.add(List.of()); // of the kernel
    }
    axes.put(name + ".weight", spaces);
    axes.put(name + ".bias", List.of(out));
    return out;
  }

  private int space(int width) {
    widths.add(width);
    parent.add(parent.size());
    return parent.size() - 1;
  }

  private void joinPart(Value embedding, int part, Value map) {
    join(List.of(values.get(embedding).get(part)), values.get(map));
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

  /** What positions are added to: they are made by a formula of all channels. */
  OptionalInt positions() {
    return positions.isPresent() ? OptionalInt.of(root(positions.getAsInt())) : positions;
  }

  /** What the network is told. */
  OptionalInt context() {
    return context;
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

  /** Every attention. */
  List<Heads> attentions() {
    return attentions.stream()
        .map(a -> new Heads(a.layer(), root(a.queries()), root(a.values()), a.heads()))
        .toList();
  }

  /** Whether the same channels belong together in both, whatever their number. */
  boolean coupledAs(ChannelCoupling other) {
    return axes().equals(other.axes())
        && Arrays.equals(
            norms().stream().map(Norm::spaces).toArray(),
            other.norms().stream().map(Norm::spaces).toArray());
  }
}
