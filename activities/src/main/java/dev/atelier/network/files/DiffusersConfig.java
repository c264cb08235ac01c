package dev.atelier.network.files;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.network.files.ConfigFields.Fixed;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.Block;
import dev.atelier.spec.NetworkSpec.BlocksSpec;
import dev.atelier.spec.NetworkSpec.CrossAttentionSpec;
import dev.atelier.spec.NetworkSpec.Middle;
import dev.atelier.spec.NetworkSpec.Variant;
import dev.atelier.spec.NetworkSpecBuilder;
import dev.atelier.untrusted.OneLine;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * {@code config.json} of a {@code UNet2DModel} or {@code UNet2DConditionModel} of diffusers as a
 * {@link NetworkSpec}. A field that is absent has diffusers' default; whatever {@link NetworkSpec}
 * can't represent is refused.
 */
final class DiffusersConfig {

  /** Fields that only other values of other fields make use of, and those of an EMAModel. */
  static final Set<String> WITHOUT_EFFECT =
      Set.of(
          "num_train_timesteps",
          "decay",
          "min_decay",
          "optimization_step",
          "update_after_step",
          "use_ema_warmup",
          "inv_gamma",
          "power");

  private static final Set<String> MAPPED =
      Set.of(
          "sample_size",
          "in_channels",
          "out_channels",
          "down_block_types",
          "up_block_types",
          "block_out_channels",
          "layers_per_block",
          "attention_head_dim",
          "norm_num_groups",
          "attn_norm_num_groups",
          "dropout",
          "act_fn",
          "num_class_embeds",
          "norm_eps",
          "mid_block_type",
          "add_attention");

  private static final Set<String> MAPPED_OF_TEXTS =
      Set.of(
          "cross_attention_dim",
          "use_linear_projection",
          "upcast_attention", // of precisions below float32
          "addition_time_embed_dim", // of addition_embed_type
          "addition_embed_type_num_heads");

  private static final List<Fixed> FIXED =
      List.of(
          new Fixed("center_input_sample", "false", "false"),
          new Fixed("time_embedding_type", "\"positional\"", "\"positional\""),
          new Fixed("time_embedding_dim", "null", "null"),
          new Fixed("mid_block_scale_factor", "1", "1"),
          new Fixed("resnet_time_scale_shift", "\"default\"", "\"default\""),
          new Fixed("class_embed_type", "null", "null"));

  private static final List<Fixed> FIXED_OF_IMAGES =
      List.of(
          new Fixed("downsample_type", "\"conv\"", "\"conv\""),
          new Fixed("upsample_type", "\"conv\"", "\"conv\""));

  private static final List<Fixed> FIXED_OF_TEXTS =
      List.of(
          new Fixed("only_cross_attention", "false", "false"),
          new Fixed("transformer_layers_per_block", "1", "1"),
          new Fixed("reverse_transformer_layers_per_block", "null", "null"),
          new Fixed("encoder_hid_dim", "null", "null"),
          new Fixed("encoder_hid_dim_type", "null", "null"),
          new Fixed("num_attention_heads", "null", "null"),
          new Fixed("dual_cross_attention", "false", "false"),
          new Fixed("addition_embed_type", "null", "null"),
          new Fixed("resnet_skip_time_act", "false", "false"),
          new Fixed("resnet_out_scale_factor", "1", "1"),
          new Fixed("time_embedding_act_fn", "null", "null"),
          new Fixed("timestep_post_act", "null", "null"),
          new Fixed("time_cond_proj_dim", "null", "null"),
          new Fixed("conv_in_kernel", "3", "3"),
          new Fixed("conv_out_kernel", "3", "3"),
          new Fixed("projection_class_embeddings_input_dim", "null", "null"),
          new Fixed("attention_type", "\"default\"", "\"default\""),
          new Fixed("class_embeddings_concat", "false", "false"),
          new Fixed("cross_attention_norm", "null", "null"));

  /** What diffusers calls a level. */
  private record Level(String down, String up) {}

  private static final Map<Block, Level> OF_IMAGES =
      Map.of(
          Block.PLAIN, new Level("DownBlock2D", "UpBlock2D"),
          Block.ATTENTION, new Level("AttnDownBlock2D", "AttnUpBlock2D"),
          Block.RESNET, new Level("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D"),
          Block.SKIP, new Level("SkipDownBlock2D", "SkipUpBlock2D"));

  private static final Map<Block, Level> OF_TEXTS =
      Map.of(
          Block.PLAIN, new Level("DownBlock2D", "UpBlock2D"),
          Block.CROSS_ATTENTION, new Level("CrossAttnDownBlock2D", "CrossAttnUpBlock2D"),
          Block.RESNET, new Level("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D"));

