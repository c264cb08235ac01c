package dev.atelier.spec;

import dev.atelier.graph.Graph;
import dev.atelier.graph.Operation;
import dev.atelier.spec.NetworkSpec.Block;
import dev.atelier.spec.NetworkSpec.BlocksSpec;
import dev.atelier.spec.NetworkSpec.CrossAttentionSpec;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/** What the fields of a U-Net must meet together. */
record UNetRules(
    NetworkSpec spec,
    int resolution,
    int imageChannels,
    Supplier<Graph> layout,
    Architecture.Faults faults) {

  private static final int SKIP_CHANNELS = 3; // of the images of skip blocks, in diffusers

  /** Why the kinds of levels don't fit each other or the number of levels, by field. */
  static Map<String, String> blockFaults(
      NetworkSpec spec, int imageChannels, Architecture.Faults faults) {
    Map<String, String> found = new LinkedHashMap<>();
    if (faults.trusts("levelWidths", "channels", "multipliers")) {
      spec.levelWidths().ifPresent(widths -> widths(found, spec, widths));
    }
    if (!faults.trusts("blocks", "multipliers", "attentionResolutions", "crossAttention")) {
      return found;
    }
    int levels = spec.multipliers().size();
    spec.blocks()
        .ifPresent(
            blocks -> {
              if (!spec.attentionResolutions().isEmpty()) {
                found.put(
                    "attentionResolutions",
                    "must be left out where blocks say which levels have attention, found %s."
                        .formatted(spec.attentionResolutions()));
              }
              requireAll(found, "blocks.down", blocks.down(), levels);
              requireAll(found, "blocks.up", blocks.up(), levels);
              skips(found, blocks, imageChannels);
            });
    boolean attend = spec.blocks().filter(BlocksSpec::attendToText).isPresent();
    if (attend != spec.crossAttention().isPresent()) {
      found.put(
          "crossAttention",
          attend
              ? "is needed, as blocks attend to a text."
              : "is for blocks of the kind cross-attention, found none.");
    }
    spec.crossAttention()
        .flatMap(CrossAttentionSpec::heads)
        .ifPresent(heads -> requireAll(found, "crossAttention.heads", heads, levels));
    return found;
  }

  private static void widths(Map<String, String> found, NetworkSpec spec, List<Integer> widths) {
    NetworkSpec without = NetworkSpecBuilder.builder(spec).channels(null).multipliers(null).build();
    if (!spec.equals(without)) {
      found.put(
          "levelWidths",
          "stands in place of channels and multipliers, found %s, %d and %s."
              .formatted(widths, spec.channels(), spec.multipliers()));
    }
  }

  /** The image that skip blocks read shrinks from the first level on, what they make grows. */
  private static void skips(Map<String, String> found, BlocksSpec blocks, int imageChannels) {
    List<Block> down = blocks.down();
    for (int level = 1; level + 1 < down.size(); level++) {
      if (down.get(level) == Block.SKIP && down.get(level - 1) != Block.SKIP) {
        found.put(
            "blocks.down[%d]".formatted(level),
            "must not be skip after another kind, which does not make the image smaller.");
      }
    }
    List<Block> up = blocks.up();
    for (int place = 1; place < up.size(); place++) {
      if (up.get(place) != Block.SKIP && up.get(place - 1) == Block.SKIP) {
        found.put(
            "blocks.up[%d]".formatted(place),
            "must be skip after skip: another kind does not make the image larger.");
      }
    }
    if ((down.contains(Block.SKIP) || up.contains(Block.SKIP)) && imageChannels != SKIP_CHANNELS) {
      found.put(
          "blocks",
          "of the kind skip are for images of %d channels, found %d."
              .formatted(SKIP_CHANNELS, imageChannels));
    }
  }

  private static void requireAll(
      Map<String, String> found, String field, List<?> values, int levels) {
    if (values.size() != levels) {
      found.put(
          field,
          "must have one for each of the %d levels of multipliers, found %d."
              .formatted(levels, values.size()));
    }
  }

  void check() {
    Map<String, String> unfit = blockFaults(spec, imageChannels, faults);
    unfit.forEach(faults::add);
    if (!unfit.isEmpty()) {
      return; // there is no layout to judge
    }
    if (faults.trusts("channels", "multipliers", "levelWidths", "groups")) {
      spec.groups().ifPresent(this::groups);
      if (spec.groups().isPresent() && spec.groupsByWidth().isPresent()) {
        faults.add(
            "groupsByWidth",
            "stands in place of groups, found groups %d.".formatted(spec.groups().get()));
      }
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
    } else if (faults.trusts("attentionResolutions", "resBlocks", "blocks", "crossAttention")) {
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
