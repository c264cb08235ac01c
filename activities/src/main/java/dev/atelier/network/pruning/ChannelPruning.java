package dev.atelier.network.pruning;

import dev.atelier.graph.Operation;
import dev.atelier.graph.Weight;
import dev.atelier.network.Network;
import dev.atelier.network.tensors.HostTensor;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * Structured pruning: cuts a narrower network of the same blocks out of a trained one, by keeping
 * the most important channels of each space of {@link ChannelCoupling}. Fang et al. 2023,
 * "Structural Pruning for Diffusion Models", prune a diffusion model's U-Net in this way.
 *
 * <p>Group norm needs its groups to stay what they were. Where both networks have as many channels
 * in a group, whole groups are kept or removed: removing groups that are zero changes nothing.
 * Where both have as many groups, each keeps the same number of its channels. Where neither holds,
 * channels are chosen freely and groups mix. Where the norms of a space disagree, as behind a skip
 * connection, whole groups come first, and then the finest shares. Where both networks have as many
 * attention heads, each keeps the same number of channels, and queries are rescaled, as attention
 * divides by the root of a head's width; where heads are as wide, whole ones stay or go. Positions
 * are a formula of the width, so that the channels that they are added to are not chosen by
 * importance: those stay whose frequencies are nearest to the student's. The sines of the timestep
 * belong to the width of the network, so that they can't be chosen: the layer that reads them is
 * fitted to the student's by least squares over all timesteps.
 */
public final class ChannelPruning {

  /** Which elements of the tensors make a channel important. */
  public enum Criterion {
    /** Those of the filters that make it. Li et al. 2017, section 3.1. */
    MAGNITUDE,
    /** All that would go with it, in each layer. Molchanov et al. 2019. */
    TAYLOR
  }

  private static final double MAX_PERIOD = 10_000; // of the sines, as PortableText has them
  private static final int POSITION_PARTS = 4; // sines and cosines of columns, then of rows
  private static final double RIDGE = 1e-6; // of the least squares, times the timesteps

  /** Of {@code block} consecutive channels, {@code kept} stay, in whole {@code unit}s. */
  private record Pattern(int unit, int block, int kept) {}

  private final Network teacher;
  private final Network student;
  private final ChannelCoupling from;
  private final ChannelCoupling to;

  /**
   * Prepares the cut.
   *
   * @throws IllegalArgumentException if the student's blocks are not the teacher's, or it is wider
   */
  public ChannelPruning(Network teacher, Network student) {
    this.teacher = teacher;
    this.student = student;
    this.from = new ChannelCoupling(teacher.graph());
    this.to = new ChannelCoupling(student.graph());
    if (!from.coupledAs(to)) {
      throw new IllegalArgumentException(
          "The student can't be pruned from the teacher: expected its blocks to be those of %s, found %s."
              .formatted(teacher.spec(), student.spec()));
    }
    for (int space : from.spaces()) {
      if (to.width(space) > from.width(space)) {
        throw new IllegalArgumentException(
            "The student can't be pruned from the teacher: expected at most %d channels, found %d."
                .formatted(from.width(space), to.width(space)));
      }
    }
    for (int i = 0; i < from.attentions().size(); i++) {
      ChannelCoupling.Heads old = from.attentions().get(i);
      ChannelCoupling.Heads cut = to.attentions().get(i);
      if (old.heads() != cut.heads() && headWidth(from, old) != headWidth(to, cut)) {
        throw new IllegalArgumentException(
            "The student can't be pruned from the teacher: expected %d heads or heads of %d channels in %s, found %d of %d."
                .formatted(
                    old.heads(),
                    headWidth(from, old),
                    old.layer(),
                    cut.heads(),
                    headWidth(to, cut)));
      }
    }
  }

  private static int headWidth(ChannelCoupling coupling, ChannelCoupling.Heads attention) {
    return coupling.width(attention.queries()) / attention.heads();
  }

  /** |w| of every element. */
  public static Map<String, float[]> magnitudes(Map<String, HostTensor> weights) {
    Map<String, float[]> magnitudes = new LinkedHashMap<>();
    weights.forEach(
        (name, tensor) -> {
          float[] values = tensor.toFloats();
          for (int i = 0; i < values.length; i++) {
            values[i] = Math.abs(values[i]);
          }
          magnitudes.put(name, values);
        });
    return magnitudes;
  }