  /** What the fields have that the variants of a network differ in. */
  private static final Map<Variant, List<Fixed>> VARIED =
      Map.of(
          Variant.DDPM,
          List.of(
              new Fixed("freq_shift", "0", "1"),
              new Fixed("flip_sin_to_cos", "true", "false"),
              new Fixed("downsample_padding", "1", "0")),
          Variant.DIFFUSERS,
          List.of(
              new Fixed("freq_shift", "0", "0"),
              new Fixed("flip_sin_to_cos", "true", "true"),
              new Fixed("downsample_padding", "1", "1")));

  private static final int MOST_SHOWN = 300; // characters of a list
  private static final double LEAST_NORM_EPS = 1e-12;
  private static final double MOST_NORM_EPS = 1e-2;

  private final ConfigFields config;
  private final boolean texts;
  private final int resolution;
  private final int channels;
  private final int classes;

  private DiffusersConfig(
      JsonNode config, boolean texts, int resolution, int channels, int classes) {
    this.config = new ConfigFields(config);
    this.texts = texts;
    this.resolution = resolution;
    this.channels = channels;
    this.classes = classes;
  }

  /** Of a {@code UNet2DModel}, as {@link DiffusersNetwork#network}. */
  static NetworkSpec network(JsonNode config, int resolution, int channels, int classes) {
    return new DiffusersConfig(config, false, resolution, channels, classes).map();
  }

  /** Of a {@code UNet2DConditionModel}, as {@link DiffusersNetwork#network}. */
  static NetworkSpec networkOfTexts(JsonNode config, int resolution, int channels, int classes) {
    return new DiffusersConfig(config, true, resolution, channels, classes).map();
  }

  /** The fields that every network of a variant has alike, with their values. */
  static Map<String, JsonNode> fixed(Variant variant, boolean texts) {
    Map<String, JsonNode> fields = new LinkedHashMap<>();
    Stream.of(FIXED, ofKind(texts), VARIED.get(variant))
        .flatMap(List::stream)
        .forEach(f -> fields.put(f.field(), ConfigFields.parse(f.supported())));
    return fields;
  }

  private static List<Fixed> ofKind(boolean texts) {
    return texts ? FIXED_OF_TEXTS : FIXED_OF_IMAGES;
  }

  private static Map<Block, Level> levels(boolean texts) {
    return texts ? OF_TEXTS : OF_IMAGES;
  }

  /** What diffusers calls a level of the encoder. */
  static String down(Block block, boolean texts) {
    return levels(texts).get(block).down();
  }

  /** What diffusers calls a level of the decoder. */
  static String up(Block block, boolean texts) {
    return levels(texts).get(block).up();
  }

  private Set<String> known() {
    return Stream.of(
            MAPPED.stream(),
            MAPPED_OF_TEXTS.stream().filter(field -> texts),
            WITHOUT_EFFECT.stream(),
            Stream.of(FIXED, ofKind(texts), VARIED.get(Variant.DDPM))
                .flatMap(List::stream)
                .map(Fixed::field))
        .flatMap(fields -> fields)
        .collect(Collectors.toUnmodifiableSet());
  }

  private NetworkSpec map() {
    FIXED.forEach(config::require);
    ofKind(texts).forEach(config::require);
    Variant variant = variant();
    config.requireKnown(known());
    boolean sigma = checkSample();
    checkClasses();
    List<Integer> widths =
        integers("block_out_channels", texts ? "[320, 640, 1280, 1280]" : "[224, 448, 672, 896]");
    checkWidths(widths);
    BlocksSpec blocks = blocks(widths.size());
    Heads heads = texts ? headsOfTexts(widths, blocks) : heads(widths, blocks);
    int resBlocks = resBlocks(widths.size());
    int groups = config.integer("norm_num_groups", "32", 1, 128);
    JsonNode attentionGroups = config.value("attn_norm_num_groups", "null");
    if (!attentionGroups.isNull() && ConfigFields.whole(attentionGroups) != groups) {
      config.fault("attn_norm_num_groups", attentionGroups, "null or norm_num_groups " + groups);
    }
    for (int width : widths) {
      if (width % groups != 0) {
        config.fault(
            "norm_num_groups", config.value("norm_num_groups", "32"), "a divisor of every width");
        break;
      }
    }
    JsonNode activation = config.value("act_fn", "\"silu\"");
    if (!Set.of("silu", "swish").contains(activation.asText())) {
      config.fault("act_fn", activation, "\"silu\"");
    }
    JsonNode dropout = config.value("dropout", "0.0");
    if (!dropout.isNumber() || !(dropout.asDouble() >= 0 && dropout.asDouble() < 1)) {
      config.fault("dropout", dropout, "a number in [0, 1)");
    }
    Optional<Double> normEps = normEps(variant);
    Optional<CrossAttentionSpec> crossAttention =
        texts
            ? Optional.of(
                new CrossAttentionSpec(
                    textWidth(), null, heads.byLevel(), flag("use_linear_projection")))
            : Optional.empty();
    config.refuseFaults();
    NetworkSpecBuilder spec =
        ofWidths(widths)
            .resBlocks(resBlocks)
            .attentionHeads(heads.count())
            .dropout(dropout.asDouble())
            .groups(Optional.of(groups))
            .attentionHeadWidth(heads.width())
            .variant(Optional.of(variant))
            .normEps(normEps)
            .crossAttention(crossAttention)
            .learnedSigma(Optional.of(sigma));
    NetworkSpec plain = spec.attentionResolutions(attendedSides(blocks)).build();
    return plain.blocksAt(resolution).equals(blocks)
        ? plain
        : spec.attentionResolutions(List.of()).blocks(Optional.of(blocks)).build();
  }

