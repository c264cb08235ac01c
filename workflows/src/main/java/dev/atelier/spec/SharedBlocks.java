package dev.atelier.spec;

import dev.atelier.graph.Graph;
import dev.atelier.graph.Weight;
import dev.atelier.spec.NetworkSpec.Block;
import dev.atelier.spec.NetworkSpec.BlocksSpec;
import dev.atelier.spec.NetworkSpec.CrossAttentionSpec;
import dev.atelier.spec.NetworkSpec.LatentsSpec;
import dev.atelier.spec.NetworkSpec.Middle;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The blocks of a teacher that a smaller student of the same widths has too. Of a U-Net each level
 * of the encoder keeps its first blocks, and each level of the decoder its first ones and its last,
 * which joins the skip connection of the level above (Kim et al. 2023, BK-SDM, section 3.1); of a
 * transformer layers as far apart as can be, the first and the last among them (Shleifer & Rush
 * 2020, section 3.2).
 *
 * @param resolution pixels per side of the images of both
 */
public record SharedBlocks(NetworkSpec teacher, NetworkSpec student, int resolution) {

  private static final Pattern DECODER =
      Pattern.compile("up_blocks\\.(\\d+)\\.(?:(resnets|attentions)\\.(\\d+)\\.)?(.+)");
  private static final Pattern LAYER = Pattern.compile("transformer_blocks\\.(\\d+)\\.(.+)");

  /** The name in the teacher of a weight of the student, which must fit it. */
  public String inTeacher(String weight) {
    Matcher layer = LAYER.matcher(weight);
    if (student.transformer().isPresent() && layer.matches()) {
      return "transformer_blocks.%d.%s"
          .formatted(layer(Integer.parseInt(layer.group(1))), layer.group(2));
    }
    Matcher decoder = DECODER.matcher(weight);
    if (!decoder.matches()) {
      return weight;
    }
    int removed = teacher.widths().size() - student.widths().size();
    String level = "up_blocks.%d.".formatted(Integer.parseInt(decoder.group(1)) + removed);
    if (decoder.group(2) == null) {
      return level + decoder.group(4);
    }
    int block = Integer.parseInt(decoder.group(3));
    return "%s%s.%d.%s"
        .formatted(
            level,
            decoder.group(2),
            block == student.resBlocks() ? teacher.resBlocks() : block,
            decoder.group(4));
  }

  /** The teacher's layer that is the student's layer {@code i}, both from 0. */
  private int layer(int i) {
    int last = student.transformer().orElseThrow().layers() - 1;
    int lastOfTeacher = teacher.transformer().orElseThrow().layers() - 1;
    return last == 0 ? 0 : (int) Math.round((double) i * lastOfTeacher / last);
  }

  /** Why the student can't be made of the teacher's blocks, if so. */
  public Optional<String> fault() {
    if (teacher.transformer().isPresent() != student.transformer().isPresent()) {
      return Optional.of(
          "must be %s as the teacher is to start from its blocks."
              .formatted(teacher.transformer().isPresent() ? "a transformer" : "a U-Net"));
    }
    return first(
        teacher.transformer().isPresent()
            ? List.of(this::latents, this::transformer, this::shapes)
            : List.of(this::latents, this::size, this::levels, this::details, this::shapes));
  }

  private Optional<String> latents() {
    return same("latents", NetworkSpec::latents);
  }

  private Optional<String> transformer() {
    TransformerSpec theirs = teacher.transformer().orElseThrow();
    TransformerSpec ours = student.transformer().orElseThrow();
    return first(
        List.of(
            ofTransformer("patchSize", TransformerSpec::patchSize),
            ofTransformer("heads", TransformerSpec::heads),
            ofTransformer("headWidth", TransformerSpec::headWidth),
            ofTransformer("normEps", TransformerSpec::normEps),
            ofTransformer("learnedSigma", TransformerSpec::learnedSigma),
            () -> atMost("transformer.layers", theirs.layers(), ours.layers())));
  }

  private Supplier<Optional<String>> ofTransformer(
      String field, Function<TransformerSpec, Object> value) {
    return () ->
        same("transformer." + field, network -> value.apply(network.transformer().orElseThrow()));
  }

  private Optional<String> size() {
    List<Integer> theirs = teacher.widths();
    List<Integer> ours = student.widths();
    if (ours.size() > theirs.size() || !theirs.subList(0, ours.size()).equals(ours)) {
      return Optional.of(
          "must have the teacher's widths, all or the first ones, to start from its blocks: expected %s, found %s."
              .formatted(theirs, ours));
    }
    return atMost("resBlocks", teacher.resBlocks(), student.resBlocks());
  }