  /**
   * The student's weights.
   *
   * @param weights the teacher's, by name
   * @param saliency importance of every element of them, not negative
   * @param timesteps T, over which the timestep's embedding is fitted
   */
  public Map<String, HostTensor> prune(
      Map<String, HostTensor> weights,
      Map<String, float[]> saliency,
      Criterion criterion,
      int timesteps) {
    Map<Integer, int[]> kept = new TreeMap<>();
    Map<Integer, double[]> scores = scores(saliency, criterion);
    for (int space : from.spaces()) {
      if (space == from.sinusoid()) {
        kept.put(space, all(from.width(space))); // see timeEmbedding
      } else if (from.positions().equals(OptionalInt.of(space))) {
        kept.put(space, nearestPositions(from.width(space), to.width(space)));
      } else {
        kept.put(space, keep(scores.get(space), pattern(space)));
      }
    }
    keepWholeHeads(scores, kept);
    Map<String, HostTensor> pruned = new LinkedHashMap<>();
    for (Weight weight : teacher.weights()) {
      List<List<Integer>> axes = from.axes().get(weight.name());
      HostTensor cut = gather(weights.get(weight.name()), indices(axes, weight, kept));
      pruned.put(
          weight.name(),
          axes.contains(List.of(from.sinusoid())) ? timeEmbedding(cut, timesteps) : cut);
    }
    for (int i = 0; i < from.attentions().size(); i++) {
      ChannelCoupling.Heads old = from.attentions().get(i);
      double ratio = (double) headWidth(to, to.attentions().get(i)) / headWidth(from, old);
      for (String part : List.of(".weight", ".bias")) {
        pruned.computeIfPresent(old.layer() + part, (n, q) -> times(q, Math.sqrt(ratio)));
      }
    }
    student.check(pruned, "The pruned set of weights");
    return pruned;
  }

  /** A head's queries, keys and values stay together. */
  private void keepWholeHeads(Map<Integer, double[]> scores, Map<Integer, int[]> kept) {
    for (int i = 0; i < from.attentions().size(); i++) {
      ChannelCoupling.Heads old = from.attentions().get(i);
      if (old.heads() == to.attentions().get(i).heads()) {
        continue;
      }
      double[] both = scores.get(old.queries()).clone();
      double[] values = scores.get(old.values());
      Arrays.setAll(both, channel -> both[channel] + values[channel]);
      int after = to.width(old.queries());
      int[] heads = keep(both, new Pattern(headWidth(from, old), both.length, after));
      kept.put(old.queries(), heads);
      kept.put(old.values(), heads);
    }
  }

  /**
   * The channels whose positions are most like the student's, of which each quarter has frequencies
   * 10000^(-i / (width / 4)): those of every second one where the student is half as wide.
   */
  private static int[] nearestPositions(int before, int after) {
    return IntStream.range(0, POSITION_PARTS)
        .flatMap(
            part ->
                IntStream.range(0, after / POSITION_PARTS)
                    .map(
                        i ->
                            part * (before / POSITION_PARTS)
                                + (int) Math.round((double) i * before / after)))
        .toArray();
  }

  /** Importance of the channels of the space that lies along an axis of a tensor. */
  public double[] scores(
      String weight, int axis, Map<String, float[]> saliency, Criterion criterion) {
    return scores(saliency, criterion).get(from.axes().get(weight).get(axis).get(0));
  }

  private Map<Integer, double[]> scores(Map<String, float[]> saliency, Criterion criterion) {
    Map<Integer, double[]> scores = new TreeMap<>();
    from.spaces().forEach(space -> scores.put(space, new double[from.width(space)]));
    Map<String, List<List<Integer>>> axes = from.axes();
    for (Weight weight : teacher.weights()) {
      List<List<Integer>> spaces = axes.get(weight.name());
      float[] values = saliency.get(weight.name());
      switch (criterion) {
        case MAGNITUDE -> {
          if (spaces.size() > 1) {
            int made = spaces.get(0).isEmpty() ? 1 : 0; // rows are classes in a table of them
            addAlong(made, weight, spaces.get(made), values, scores);
          }
        }
        case TAYLOR -> {
          for (int axis = 0; axis < spaces.size(); axis++) {
            addAlong(axis, weight, spaces.get(axis), values, scores);
          }
        }
      }
    }
    return scores;
  }