  /** Resolutions of the encoder's levels with self-attention. */
  private List<Integer> attendedSides(BlocksSpec blocks) {
    return IntStream.range(0, blocks.down().size())
        .filter(level -> blocks.down().get(level) == Block.ATTENTION)
        .mapToObj(level -> resolution >> level)
        .toList();
  }

  private int textWidth() {
    JsonNode found = single(config.value("cross_attention_dim", "1280"));
    if (!found.isInt() || found.asInt() < 1 || found.asInt() > 8192) {
      config.fault("cross_attention_dim", found, "one whole number from 1 to 8192");
      return 1;
    }
    return found.asInt();
  }

  /** The one value of a list of equal ones. */
  private static JsonNode single(JsonNode found) {
    Set<JsonNode> distinct = new LinkedHashSet<>();
    found.forEach(distinct::add);
    return found.isArray() && distinct.size() == 1 ? distinct.iterator().next() : found;
  }

  private int resBlocks(int levels) {
    JsonNode found = config.value("layers_per_block", "2");
    JsonNode each = single(found);
    boolean fits = !found.isArray() || found.size() == levels;
    if (!fits || !each.isInt() || each.asInt() < 1 || each.asInt() > 8) {
      config.fault("layers_per_block", found, "a whole number from 1 to 8, the same at each level");
      return 1;
    }
    return each.asInt();
  }

  private boolean flag(String field) {
    JsonNode found = config.value(field, "false");
    if (!found.isBoolean()) {
      config.fault(field, found, "true or false");
    }
    return found.asBoolean();
  }

  /** Empty where it is the variant's own. */
  private Optional<Double> normEps(Variant variant) {
    double found = config.number("norm_eps", "1e-5", LEAST_NORM_EPS, MOST_NORM_EPS);
    return Optional.of(found).filter(eps -> eps != variant.normEps());
  }

  /** The variant that most fields are of; the others are faults. */
  private Variant variant() {
    Variant nearest = Variant.DDPM;
    for (Variant variant : Variant.values()) {
      if (VARIED.get(variant).stream().filter(config::agrees).count()
          > VARIED.get(nearest).stream().filter(config::agrees).count()) {
        nearest = variant;
      }
    }
    for (Fixed fixed : VARIED.get(nearest)) {
      if (!config.agrees(fixed)) {
        String others =
            VARIED.get(nearest).stream()
                .filter(other -> !other.equals(fixed))
                .map(other -> "%s %s".formatted(other.field(), other.supported()))
                .collect(Collectors.joining(" and "));
        config.fault(
            fixed.field(),
            config.value(fixed.field(), fixed.absent()),
            "%s beside %s".formatted(fixed.supported(), others));
      }
    }
    return nearest;
  }

  /** Returns whether it has channels for the variance, too. */
  private boolean checkSample() {
    JsonNode size = config.value("sample_size", "null");
    JsonNode square = ConfigFields.parse("[%d,%d]".formatted(resolution, resolution));
    if (!size.isNull() && ConfigFields.whole(size) != resolution && !size.equals(square)) {
      config.fault("sample_size", size, "dataset.resolution " + resolution);
    }
    String absent = texts ? "4" : "3";
    String images = "the images' %d channels".formatted(channels);
    JsonNode in = config.value("in_channels", absent);
    if (ConfigFields.whole(in) != channels) {
      config.fault("in_channels", in, images);
    }
    JsonNode out = config.value("out_channels", absent);
    boolean sigma = ConfigFields.whole(out) == 2 * channels;
    if (ConfigFields.whole(out) != channels && !sigma) {
      config.fault("out_channels", out, images + ", or twice as many with a learned sigma");
    }
    return sigma;
  }

