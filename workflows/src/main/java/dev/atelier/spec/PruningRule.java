package dev.atelier.spec;

import dev.atelier.graph.Graph;
import dev.atelier.graph.Operation;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Which networks can be cut out of another one, channel by channel; any can be copied. */
public final class PruningRule {

  private PruningRule() {}

  /**
   * Why {@code student} can't be cut out of {@code teacher}, if so: it must have the same blocks,
   * no layer may be wider than there, and widths must change in the same places.
   *
   * @param resolution pixels per side of the images of both
   */
  public static Optional<String> fault(NetworkSpec teacher, NetworkSpec student, int resolution) {
    Graph from = layout(teacher, resolution);
    Graph to = layout(student, resolution);
    if (from.equals(to)) {
      return Optional.empty();
    }
    if (hasPositions(from) || hasPositions(to)) {
      return Optional.of(
          "must be the teacher's to start from it where one of them is a transformer: positions are made of all channels, so that none can be removed; found %s for the teacher's %s."
              .formatted(student, teacher));
    }
    if (!blocks(from).equals(blocks(to)) || !teacher.variant().equals(student.variant())) {
      return Optional.of(
          "must have the teacher's levels, resBlocks, attentionResolutions and attentionHeads to be pruned from it, found %s for the teacher's %s."
              .formatted(student, teacher));
    }
    List<Integer> widths = convolutions(to, false).map(o -> o.out().width()).toList();
    List<Integer> widest = convolutions(from, false).map(o -> o.out().width()).toList();
    if (IntStream.range(0, widths.size()).anyMatch(i -> widths.get(i) > widest.get(i))) {
      return Optional.of(
          "must not be wider than the teacher to be pruned from it, found the widths %s for the teacher's %s."
              .formatted(student.widths(), teacher.widths()));
    }
    if (!shortcuts(from).equals(shortcuts(to))) {
      return Optional.of(
          "must keep or change its width at the levels where the teacher does to be pruned from it, found the widths %s for the teacher's %s."
              .formatted(student.widths(), teacher.widths()));
    }
    return Optional.empty();
  }

  private static Graph layout(NetworkSpec spec, int resolution) {
    return Architectures.of(spec).layout(resolution, 1, 0);
  }

  private static boolean hasPositions(Graph graph) {
    return !graph.all(Operation.AddPositions.class).isEmpty();
  }

  /** The layers whose number no width changes, each with its side and heads. */
  private static List<String> blocks(Graph graph) {
    return Stream.concat(
            convolutions(graph, false).map(o -> o.layer() + " " + o.out().side()),
            graph.all(Operation.Attention.class).stream().map(o -> o.layer() + " " + o.heads()))
        .toList();
  }

  /** Where a residual changes its width. */
  private static List<String> shortcuts(Graph graph) {
    return convolutions(graph, true).map(Operation.Convolution::layer).toList();
  }

  private static Stream<Operation.Convolution> convolutions(Graph graph, boolean pointwise) {
    return graph.all(Operation.Convolution.class).stream().filter(o -> o.pointwise() == pointwise);
  }
}
