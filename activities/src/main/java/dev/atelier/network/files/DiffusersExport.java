package dev.atelier.network.files;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.graph.Operation;
import dev.atelier.network.Network;
import dev.atelier.spec.NetworkSpec;
import java.util.List;
import java.util.Optional;

/**
 * A network as {@code config.json} of a {@code UNet2DModel} of diffusers, which has its tensor
 * names too: the way back of {@link DiffusersConfig}.
 */
public final class DiffusersExport {

  private static final ObjectMapper JSON = new ObjectMapper();

  private DiffusersExport() {}

  /** The config; empty where diffusers has no such network, as with groups that differ by width. */
  public static Optional<ObjectNode> config(Network network) {
    NetworkSpec spec = network.spec();
    List<Integer> groups =
        network.graph().all(Operation.GroupNorm.class).stream()
            .map(Operation.GroupNorm::groups)
            .distinct()
            .toList();
    List<Integer> heads = headWidths(network);
    if (groups.size() > 1 || heads.size() > 1 || spec.multipliers().get(0) != 1) {
      return Optional.empty();
    }
    ObjectNode config = JSON.createObjectNode().put("_class_name", "UNet2DModel");
    DiffusersConfig.fixed(spec.variant().orElse(NetworkSpec.Variant.DDPM)).forEach(config::set);
    config.put("sample_size", network.resolution());
    config.put("in_channels", network.imageChannels());
    config.put("out_channels", network.imageChannels());
    ArrayNode widths = config.putArray("block_out_channels");
    spec.widths().forEach(widths::add);
    ArrayNode down = config.putArray("down_block_types");
    ArrayNode up = config.putArray("up_block_types");
    for (int level = 0; level < widths.size(); level++) {
      boolean attends = spec.attentionResolutions().contains(network.resolution() >> level);
      down.add(attends ? "AttnDownBlock2D" : "DownBlock2D");
      up.insert(0, attends ? "AttnUpBlock2D" : "UpBlock2D");
    }
    config.put("layers_per_block", spec.resBlocks());
    config.put("norm_num_groups", groups.get(0));
    config.put("dropout", spec.dropout());
    config.put("act_fn", "silu");
    if (spec.attentionHeads() == 1 && spec.attentionHeadWidth().isEmpty()) {
      config.putNull("attention_head_dim"); // one head, as wide as its level
    } else {
      config.put("attention_head_dim", heads.get(0));
    }
    if (network.conditional()) {
      config.put("num_class_embeds", network.classes());
    } else {
      config.putNull("num_class_embeds");
    }
    return Optional.of(config);
  }

  /** The widths of heads that one field must say; none of one head, whose width is its level's. */
  private static List<Integer> headWidths(Network network) {
    return network.graph().all(Operation.Attention.class).stream()
        .filter(o -> o.heads() > 1 || network.spec().attentionHeadWidth().isPresent())
        .map(o -> o.in().width() / o.heads())
        .distinct()
        .toList();
  }
}