  private void checkClasses() {
    JsonNode found = config.value("num_class_embeds", "null");
    if (classes == 0 && !found.isNull()) {
      config.fault("num_class_embeds", found, "null, as the dataset is not class-conditional");
    } else if (classes > 0 && !(found.isInt() && found.asInt() == classes)) {
      config.fault("num_class_embeds", found, "the dataset's %d classes".formatted(classes));
    }
  }

  private void checkWidths(List<Integer> widths) {
    int base = widths.get(0);
    boolean fits = widths.stream().allMatch(width -> width >= 4 && width <= 4096);
    if (!fits || base > 1024 || base % 2 != 0) {
      config.fault(
          "block_out_channels",
          config.value("block_out_channels", "[]"),
          "widths from 4 to 4096, of which the first is even and at most 1024");
    }
    if (widths.size() > 8 || resolution % (1 << (widths.size() - 1)) != 0) {
      config.fault(
          "block_out_channels",
          config.value("block_out_channels", "[]"),
          "at most 8 levels, each of which halves the resolution %d".formatted(resolution));
    }
  }

  /** As multiples of the first, if they are. */
  private static NetworkSpecBuilder ofWidths(List<Integer> widths) {
    int base = widths.get(0);
    boolean multiples = widths.stream().allMatch(w -> w % base == 0 && w <= 16 * base);
    return multiples
        ? NetworkSpecBuilder.builder()
            .channels(base)
            .multipliers(widths.stream().map(w -> w / base).toList())
        : NetworkSpecBuilder.builder().levelWidths(Optional.of(widths));
  }

  private BlocksSpec blocks(int levels) {
    List<Block> down =
        blocks(
            "down_block_types",
            texts
                ? "[\"CrossAttnDownBlock2D\",\"CrossAttnDownBlock2D\",\"CrossAttnDownBlock2D\",\"DownBlock2D\"]"
                : "[\"DownBlock2D\",\"AttnDownBlock2D\",\"AttnDownBlock2D\",\"AttnDownBlock2D\"]",
            levels,
            Level::down);
    List<Block> up =
        blocks(
            "up_block_types",
            texts
                ? "[\"UpBlock2D\",\"CrossAttnUpBlock2D\",\"CrossAttnUpBlock2D\",\"CrossAttnUpBlock2D\"]"
                : "[\"AttnUpBlock2D\",\"AttnUpBlock2D\",\"AttnUpBlock2D\",\"UpBlock2D\"]",
            levels,
            Level::up);
    return new BlocksSpec(down, middle(), up);
  }

  private List<Block> blocks(
      String field, String absent, int levels, Function<Level, String> name) {
    List<String> found = strings(field, absent);
    Map<String, Block> known = new TreeMap<>();
    levels(texts).forEach((block, level) -> known.put(name.apply(level), block));
    if (found.size() != levels || !known.keySet().containsAll(found)) {
      config.fault(
          "%s is %s, supported: one of %s for each of %d widths"
              .formatted(
                  field,
                  OneLine.of(found.toString(), MOST_SHOWN),
                  String.join(", ", known.keySet()),
                  levels));
      return Collections.nCopies(levels, Block.PLAIN);
    }
    return found.stream().map(known::get).toList();
  }

  private Middle middle() {
    String name = texts ? "UNetMidBlock2DCrossAttn" : "UNetMidBlock2D";
    JsonNode found = config.value("mid_block_type", "\"%s\"".formatted(name));
    if (found.isNull()) {
      return Middle.NONE;
    }
    if (!found.asText().equals(name)) {
      config.fault("mid_block_type", found, "%s or null".formatted(name));
    }
    if (texts) {
      return Middle.CROSS_ATTENTION;
    }
    JsonNode attention = config.value("add_attention", "true");
    if (!attention.isBoolean()) {
      config.fault("add_attention", attention, "true or false");
    }
    return attention.asBoolean() ? Middle.ATTENTION : Middle.PLAIN;
  }

  /** As a spec has them: {@code width} where levels have different numbers of heads. */
  private record Heads(int count, Optional<Integer> width, Optional<List<Integer>> byLevel) {
    static final Heads ONE = of(1);

