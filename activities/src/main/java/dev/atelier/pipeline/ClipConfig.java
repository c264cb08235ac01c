package dev.atelier.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.graph.Operation.Gelu;
import dev.atelier.network.files.ConfigFields;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * The fields of a {@code config.json} that CLIP's texts and images have in common.
 *
 * @param width channels of a token
 * @param innerWidth channels in the middle of each layer's two linear ones
 * @param eps of layer norms
 */
record ClipConfig(int width, int innerWidth, int layers, int heads, Gelu.Form gelu, double eps) {

  /**
   * Fields of the other kind, of training, and of who wrote it: none of them changes what's read.
   */
  private static final Set<String> WITHOUT_EFFECT =
      Set.of(
          "architectures",
          "attention_dropout",
          "dropout",
          "dtype",
          "torch_dtype",
          "initializer_factor",
          "initializer_range",
          "model_type",
          "projection_dim", // the weights say whether there is a projection, and how wide it is
          "transformers_version",
          "bos_token_id",
          "pad_token_id");

  private static final Set<String> READ =
      Set.of(
          "hidden_size",
          "intermediate_size",
          "num_hidden_layers",
          "num_attention_heads",
          "hidden_act",
          "layer_norm_eps");

  private static final Map<String, Gelu.Form> GELUS =
      Map.of("quick_gelu", Gelu.Form.SIGMOID, "gelu", Gelu.Form.EXACT);

  /**
   * Reads them, and refuses those that are neither here nor {@code own} ones.
   *
   * @param widths defaults of hidden_size, intermediate_size and num_attention_heads
   */
  static ClipConfig of(ConfigFields config, Defaults widths, Set<String> own) {
    Set<String> known = new TreeSet<>(own);
    known.addAll(READ);
    known.addAll(WITHOUT_EFFECT);
    config.requireKnown(known);
    int width = config.integer("hidden_size", widths.width(), 1, 8192);
    int heads = config.integer("num_attention_heads", widths.heads(), 1, 256);
    if (width % heads != 0) {
      config.fault(
          "num_attention_heads",
          config.value("num_attention_heads", widths.heads()),
          "a divisor of hidden_size " + width);
    }
    JsonNode eps = config.value("layer_norm_eps", "1e-5");
    if (!eps.isNumber() || !(eps.asDouble() > 0) || Double.isInfinite(eps.asDouble())) {
      config.fault("layer_norm_eps", eps, "a number above 0");
    }
    return new ClipConfig(
        width,
        config.integer("intermediate_size", widths.innerWidth(), 1, 65_536),
        config.integer("num_hidden_layers", "12", 1, 128),
        heads,
        gelu(config),
        eps.asDouble());
  }

  /** What transformers takes where fields are absent, as JSON. */
  record Defaults(String width, String innerWidth, String heads) {}

  private static Gelu.Form gelu(ConfigFields config) {
    JsonNode found = config.value("hidden_act", "\"quick_gelu\"");
    Gelu.Form form = GELUS.get(found.asText());
    if (form == null) {
      config.fault("hidden_act", found, "\"quick_gelu\" or \"gelu\"");
    }
    return Optional.ofNullable(form).orElse(Gelu.Form.EXACT);
  }
}
