package dev.atelier.network.files;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.graph.Operation;
import dev.atelier.network.Network;
import dev.atelier.spec.DiffusersFit;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.BlocksSpec;
import dev.atelier.spec.NetworkSpec.CrossAttentionSpec;
import dev.atelier.spec.NetworkSpec.Variant;
import java.util.List;

/**
 * A network as {@code config.json} of a {@code UNet2DModel} or {@code UNet2DConditionModel} of
 * diffusers, which has its tensor names too: the way back of {@link DiffusersConfig}.
 */
final class DiffusersExport {

  private static final ObjectMapper JSON = new ObjectMapper();

  private DiffusersExport() {}

  /** The config of a network that diffusers has a class for. */
  static ObjectNode config(Network network) {
    NetworkSpec spec = network.spec();
    boolean texts = spec.crossAttention().isPresent();
    BlocksSpec blocks = spec.blocksAt(network.resolution());
    List<Integer> groups = DiffusersFit.groups(spec, network.graph());
    List<Integer> heads = DiffusersFit.headWidths(spec, network.graph());
    ObjectNode config =
        JSON.createObjectNode().put("_class_name", texts ? "UNet2DConditionModel" : "UNet2DModel");
    Variant variant = spec.variant().orElse(Variant.DDPM);
    DiffusersConfig.fixed(variant, texts).forEach(config::set);
    config.put("norm_eps", spec.normEps().orElse(variant.normEps()));
    config.put("sample_size", network.resolution());
    config.put("in_channels", network.imageChannels());
    config.put("out_channels", network.imageChannels() * (spec.learnedSigma().isPresent() ? 2 : 1));
    ArrayNode widths = config.putArray("block_out_channels");
    spec.widths().forEach(widths::add);
    ArrayNode down = config.putArray("down_block_types");
    blocks.down().forEach(block -> down.add(DiffusersConfig.down(block, texts)));
    ArrayNode up = config.putArray("up_block_types");
    blocks.up().forEach(block -> up.add(DiffusersConfig.up(block, texts)));
    switch (blocks.middle()) {
      case NONE -> config.putNull("mid_block_type");
      case PLAIN -> config.put("mid_block_type", "UNetMidBlock2D").put("add_attention", false);
      case ATTENTION -> config.put("mid_block_type", "UNetMidBlock2D").put("add_attention", true);
      case CROSS_ATTENTION -> config.put("mid_block_type", "UNetMidBlock2DCrossAttn");
    }
    config.put("layers_per_block", spec.resBlocks());
    config.put("norm_num_groups", groups.get(0));
    config.put("dropout", spec.dropout());
    config.put("act_fn", "silu");
    spec.crossAttention()
        .ifPresentOrElse(
            text -> text(config, spec, text), () -> attention(config, spec, heads, network));
    if (network.conditional()) {
      config.put("num_class_embeds", network.classes());
    } else {
      config.putNull("num_class_embeds");
    }
    return config;
  }

  private static void text(ObjectNode config, NetworkSpec spec, CrossAttentionSpec text) {
    config.put("cross_attention_dim", text.width());
    config.put("use_linear_projection", text.linearProjection());
    ArrayNode heads = config.putArray("attention_head_dim"); // the number of heads, there
    for (int level = 0; level < spec.multipliers().size(); level++) {
      int each = spec.headsFor(spec.widths().get(level));
      int at = level;
      heads.add(text.heads().map(all -> all.get(at)).orElse(each));
    }
  }

  private static void attention(
      ObjectNode config, NetworkSpec spec, List<Integer> heads, Network network) {
    boolean attends = !network.graph().all(Operation.Attention.class).isEmpty();
    boolean one = spec.attentionHeads() == 1 && spec.attentionHeadWidth().isEmpty();
    if (one || !attends) {
      config.putNull("attention_head_dim"); // one head, as wide as its level
    } else {
      config.put("attention_head_dim", heads.get(0));
    }
  }
}
