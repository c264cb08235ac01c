package dev.atelier.pipeline;

import dev.atelier.graph.GraphBuilder;
import dev.atelier.graph.Operation.CrossAttention;
import dev.atelier.graph.Operation.CrossAttention.Projections;
import dev.atelier.graph.Value;
import dev.atelier.network.tensors.HostTensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** CLIP's transformer, of texts and of images: norms stand before what they norm for. */
final class ClipLayers {

  private static final String BUFFER = ".position_ids"; // 0, 1, 2, …: in older files

  private ClipLayers() {}

  /**
   * Tensors as transformers 4 names them: those of transformers 5 have no prefix.
   *
   * @param outside how names begin that have none in either
   */
  static Map<String, HostTensor> named(
      Map<String, HostTensor> tensors, String prefix, List<String> outside) {
    Map<String, HostTensor> named = new LinkedHashMap<>();
    tensors.forEach(
        (name, tensor) -> {
          boolean whole = name.startsWith(prefix) || outside.stream().anyMatch(name::startsWith);
          if (!name.endsWith(BUFFER)) {
            named.put(whole ? name : prefix + name, tensor);
          }
        });
    return named;
  }

  /** Elements of what a projection makes; absent: there is none. */
  static Optional<Integer> projectionWidth(Map<String, HostTensor> tensors, String projection) {
    return Optional.ofNullable(tensors.get(projection + ".weight"))
        .map(weight -> Math.toIntExact(weight.shape()[0]));
  }

  /**
   * Appends the layers.
   *
   * @param prefix of the names of their weights
   * @param causal whether no token attends to later ones
   */
  static Value append(
      GraphBuilder builder, ClipConfig config, String prefix, Value in, boolean causal) {
    Value h = in;
    for (int layer = 0; layer < config.layers(); layer++) {
      h = layer(builder, config, prefix + "encoder.layers." + layer, h, causal);
    }
    return h;
  }

  private static Value layer(
      GraphBuilder builder, ClipConfig config, String name, Value in, boolean causal) {
    Value normed = builder.layerNorm(in, name + ".layer_norm1", config.eps());
    Value attended =
        builder.like(
            normed,
            out ->
                new CrossAttention(
                    out,
                    normed,
                    normed,
                    name + ".self_attn",
                    Projections.CLIP,
                    config.heads(),
                    causal));
    Value h = builder.addResidual(attended, in);
    Value inner = builder.layerNorm(h, name + ".layer_norm2", config.eps());
    inner = builder.linear(inner, name + ".mlp.fc1", config.innerWidth(), true);
    inner = builder.gelu(inner, config.gelu());
    inner = builder.linear(inner, name + ".mlp.fc2", config.width(), true);
    return builder.addResidual(inner, h);
  }
}