  /** Adds each element to the score of its channel along {@code axis}. */
  private void addAlong(
      int axis,
      Weight weight,
      List<Integer> spaces,
      float[] values,
      Map<Integer, double[]> scores) {
    if (spaces.isEmpty()) {
      return;
    }
    long[] shape = weight.dimensions();
    int length = Math.toIntExact(shape[axis]);
    int inner = Math.toIntExact(Arrays.stream(shape).skip(axis + 1).reduce(1, Math::multiplyExact));
    double[] sums = new double[length];
    for (int i = 0; i < values.length; i++) {
      sums[i / inner % length] += values[i];
    }
    int offset = 0;
    for (int space : spaces) {
      double[] score = scores.get(space);
      for (int c = 0; c < score.length; c++) {
        score[c] += sums[offset + c];
      }
      offset += score.length;
    }
  }

  private Pattern pattern(int space) {
    int before = from.width(space);
    int after = to.width(space);
    int heads = from.heads(space);
    if (heads > 1) {
      return new Pattern(1, before / heads, after / heads);
    }
    TreeSet<Integer> whole = new TreeSet<>(); // channels of a group that stays or goes
    TreeMap<Integer, Integer> shares = new TreeMap<>(); // channels of a group: how many stay
    for (int i = 0; i < from.norms().size(); i++) {
      ChannelCoupling.Norm old = from.norms().get(i);
      int mine = old.channelsPerGroup();
      int theirs = to.norms().get(i).channelsPerGroup();
      if (!old.spaces().contains(space) || !aligned(old.spaces(), mine, theirs)) {
        continue;
      }
      if (mine == theirs) {
        whole.add(mine);
      } else if (before / mine == after / theirs) {
        shares.put(mine, theirs);
      }
    }
    if (!whole.isEmpty()) {
      int unit = 1;
      for (int size : whole) {
        unit = size % unit == 0 ? size : unit; // groups of several of these groups keep them all
      }
      return new Pattern(unit, before, after);
    }
    return shares.isEmpty()
        ? new Pattern(1, before, after)
        : new Pattern(1, shares.firstKey(), shares.firstEntry().getValue());
  }

  /** Whether no group of the norm holds channels of two spaces, before and after. */
  private boolean aligned(List<Integer> spaces, int mine, int theirs) {
    return spaces.stream().allMatch(s -> from.width(s) % mine == 0 && to.width(s) % theirs == 0);
  }

  /** Indices of the channels that stay, in order; of equal ones the first. */
  private static int[] keep(double[] scores, Pattern pattern) {
    int unit = pattern.unit();
    int unitsPerBlock = pattern.block() / unit;
    double[] sums = new double[scores.length / unit];
    for (int c = 0; c < scores.length; c++) {
      sums[c / unit] += scores[c];
    }
    IntStream kept = IntStream.empty();
    for (int block = 0; block < scores.length / pattern.block(); block++) {
      int first = block * unitsPerBlock;
      IntStream best =
          IntStream.range(first, first + unitsPerBlock)
              .boxed()
              .sorted(Comparator.comparingDouble(u -> -sums[u])) // stable
              .limit(pattern.kept() / unit)
              .sorted()
              .flatMapToInt(u -> IntStream.range(u * unit, (u + 1) * unit));
      kept = IntStream.concat(kept, best);
    }
    return kept.toArray();
  }

  private static int[] all(int length) {
    return IntStream.range(0, length).toArray();
  }

  /** The indices along each axis of a tensor that stay. */
  private int[][] indices(List<List<Integer>> axes, Weight weight, Map<Integer, int[]> kept) {
    int[][] indices = new int[axes.size()][];
    for (int axis = 0; axis < indices.length; axis++) {
      IntStream along = IntStream.empty();
      int offset = 0;
      for (int space : axes.get(axis)) {
        int shift = offset;
        along = IntStream.concat(along, Arrays.stream(kept.get(space)).map(c -> shift + c));
        offset += from.width(space);
      }
      indices[axis] =
          axes.get(axis).isEmpty()
              ? all(Math.toIntExact(weight.dimensions()[axis]))
              : along.toArray();
    }
    return indices;
  }

