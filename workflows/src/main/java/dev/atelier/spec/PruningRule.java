package dev.atelier.spec;

import dev.atelier.graph.Graph;
import dev.atelier.graph.Operation;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Which networks can be cut out of another one, channel by channel; any can be copied. */
public final class PruningRule {

  /** An attention, by its layer. */
  private record Attention(String layer, int heads, int width) {
    int headWidth() {
      return width / heads;
    }
  }

  private PruningRule() {}

  /**
   * Why {@code student} can't be cut out of {@code teacher}, if so: it must have the same blocks,
   * no layer may be wider than there, widths must change in the same places, and attention must
   * have as many heads or heads as wide.
   *
   * @param resolution pixels per side of the images of both
   */
  public static Optional<String> fault(NetworkSpec teacher, NetworkSpec student, int resolution) {
    Graph from = layout(teacher, resolution);
    Graph to = layout(student, resolution);
    if (from.equals(to)) {
      return Optional.empty();
    }
    if (teacher.transformer().isPresent() != student.transformer().isPresent()) {
      return Optional.of(
          "must be %s as the teacher is to be pruned from it."
              .formatted(teacher.transformer().isPresent() ? "a transformer" : "a U-Net"));
    }
    if (!teacher.latents().equals(student.latents())) {
      return Optional.of(
          "must have the teacher's latents to be pruned from it, found %s for the teacher's %s."
              .formatted(student.latents(), teacher.latents()));
    }
    return (teacher.transformer().isPresent()
            ? transformer(teacher.transformer().get(), student.transformer().orElseThrow())
            : uNet(teacher, student, from, to))
        .or(() -> heads(from, to));
  }

  private static Optional<String> transformer(TransformerSpec teacher, TransformerSpec student) {
    if (!Objects.equals(teacher.patchSize(), student.patchSize())
        || !Objects.equals(teacher.layers(), student.layers())
        || !Objects.equals(teacher.learnedSigma(), student.learnedSigma())) {
      return Optional.of(
          "must have the teacher's patchSize, layers and learnedSigma to be pruned from it, found %s for the teacher's %s."
              .formatted(student, teacher));
    }
    return student.width() > teacher.width()
        ? Optional.of(
            "must not be wider than the teacher to be pruned from it, found the width %d for the teacher's %d."
                .formatted(student.width(), teacher.width()))
        : Optional.empty();
  }

  private static Optional<String> uNet(
      NetworkSpec teacher, NetworkSpec student, Graph from, Graph to) {
    if (!blocks(from).equals(blocks(to)) || !teacher.variant().equals(student.variant())) {
      return Optional.of(
          "must have the teacher's levels, resBlocks, attentionResolutions, blocks, crossAttention and learnedSigma to be pruned from it, found %s for the teacher's %s."
              .formatted(student, teacher));
    }
    List<Integer> widths = convolutions(to, false).map(o -> o.out().width()).toList();
    List<Integer> widest = convolutions(from, false).map(o -> o.out().width()).toList();
    if (IntStream.range(0, widths.size()).anyMatch(i -> widths.get(i) > widest.get(i))) {
      return Optional.of(
          "must not be wider than the teacher to be pruned from it, found the widths %s for the teacher's %s."
              .formatted(student.widths(), teacher.widths()));
    }
    if (!pointwise(from).equals(pointwise(to))) {
      return Optional.of(
          "must keep or change its width at the levels where the teacher does to be pruned from it, found the widths %s for the teacher's %s."
              .formatted(student.widths(), teacher.widths()));
    }
    return Optional.empty();
  }

  private static Optional<String> heads(Graph from, Graph to) {
    List<Attention> theirs = attentions(from);
    List<Attention> ours = attentions(to);
    return IntStream.range(0, theirs.size())
        .filter(
            i ->
                theirs.get(i).heads() != ours.get(i).heads()
                    && theirs.get(i).headWidth() != ours.get(i).headWidth())
        .mapToObj(
            i ->
                "must have as many attention heads as the teacher, or heads as wide, to be pruned from it: expected %d or heads of %d channels in %s, found %d of %d."
                    .formatted(
                        theirs.get(i).heads(),
                        theirs.get(i).headWidth(),
                        theirs.get(i).layer(),
                        ours.get(i).heads(),
                        ours.get(i).headWidth()))
        .findFirst();
  }

  private static Graph layout(NetworkSpec spec, int resolution) {
    return Architectures.of(spec).layout(resolution, 1, 0);
  }

  /** What no width changes: layers, each with its side, and what they are told. */
  private static List<String> blocks(Graph graph) {
    return Stream.of(
            convolutions(graph, false).map(o -> o.layer() + " " + o.out().side()),
            graph.all(Operation.Attention.class).stream().map(Operation.Attention::layer),
            graph.all(Operation.CrossAttention.class).stream().map(Operation.CrossAttention::layer),
            graph.all(Operation.Linear.class).stream().map(Operation.Linear::layer),
            graph.all(Operation.FirstChannels.class).stream().map(o -> "learned sigma"),
            graph.told().context().map(Object::toString).stream())
        .flatMap(all -> all)
        .toList();
  }

  /** Where a residual changes its width, and what stands around transformer blocks. */
  private static List<String> pointwise(Graph graph) {
    return convolutions(graph, true).map(Operation.Convolution::layer).toList();
  }

  private static List<Attention> attentions(Graph graph) {
    return Stream.concat(
            graph.all(Operation.Attention.class).stream()
                .map(o -> new Attention(o.layer(), o.heads(), o.in().width())),
            graph.all(Operation.CrossAttention.class).stream()
                .map(o -> new Attention(o.layer(), o.heads(), o.in().width())))
        .toList();
  }

  private static Stream<Operation.Convolution> convolutions(Graph graph, boolean pointwise) {
    return graph.all(Operation.Convolution.class).stream().filter(o -> o.pointwise() == pointwise);
  }
}
