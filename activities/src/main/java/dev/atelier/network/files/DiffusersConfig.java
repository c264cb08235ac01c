package dev.atelier.network.files;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.network.files.ConfigFields.Fixed;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.Variant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * {@code config.json} of a {@code UNet2DModel} of diffusers as a {@link NetworkSpec}. A field that
 * is absent has diffusers' default; whatever {@link NetworkSpec} can't represent is refused.
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
          "num_class_embeds");

  private static final List<Fixed> FIXED =
      List.of(
          new Fixed("center_input_sample", "false", "false"),
          new Fixed("time_embedding_type", "\"positional\"", "\"positional\""),
          new Fixed("time_embedding_dim", "null", "null"),
          new Fixed("mid_block_type", "\"UNetMidBlock2D\"", "\"UNetMidBlock2D\""),
          new Fixed("mid_block_scale_factor", "1", "1"),
          new Fixed("downsample_type", "\"conv\"", "\"conv\""),
          new Fixed("upsample_type", "\"conv\"", "\"conv\""),
          new Fixed("resnet_time_scale_shift", "\"default\"", "\"default\""),
          new Fixed("add_attention", "true", "true"),
          new Fixed("class_embed_type", "null", "null"));

  /** What the fields have that the variants of a network differ in. */
  private static final Map<Variant, List<Fixed>> VARIED =
      Map.of(
          Variant.DDPM,
          List.of(
              new Fixed("freq_shift", "0", "1"),
              new Fixed("flip_sin_to_cos", "true", "false"),
              new Fixed("downsample_padding", "1", "0"),
              new Fixed("norm_eps", "1e-5", "1e-6")),
          Variant.DIFFUSERS,
          List.of(
              new Fixed("freq_shift", "0", "0"),
              new Fixed("flip_sin_to_cos", "true", "true"),
              new Fixed("downsample_padding", "1", "1"),
              new Fixed("norm_eps", "1e-5", "1e-5")));

  private static final Set<String> KNOWN =
      Stream.of(
              MAPPED.stream(),
              WITHOUT_EFFECT.stream(),
              Stream.concat(FIXED.stream(), VARIED.get(Variant.DDPM).stream()).map(Fixed::field))
          .flatMap(fields -> fields)
          .collect(Collectors.toUnmodifiableSet());

  private final ConfigFields config;
  private final int resolution;
  private final int channels;
  private final int classes;

  private DiffusersConfig(JsonNode config, int resolution, int channels, int classes) {
    this.config = new ConfigFields(config);
    this.resolution = resolution;
    this.channels = channels;
    this.classes = classes;
  }

  /** As {@link DiffusersNetwork#network}. */
  static NetworkSpec network(JsonNode config, int resolution, int channels, int classes) {
    return new DiffusersConfig(config, resolution, channels, classes).map();
  }

  /** The fields that every network of a variant has alike. */
  static Map<String, JsonNode> fixed(Variant variant) {
    Map<String, JsonNode> fields = new LinkedHashMap<>();
    FIXED.forEach(f -> fields.put(f.field(), ConfigFields.parse(f.supported())));
    VARIED.get(variant).forEach(f -> fields.put(f.field(), ConfigFields.parse(f.supported())));
    return fields;
  }

  private NetworkSpec map() {
    FIXED.forEach(config::require);
    Variant variant = variant();
    config.requireKnown(KNOWN);
    checkSample();
    checkClasses();
    List<Integer> widths = integers("block_out_channels", "[224, 448, 672, 896]");
    List<Integer> multipliers = multipliers(widths);
    List<Integer> attention = attentionResolutions(widths.size());
    Heads heads = heads(widths, attention);
    int resBlocks = config.integer("layers_per_block", "2", 1, 8);
    int groups = config.integer("norm_num_groups", "32", 1, 128);
    JsonNode attentionGroups = config.value("attn_norm_num_groups", "null");
    if (!attentionGroups.isNull() && attentionGroups.asInt() != groups) {
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
    if (!dropout.isNumber() || dropout.asDouble() < 0 || dropout.asDouble() >= 1) {
      config.fault("dropout", dropout, "a number in [0, 1)");
    }
    config.refuseFaults();
    return new NetworkSpec(
        widths.get(0),
        multipliers,
        resBlocks,
        attention,
        heads.count(),
        dropout.asDouble(),
        Optional.of(groups),
        heads.width(),
        Optional.of(variant));
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
    VARIED.get(nearest).forEach(config::require);
    return nearest;
  }

  private void checkSample() {
    JsonNode size = config.value("sample_size", "null");
    JsonNode square = ConfigFields.parse("[%d,%d]".formatted(resolution, resolution));
    if (!size.isNull() && size.asInt() != resolution && !size.equals(square)) {
      config.fault("sample_size", size, "dataset.resolution " + resolution);
    }
    for (String field : List.of("in_channels", "out_channels")) {
      JsonNode found = config.value(field, "3");
      if (found.asInt() != channels) {
        config.fault(field, found, "the images' %d channels".formatted(channels));
      }
    }
  }

  private void checkClasses() {
    JsonNode found = config.value("num_class_embeds", "null");
    if (classes == 0 && !found.isNull()) {
      config.fault("num_class_embeds", found, "null, as the dataset is not class-conditional");
    } else if (classes > 0 && !(found.isInt() && found.asInt() == classes)) {
      config.fault("num_class_embeds", found, "the dataset's %d classes".formatted(classes));
    }
  }

  private List<Integer> multipliers(List<Integer> widths) {
    int base = widths.get(0);
    List<Integer> multipliers = new ArrayList<>();
    for (int width : widths) {
      boolean baseFits = base >= 4 && base <= 1024 && base % 2 == 0;
      if (!baseFits || width % base != 0 || width > 16 * base) {
        config.fault(
            "block_out_channels",
            config.value("block_out_channels", "[]"),
            "an even first width from 4 to 1024, and multiples 1 to 16 of it");
        break;
      }
      multipliers.add(width / base);
    }
    if (widths.size() > 8 || resolution % (1 << (widths.size() - 1)) != 0) {
      config.fault(
          "block_out_channels",
          config.value("block_out_channels", "[]"),
          "at most 8 levels, each of which halves the resolution %d".formatted(resolution));
    }
    return multipliers;
  }

  private List<Integer> attentionResolutions(int levels) {
    List<String> down =
        strings(
            "down_block_types",
            "[\"DownBlock2D\",\"AttnDownBlock2D\",\"AttnDownBlock2D\",\"AttnDownBlock2D\"]");
    List<String> up =
        strings(
            "up_block_types",
            "[\"AttnUpBlock2D\",\"AttnUpBlock2D\",\"AttnUpBlock2D\",\"UpBlock2D\"]");
    List<Integer> attention = new ArrayList<>();
    List<String> mirrored = new ArrayList<>();
    boolean supported = down.size() == levels;
    for (int level = 0; level < down.size(); level++) {
      boolean attends = down.get(level).equals("AttnDownBlock2D");
      supported &= attends || down.get(level).equals("DownBlock2D");
      mirrored.add(0, attends ? "AttnUpBlock2D" : "UpBlock2D");
      if (attends) {
        attention.add(resolution >> level);
      }
    }
    if (!supported) {
      config.fault(
          "down_block_types is %s, supported: DownBlock2D or AttnDownBlock2D for each of %d widths"
              .formatted(down, levels));
    } else if (!up.equals(mirrored)) {
      config.fault(
          "up_block_types is %s, supported: the mirror image of down_block_types, %s"
              .formatted(up, mirrored));
    }
    return attention;
  }

  /** As a spec has them: {@code width} where levels have different numbers of heads. */
  private record Heads(int count, Optional<Integer> width) {}

  /** attention_head_dim is the width of a head; null: one head. */
  private Heads heads(List<Integer> widths, List<Integer> attention) {
    JsonNode dimension = config.value("attention_head_dim", "8");
    if (dimension.isNull()) {
      return new Heads(1, Optional.empty());
    }
    List<Integer> attended = new ArrayList<>(List.of(widths.get(widths.size() - 1))); // mid block
    for (int level = 0; level < widths.size(); level++) {
      if (attention.contains(resolution >> level)) {
        attended.add(widths.get(level));
      }
    }
    int size = dimension.asInt();
    if (size < 1 || size > 1024 || attended.stream().anyMatch(w -> w % size != 0)) {
      config.fault(
          "attention_head_dim",
          dimension,
          "null, or one that divides all attending widths %s".formatted(attended));
      return new Heads(1, Optional.empty());
    }
    int heads = attended.get(0) / size;
    return heads <= 64 && attended.stream().allMatch(w -> w == heads * size)
        ? new Heads(heads, Optional.empty())
        : new Heads(1, Optional.of(size));
  }

  private List<Integer> integers(String field, String absent) {
    List<Integer> values = new ArrayList<>();
    JsonNode found = config.value(field, absent);
    found.forEach(v -> values.add(v.asInt()));
    if (values.isEmpty() || values.stream().anyMatch(v -> v < 1)) {
      throw new IllegalArgumentException(
          "config.json: %s is %s, supported: a list of widths".formatted(field, found));
    }
    return values;
  }

  private List<String> strings(String field, String absent) {
    List<String> values = new ArrayList<>();
    config.value(field, absent).forEach(v -> values.add(v.asText()));
    return values;
  }
}
