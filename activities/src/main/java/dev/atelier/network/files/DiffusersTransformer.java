package dev.atelier.network.files;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.network.Network;
import dev.atelier.network.files.ConfigFields.Fixed;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * {@code config.json} of a {@code DiTTransformer2DModel} of diffusers, to and fro. Released ones
 * were saved as a {@code Transformer2DModel}, which has more fields. A field that is absent has the
 * default of {@code DiTTransformer2DModel}; where the other class has another one, the weights do
 * not fit.
 */
final class DiffusersTransformer {

  /** The fields that every DiT has alike. */
  private static final List<Fixed> FIXED =
      List.of(
          new Fixed("activation_fn", "\"gelu-approximate\"", "\"gelu-approximate\""),
          new Fixed("attention_bias", "true", "true"),
          new Fixed("dropout", "0.0", "0.0"),
          new Fixed("norm_type", "\"ada_norm_zero\"", "\"ada_norm_zero\""),
          new Fixed("norm_elementwise_affine", "false", "false"),
          new Fixed("upcast_attention", "false", "false"));

  private static final List<Fixed> OF_TRANSFORMER_2D =
      List.of(
          new Fixed("double_self_attention", "false", "false"),
          new Fixed("only_cross_attention", "false", "false"),
          new Fixed("use_linear_projection", "false", "false"),
          new Fixed("attention_type", "\"default\"", "\"default\""));

  private static final Set<String> MAPPED =
      Set.of(
          "num_attention_heads",
          "attention_head_dim",
          "in_channels",
          "out_channels",
          "num_layers",
          "sample_size",
          "patch_size",
          "num_embeds_ada_norm",
          "norm_eps",
          "norm_num_groups"); // no group norm reads it

  private static final Set<String> KNOWN =
      Stream.concat(
              Stream.concat(MAPPED.stream(), DiffusersConfig.WITHOUT_EFFECT.stream()),
              Stream.concat(FIXED.stream(), OF_TRANSFORMER_2D.stream()).map(Fixed::field))
          .collect(Collectors.toUnmodifiableSet());

  private DiffusersTransformer() {}

  /** As {@link DiffusersNetwork#network}. */
  static NetworkSpec network(JsonNode json, int resolution, int channels, int classes) {
    ConfigFields config = new ConfigFields(json);
    FIXED.forEach(config::require);
    OF_TRANSFORMER_2D.forEach(config::require);
    config.requireKnown(KNOWN);
    int patch = config.integer("patch_size", "2", 1, 64);
    if (resolution % patch != 0) {
      config.fault(
          "patch_size",
          config.value("patch_size", "2"),
          "a divisor of dataset.resolution " + resolution);
    }
    require(config, "sample_size", "32", resolution, "dataset.resolution " + resolution);
    String images = "the images' %d channels".formatted(channels);
    require(config, "in_channels", "4", channels, images);
    JsonNode outputs = config.value("out_channels", "null");
    boolean sigma = ConfigFields.whole(outputs) == 2 * channels;
    if (!outputs.isNull() && ConfigFields.whole(outputs) != channels && !sigma) {
      config.fault("out_channels", outputs, images + ", or twice as many with a learned sigma");
    }
    require(
        config,
        "num_embeds_ada_norm",
        "1000",
        classes,
        classes == 0
            ? "a class-conditional dataset, as every DiT of diffusers is"
            : "the dataset's %d classes".formatted(classes));
    int heads = config.integer("num_attention_heads", "16", 1, 64);
    int headWidth = config.integer("attention_head_dim", "72", 1, 256);
    if (heads * headWidth % 4 != 0) {
      config.fault(
          "attention_head_dim",
          config.value("attention_head_dim", "72"),
          "one that, times num_attention_heads, is divisible by 4");
    }
    double eps = config.number("norm_eps", "1e-5", 1e-12, 0.01);
    int layers = config.integer("num_layers", "28", 1, 100);
    config.refuseFaults();
    return NetworkSpec.of(new TransformerSpec(patch, layers, heads, headWidth, eps, sigma));
  }

  private static void require(
      ConfigFields config, String field, String absent, int expected, String supported) {
    JsonNode found = config.value(field, absent);
    if (!found.isInt() || found.asInt() != expected) {
      config.fault(field, found, supported);
    }
  }

  /** The config of one that is told a class. */
  static ObjectNode config(Network network) {
    TransformerSpec spec = network.spec().transformer().orElseThrow();
    int channels = network.imageChannels();
    ObjectNode config =
        new ObjectMapper().createObjectNode().put("_class_name", "DiTTransformer2DModel");
    FIXED.forEach(f -> config.set(f.field(), ConfigFields.parse(f.supported())));
    return config
        .put("num_attention_heads", spec.heads())
        .put("attention_head_dim", spec.headWidth())
        .put("in_channels", channels)
        .put("out_channels", spec.learnedSigma() ? 2 * channels : channels)
        .put("num_layers", spec.layers())
        .put("sample_size", network.resolution())
        .put("patch_size", spec.patchSize())
        .put("num_embeds_ada_norm", network.classes())
        .put("norm_eps", spec.normEps());
  }
}