  private Optional<String> levels() {
    BlocksSpec theirs = blocks(teacher);
    BlocksSpec ours = blocks(student);
    int levels = student.widths().size();
    int removed = teacher.widths().size() - levels;
    List<Block> down = theirs.down().subList(0, levels);
    List<Block> up = theirs.up().subList(removed, theirs.up().size());
    if (!ours.down().equals(down) || !ours.up().equals(up)) {
      return Optional.of(
          "must have the teacher's kinds of levels to start from its blocks: expected down %s and up %s, found down %s and up %s."
              .formatted(words(down), words(up), words(ours.down()), words(ours.up())));
    }
    if (ours.middle() != Middle.NONE && ours.middle() != theirs.middle()) {
      return Optional.of(
          "must have the teacher's middle block or none to start from its blocks: expected %s or none, found %s."
              .formatted(SpecWord.of(theirs.middle()), SpecWord.of(ours.middle())));
    }
    return Optional.empty();
  }

  private Optional<String> details() {
    List<Integer> widths = student.widths();
    BlocksSpec blocks = blocks(student);
    List<Integer> attending =
        IntStream.range(0, widths.size()).filter(level -> attends(blocks, level)).boxed().toList();
    return first(
        List.of(
            () -> same("variant", network -> network.variant().orElse(NetworkSpec.Variant.DDPM)),
            () -> same("normEps", SharedBlocks::normEps),
            () -> same("learnedSigma", network -> network.learnedSigma().isPresent()),
            () -> same("groups", network -> widths.stream().map(network::groupsFor).toList()),
            () -> same("crossAttention.width", ofText(CrossAttentionSpec::width)),
            () -> same("crossAttention.tokens", ofText(CrossAttentionSpec::tokens)),
            () ->
                same(
                    "crossAttention.linearProjection",
                    ofText(CrossAttentionSpec::linearProjection)),
            () ->
                same(
                    "heads at each level with attention",
                    network -> attending.stream().map(level -> heads(network, level)).toList())));
  }

  private static Function<NetworkSpec, Object> ofText(Function<CrossAttentionSpec, Object> value) {
    return network -> network.crossAttention().map(value);
  }

  private static Object normEps(NetworkSpec network) {
    return network
        .normEps()
        .orElseGet(() -> network.variant().orElse(NetworkSpec.Variant.DDPM).normEps());
  }

  private static boolean attends(BlocksSpec blocks, int level) {
    int levels = blocks.down().size();
    boolean inMiddle =
        blocks.middle() == Middle.ATTENTION || blocks.middle() == Middle.CROSS_ATTENTION;
    return attends(blocks.down().get(level))
        || attends(blocks.up().get(levels - 1 - level))
        || (inMiddle && level == levels - 1);
  }

  private static boolean attends(Block block) {
    return block == Block.ATTENTION || block == Block.CROSS_ATTENTION;
  }

  private static int heads(NetworkSpec network, int level) {
    return network
        .crossAttention()
        .flatMap(CrossAttentionSpec::heads)
        .map(each -> each.get(level))
        .orElseGet(() -> network.headsFor(network.widths().get(level)));
  }

  private BlocksSpec blocks(NetworkSpec network) {
    return network.blocksAt(resolution / network.latents().map(LatentsSpec::reduction).orElse(1));
  }

  /** What no field says alone: a decoder's first block reads what the level below makes. */
  private Optional<String> shapes() {
    Map<String, long[]> theirs =
        layout(teacher).weights().stream()
            .collect(Collectors.toMap(Weight::name, Weight::dimensions));
    return layout(student).weights().stream()
        .filter(w -> !Arrays.equals(w.dimensions(), theirs.get(inTeacher(w.name()))))
        .findFirst()
        .map(
            w ->
                "must have weights of the shapes of the teacher's to start from its blocks: expected %s for %s, as %s has there, found %s."
                    .formatted(
                        Arrays.toString(theirs.get(inTeacher(w.name()))),
                        w.name(),
                        inTeacher(w.name()),
                        Arrays.toString(w.dimensions())));
  }

  private Graph layout(NetworkSpec network) {
    return Architectures.of(network).layout(resolution, 1, 0);
  }

  private Optional<String> same(String field, Function<NetworkSpec, Object> value) {
    Object theirs = value.apply(teacher);
    Object ours = value.apply(student);
    return Objects.equals(theirs, ours)
        ? Optional.empty()
        : Optional.of(
            "must have the teacher's %s to start from its blocks: expected %s, found %s."
                .formatted(field, shown(theirs), shown(ours)));
  }

  private static Optional<String> atMost(String field, int theirs, int ours) {
    return ours <= theirs
        ? Optional.empty()
        : Optional.of(
            "must have at most the teacher's %s to start from its blocks: expected at most %d, found %d."
                .formatted(field, theirs, ours));
  }

  private static Object shown(Object value) {
    if (value instanceof Optional<?> maybe) {
      return maybe.isPresent() ? shown(maybe.get()) : "none";
    }
    return value instanceof Enum<?> word ? SpecWord.of(word) : value;
  }

  private static List<String> words(List<Block> blocks) {
    return blocks.stream().map(SpecWord::of).toList();
  }

  private static Optional<String> first(List<Supplier<Optional<String>>> rules) {
    return rules.stream().flatMap(rule -> rule.get().stream()).findFirst();
  }
}
