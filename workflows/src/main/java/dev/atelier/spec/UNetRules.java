package dev.atelier.spec;

import dev.atelier.graph.Graph;
import dev.atelier.graph.Operation;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/** What the fields of a U-Net must meet together. */
record UNetRules(
    NetworkSpec spec, int resolution, Supplier<Graph> layout, Architecture.Faults faults) {

  void check() {
    if (faults.trusts("channels", "multipliers", "groups")) {
      spec.groups().ifPresent(this::groups);
    }
    if (!faults.trusts("multipliers") || !faults.trustsResolution()) {
      return;
    }
    int levels = spec.multipliers().size();
    int divisor = 1 << (levels - 1);
    if (resolution % divisor != 0) {
      faults.add(
          "multipliers",
          "has %d levels, so that dataset.resolution must be divisible by %d, found %d."
              .formatted(levels, divisor, resolution));
    } else if (faults.trusts("attentionResolutions", "resBlocks")) {
      attention(layout.get());
    }
  }

  private void groups(int groups) {
    for (int width : new HashSet<>(spec.widths())) {
      if (width % groups != 0) {
        faults.add(
            "groups",
            "must divide every width, found %d groups for the width %d.".formatted(groups, width));
      }
    }
  }

  private void attention(Graph graph) {
    List<Integer> resolutions =
        graph.all(Operation.Convolution.class).stream()
            .map(o -> o.out().side())
            .distinct()
            .toList();
    Set<Integer> seen = new HashSet<>();
    for (int i = 0; i < spec.attentionResolutions().size(); i++) {
      int wanted = spec.attentionResolutions().get(i);
      String field = "attentionResolutions[%d]".formatted(i);
      if (!resolutions.contains(wanted)) {
        faults.add(
            field,
            "must be the resolution of a level, one of %s, found %d."
                .formatted(resolutions, wanted));
      } else if (!seen.add(wanted)) {
        faults.add(field, "names the resolution %d a second time.".formatted(wanted));
      }
    }
    if (!faults.trusts("channels", "attentionHeads", "attentionHeadWidth")) {
      return;
    }
    List<Integer> attended =
        graph.all(Operation.Attention.class).stream().map(o -> o.in().width()).distinct().toList();
    spec.attentionHeadWidth()
        .ifPresentOrElse(head -> headWidth(head, attended), () -> heads(attended));
  }

  private void heads(List<Integer> attended) {
    for (int width : attended) {
      if (width % spec.attentionHeads() != 0) {
        faults.add(
            "attentionHeads",
            "must divide every width with attention, found %d heads for the width %d."
                .formatted(spec.attentionHeads(), width));
      }
    }
  }

  private void headWidth(int head, List<Integer> attended) {
    if (spec.attentionHeads() != 1) {
      faults.add(
          "attentionHeads",
          "must be left out where attentionHeadWidth says how many heads there are, found %d."
              .formatted(spec.attentionHeads()));
    }
    for (int width : attended) {
      if (width % head != 0) {
        faults.add(
            "attentionHeadWidth",
            "must divide every width with attention, found %d for the width %d."
                .formatted(head, width));
      }
    }
  }
}