    static Heads of(int count) {
      return new Heads(count, Optional.empty(), Optional.empty());
    }

    static Heads ofWidth(int width) {
      return new Heads(1, Optional.of(width), Optional.empty());
    }
  }

  /** Widths of the levels, and of the middle, that attend. */
  private static List<Integer> attended(List<Integer> widths, BlocksSpec blocks, Block kind) {
    int last = widths.size() - 1;
    List<Integer> attended = new ArrayList<>();
    if (blocks.middle() == Middle.ATTENTION || blocks.middle() == Middle.CROSS_ATTENTION) {
      attended.add(widths.get(last));
    }
    for (int level = 0; level <= last; level++) {
      if (blocks.down().get(level) == kind || blocks.up().get(last - level) == kind) {
        attended.add(widths.get(level));
      }
    }
    return attended;
  }

  /** attention_head_dim is the width of a head; null: one head. */
  private Heads heads(List<Integer> widths, BlocksSpec blocks) {
    JsonNode dimension = config.value("attention_head_dim", "8");
    List<Integer> attended = attended(widths, blocks, Block.ATTENTION);
    if (dimension.isNull() || attended.isEmpty()) {
      return Heads.ONE;
    }
    int size = ConfigFields.whole(dimension);
    if (size < 1 || size > 1024 || attended.stream().anyMatch(w -> w % size != 0)) {
      config.fault(
          "attention_head_dim",
          dimension,
          "null, or one that divides all attending widths %s".formatted(attended));
      return Heads.ONE;
    }
    int heads = attended.get(0) / size;
    return heads <= 64 && attended.stream().allMatch(w -> w == heads * size)
        ? Heads.of(heads)
        : Heads.ofWidth(size);
  }

  /** Whether texts are attended to in a level, or in the middle, which has the last one's heads. */
  private static boolean readsTexts(int level, BlocksSpec blocks) {
    int last = blocks.down().size() - 1;
    return blocks.down().get(level) == Block.CROSS_ATTENTION
        || blocks.up().get(last - level) == Block.CROSS_ATTENTION
        || (level == last && blocks.middle() == Middle.CROSS_ATTENTION);
  }

  /** attention_head_dim is the number of heads, of all levels or of each. */
  private Heads headsOfTexts(List<Integer> widths, BlocksSpec blocks) {
    JsonNode found = config.value("attention_head_dim", "8");
    List<Integer> heads = new ArrayList<>();
    if (found.isArray()) {
      found.forEach(each -> heads.add(ConfigFields.whole(each)));
    } else {
      heads.addAll(Collections.nCopies(widths.size(), ConfigFields.whole(found)));
    }
    List<Integer> attended = attended(widths, blocks, Block.CROSS_ATTENTION);
    if (attended.isEmpty()) {
      config.fault(
          "none of its blocks attends to texts, supported: one of CrossAttnDownBlock2D, CrossAttnUpBlock2D or UNetMidBlock2DCrossAttn, or more");
      return Heads.ONE;
    }
    boolean fits = heads.size() == widths.size();
    for (int level = 0; fits && level < widths.size(); level++) {
      int count = heads.get(level);
      fits =
          count >= 1
              && count <= 64
              && (!readsTexts(level, blocks) || widths.get(level) % count == 0);
    }
    if (!fits) {
      config.fault(
          "attention_head_dim",
          found,
          "a number of heads, or one for each level, that divides the width of each attending level %s"
              .formatted(attended));
      return Heads.ONE;
    }
    if (new HashSet<>(heads).size() == 1) {
      return Heads.of(heads.get(0));
    }
    int width = widths.get(0) / heads.get(0);
    boolean equallyWide =
        IntStream.range(0, heads.size()).allMatch(i -> widths.get(i) == width * heads.get(i));
    return equallyWide
        ? Heads.ofWidth(width)
        : new Heads(1, Optional.empty(), Optional.of(List.copyOf(heads)));
  }

  private List<Integer> integers(String field, String absent) {
    List<Integer> values = new ArrayList<>();
    JsonNode found = config.value(field, absent);
    found.forEach(v -> values.add(ConfigFields.whole(v)));
    if (values.isEmpty() || values.stream().anyMatch(v -> v < 1)) {
      throw new IllegalArgumentException(
          "config.json: %s is %s, supported: a list of widths"
              .formatted(field, OneLine.of(found.toString(), MOST_SHOWN)));
    }
    return values;
  }

  private List<String> strings(String field, String absent) {
    List<String> values = new ArrayList<>();
    config.value(field, absent).forEach(v -> values.add(v.asText()));
    return values;
  }
}