  /** The elements of {@code tensor} at every combination of {@code indices}. */
  private static HostTensor gather(HostTensor tensor, int[][] indices) {
    long[] shape = Arrays.stream(indices).mapToLong(i -> i.length).toArray();
    HostTensor cut = HostTensor.zeros(HostTensor.DType.F32, shape);
    copy(tensor.data().asFloatBuffer(), tensor.shape(), indices, 0, 0, cut.data().asFloatBuffer());
    return cut;
  }

  private static void copy(
      FloatBuffer in, long[] shape, int[][] indices, int axis, int offset, FloatBuffer out) {
    if (axis == indices.length) {
      out.put(in.get(offset));
      return;
    }
    for (int index : indices[axis]) {
      copy(in, shape, indices, axis + 1, (int) (offset * shape[axis] + index), out);
    }
  }

  private static HostTensor times(HostTensor tensor, double factor) {
    if (factor == 1) {
      return tensor;
    }
    float[] values = tensor.toFloats();
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (values[i] * factor);
    }
    return HostTensor.ofFloats(values, tensor.shape());
  }

  /**
   * The layer W [R, C] that reads C sines and cosines, for C' of them: W' = W Xᵀ, where X [C', C]
   * makes the squared error of {@code s'(t) X} against {@code s(t)}, summed over all t, least.
   */
  private HostTensor timeEmbedding(HostTensor layer, int timesteps) {
    int before = from.width(from.sinusoid());
    int after = to.width(to.sinusoid());
    if (before == after) {
      return layer;
    }
    double[][] fit = leastSquares(sinusoids(student, timesteps), sinusoids(teacher, timesteps));
    int rows = Math.toIntExact(layer.shape()[0]);
    float[] w = layer.toFloats();
    float[] fitted = new float[rows * after];
    for (int row = 0; row < rows; row++) {
      for (int j = 0; j < after; j++) {
        double sum = 0;
        for (int i = 0; i < before; i++) {
          sum += w[row * before + i] * fit[j][i];
        }
        fitted[row * after + j] = (float) sum;
      }
    }
    return HostTensor.ofFloats(fitted, rows, after);
  }

  /** [T, width]: what {@code network}'s first operation makes of each timestep. */
  private static double[][] sinusoids(Network network, int timesteps) {
    Operation.Sinusoid sinusoid = network.graph().all(Operation.Sinusoid.class).get(0);
    int half = sinusoid.out().width() / 2;
    int sines = sinusoid.cosinesFirst() ? half : 0;
    double[][] values = new double[timesteps][2 * half];
    for (int i = 0; i < half; i++) {
      double frequency = Math.exp(-Math.log(MAX_PERIOD) * i / (half - sinusoid.shift()));
      for (int t = 0; t < timesteps; t++) {
        values[t][sines + i] = Math.sin(t * frequency);
        values[t][half - sines + i] = Math.cos(t * frequency);
      }
    }
    return values;
  }

  /**
   * X of least |A X - B|² + ridge |X|², by Cholesky's factors of AᵀA. The ridge keeps X small: slow
   * sines hardly differ from one another over T timesteps.
   */
  private static double[][] leastSquares(double[][] a, double[][] b) {
    int n = a[0].length;
    int m = b[0].length;
    double[][] gram = new double[n][n];
    double[][] x = new double[n][m];
    for (int t = 0; t < a.length; t++) {
      for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++) {
          gram[i][j] += a[t][i] * a[t][j];
        }
        for (int j = 0; j < m; j++) {
          x[i][j] += a[t][i] * b[t][j];
        }
      }
    }
    for (int i = 0; i < n; i++) { // gram = L Lᵀ, in place
      gram[i][i] += RIDGE * a.length;
      for (int j = 0; j <= i; j++) {
        for (int k = 0; k < j; k++) {
          gram[i][j] -= gram[i][k] * gram[j][k];
        }
        gram[i][j] = i == j ? Math.sqrt(gram[i][i]) : gram[i][j] / gram[j][j];
      }
    }
    for (int column = 0; column < m; column++) {
      for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++) {
          x[i][column] -= gram[i][k] * x[k][column];
        }
        x[i][column] /= gram[i][i];
      }
      for (int i = n - 1; i >= 0; i--) {
        for (int k = i + 1; k < n; k++) {
          x[i][column] -= gram[k][i] * x[k][column];
        }
        x[i][column] /= gram[i][i];
      }
    }
    return x;
  }
}
