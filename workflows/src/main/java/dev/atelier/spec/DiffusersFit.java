package dev.atelier.spec;

import dev.atelier.graph.Graph;
import dev.atelier.graph.Operation;
import dev.atelier.spec.NetworkSpec.Block;
import dev.atelier.spec.NetworkSpec.BlocksSpec;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Which networks diffusers has a class for: those that one number says where it has one field. */
public final class DiffusersFit {

  /**
   * Why diffusers has no class for a network.
   *
   * @param field of the network's spec
   * @param reason what it has that diffusers has not, as a clause
   * @param expected what would fit, to be written in its place
   */
  public record Misfit(String field, String reason, String expected) {}

  private DiffusersFit() {}

  /** What of a network diffusers has no class for; empty: it has one. */
  public static Optional<Misfit> misfit(NetworkSpec spec, Graph graph) {
    if (spec.transformer().isPresent()) {
      return graph.classes() > 0
          ? Optional.empty()
          : Optional.of(
              new Misfit(
                  "transformer",
                  "a DiT of diffusers is told a class",
                  "dataset.classConditional: true"));
    }
    if (spec.multipliers().get(0) != 1) {
      return Optional.of(
          new Misfit(
              "multipliers",
              "the first level has %d times the channels of what it reads, and in diffusers as many"
                  .formatted(spec.multipliers().get(0)),
              "levelWidths: %s in place of channels and multipliers".formatted(spec.widths())));
    }
    List<Integer> groups = groups(spec, graph);
    if (groups.size() > 1) {
      return Optional.of(
          new Misfit(
              spec.groupsByWidth().isPresent() ? "groupsByWidth" : "groups",
              "its group norms have %s groups, and in diffusers all have as many"
                  .formatted(listed(groups)),
              "groups: %d in its place".formatted(spec.commonGroups())));
    }
    List<Integer> heads = headWidths(spec, graph);
    if (heads.size() > 1) {
      return Optional.of(
          new Misfit(
              "attentionHeads",
              "its heads have %s channels, and in diffusers all have as many"
                  .formatted(listed(heads)),
              "attentionHeadWidth: %d in its place".formatted(greatestCommonDivisor(heads))));
    }
    return Optional.empty();
  }

  /** A sentence for each network of an experiment that is known to have no folder of diffusers. */
  public static List<String> warnings(ExperimentSpec spec) {
    Map<String, NetworkSpec> networks = new LinkedHashMap<>();
    if (NormGroups.saysItsNetwork(spec.teacher())) {
      networks.put("teacher.network", spec.teacher().network());
    }
    networks.put("students.network", spec.students().network());
    for (int i = 0; i < spec.students().overrides().size(); i++) {
      String field = "students.overrides[%d].network".formatted(i);
      spec.students().overrides().get(i).network().ifPresent(n -> networks.put(field, n));
    }
    List<String> warnings = new ArrayList<>();
    networks.forEach(
        (field, network) ->
            misfit(network, graph(spec, network))
                .map(misfit -> sentence(field, misfit))
                .ifPresent(warnings::add));
    return warnings;
  }

  private static String sentence(String network, Misfit misfit) {
    return "%s.%s: %s, so that exports have no folder of diffusers for it. Expected %s."
        .formatted(network, misfit.field(), misfit.reason(), misfit.expected());
  }

  /** How many classes there are is not known before the dataset is read. */
  private static Graph graph(ExperimentSpec spec, NetworkSpec network) {
    return Architectures.of(network)
        .layout(
            spec.dataset().resolution(),
            spec.dataset().channels(),
            spec.dataset().classConditional() ? 1 : 0);
  }

  /** The groups that {@code norm_num_groups} must say; skip blocks have others of their own. */
  public static List<Integer> groups(NetworkSpec spec, Graph graph) {
    BlocksSpec blocks = spec.blocksAt(graph.image().side());
    return graph.all(Operation.GroupNorm.class).stream()
        .filter(o -> !isOfSkip(o.layer(), blocks))
        .map(Operation.GroupNorm::groups)
        .distinct()
        .toList();
  }

  private static boolean isOfSkip(String layer, BlocksSpec blocks) {
    String[] parts = layer.split("\\.", -1);
    return switch (parts[0]) {
      case "down_blocks" -> blocks.down().get(Integer.parseInt(parts[1])) == Block.SKIP;
      case "up_blocks" -> blocks.up().get(Integer.parseInt(parts[1])) == Block.SKIP;
      default -> false;
    };
  }

  /**
   * The widths of heads that {@code attention_head_dim} must say; none of one head, whose width is
   * its level's.
   */
  public static List<Integer> headWidths(NetworkSpec spec, Graph graph) {
    return graph.all(Operation.Attention.class).stream()
        .filter(o -> o.heads() > 1 || spec.attentionHeadWidth().isPresent())
        .map(o -> o.in().width() / o.heads())
        .distinct()
        .toList();
  }

  private static String listed(List<Integer> numbers) {
    List<String> texts = numbers.stream().sorted().map(String::valueOf).toList();
    int last = texts.size() - 1;
    return String.join(", ", texts.subList(0, last)) + " and " + texts.get(last);
  }

  private static int greatestCommonDivisor(List<Integer> numbers) {
    return numbers.stream()
        .map(BigInteger::valueOf)
        .reduce(BigInteger.ZERO, BigInteger::gcd)
        .intValue();
  }
}
