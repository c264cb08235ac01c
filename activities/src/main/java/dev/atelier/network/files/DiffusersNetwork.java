package dev.atelier.network.files;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.network.Network;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.spec.DiffusersFit;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.untrusted.OneLine;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/** The kinds of networks that diffusers saves and we have: {@code config.json} to and fro. */
@SuppressWarnings("ImmutableEnumChecker") // the lists are of List.of, the functions have no state
public enum DiffusersNetwork {
  UNET(
      List.of("UNet2DModel"),
      List.of("unet_ema", "unet"),
      DiffusersConfig::network,
      DiffusersExport::config),
  TEXT_UNET(
      List.of("UNet2DConditionModel"),
      List.of("unet_ema", "unet"),
      DiffusersConfig::networkOfTexts,
      DiffusersExport::config),
  DIT(
      List.of("DiTTransformer2DModel", "Transformer2DModel"),
      List.of("transformer_ema", "transformer"),
      DiffusersTransformer::network,
      DiffusersTransformer::config);

  private static final int MAX_SIDE = 1024;
  private static final int MAX_CHANNELS = 64;
  private static final int MAX_CLASSES = 1_000_000;

  /** Reads {@code config.json}. */
  private interface Reader {
    NetworkSpec read(JsonNode config, int resolution, int channels, int classes);
  }

  private final List<String> classNames;
  private final List<String> folders;
  private final Reader reader;
  private final Function<Network, ObjectNode> writer;

  DiffusersNetwork(
      List<String> classNames,
      List<String> folders,
      Reader reader,
      Function<Network, ObjectNode> writer) {
    this.classNames = classNames;
    this.folders = folders;
    this.reader = reader;
    this.writer = writer;
  }

  /** Folders of a pipeline in which such a network lies, the better one first. */
  public static List<String> folders() {
    return Arrays.stream(values()).flatMap(kind -> kind.folders.stream()).distinct().toList();
  }

  /**
   * Maps {@code config} to the network it describes.
   *
   * @param resolution pixels per side of the images that it will see
   * @param channels of these images
   * @param classes of these images that it must be conditioned on; 0: it must be unconditional
   * @throws IllegalArgumentException listing every field that can't be represented, as a clause
   */
  static NetworkSpec network(JsonNode config, int resolution, int channels, int classes) {
    String type = config.path("_class_name").asText(UNET.classNames.get(0));
    return Arrays.stream(values())
        .filter(kind -> kind.classNames.contains(type))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "config.json: _class_name is %s, supported: %s"
                        .formatted(
                            OneLine.of(type, 100), String.join(", ", classNames().toList()))))
        .reader
        .read(config, resolution, channels, classes);
  }

  /**
   * What a network's own config says of the images that it sees.
   *
   * @param resolution pixels per side, of latents too
   * @param classes that it is conditioned on; 0: none
   */
  record Sizes(int resolution, int channels, int classes) {}

  /** Whether it is the config of a network that reads texts. */
  static boolean readsTexts(JsonNode config) {
    return TEXT_UNET.classNames.contains(config.path("_class_name").asText());
  }

  /**
   * The sizes that {@code config} says.
   *
   * @throws IllegalArgumentException if it says none, as a clause
   */
  static Sizes sizes(JsonNode config) {
    ConfigFields fields = new ConfigFields(config);
    boolean transformer = DIT.classNames.contains(config.path("_class_name").asText());
    boolean texts = readsTexts(config);
    int resolution = fields.integer("sample_size", transformer ? "32" : "null", 1, MAX_SIDE);
    int channels = fields.integer("in_channels", transformer || texts ? "4" : "3", 1, MAX_CHANNELS);
    String classes = transformer ? "num_embeds_ada_norm" : "num_class_embeds";
    String absent = transformer ? "1000" : "null";
    int known =
        fields.value(classes, absent).isNull()
            ? 0
            : fields.integer(classes, absent, 1, MAX_CLASSES);
    fields.refuseFaults();
    return new Sizes(resolution, channels, known);
  }

  private static Stream<String> classNames() {
    return Arrays.stream(values()).flatMap(kind -> kind.classNames.stream());
  }

  /** The {@code config.json} of a network; empty where diffusers has no such one. */
  public static Optional<ObjectNode> config(Network network) {
    return DiffusersFit.misfit(network.spec(), network.graph()).isPresent()
        ? Optional.empty()
        : Optional.of(of(network).writer.apply(network));
  }

  /**
   * The weights of a network that is told the timesteps of diffusers' scheduler: turned where that
   * tells t + 1, else the same map.
   *
   * @throws IllegalArgumentException if what reads them is no linear layer, as a clause
   */
  public static Map<String, HostTensor> weights(
      Network network, DiffusionSpec process, Map<String, HostTensor> weights) {
    return offset(process) == 0 ? weights : TimestepOffset.oneLater(network.graph(), weights);
  }

  /** What diffusers' scheduler adds to t. */
  public static int offset(DiffusionSpec process) {
    return process.schedule() == DiffusionSpec.Schedule.FLOW ? 1 : 0;
  }

  /** The kind that a network is of. */
  public static DiffusersNetwork of(Network network) {
    NetworkSpec spec = network.spec();
    if (spec.transformer().isPresent()) {
      return DIT;
    }
    return spec.crossAttention().isPresent() ? TEXT_UNET : UNET;
  }

  /** The name of its class, as a pipeline's index has it. */
  public String className() {
    return classNames.get(0);
  }

  /** The folder of a pipeline in which it lies. */
  public String folder() {
    return folders.get(folders.size() - 1);
  }
}
