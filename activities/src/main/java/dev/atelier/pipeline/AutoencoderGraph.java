package dev.atelier.pipeline;

import dev.atelier.graph.Graph;
import dev.atelier.graph.GraphBuilder;
import dev.atelier.graph.Value;
import java.util.List;

/** Lays the two halves of an {@code AutoencoderKL} out. Rombach et al. 2022, appendix G. */
final class AutoencoderGraph {
  private static final double EPS = 1e-6; // of group norms

  private final AutoencoderConfig config;
  private final List<Integer> widths;

  AutoencoderGraph(AutoencoderConfig config) {
    this.config = config;
    this.widths = config.widths();
  }

  Graph encoder(int side) {
    GraphBuilder builder =
        new GraphBuilder(new Value("x", config.imageChannels(), side), Graph.Told.NOTHING);
    Half half = new Half(builder, "encoder.");
    int levels = widths.size();
    Value h = half.convolution(builder.image(), "conv_in", widths.get(0));
    for (int level = 0; level < levels; level++) {
      String block = "down_blocks." + level;
      for (int j = 0; j < config.layersPerBlock(); j++) {
        h = half.resnet(block + ".resnets." + j, h, widths.get(level));
      }
      if (level < levels - 1) {
        h = half.downsample(block + ".downsamplers.0.conv", h);
      }
    }
    h = half.middle(h);
    int moments = 2 * config.latentChannels();
    h = half.convolution(half.norm(h, "conv_norm_out", true), "conv_out", moments);
    if (config.quantConv()) {
      builder.convolution(h, "quant_conv", moments, 1, false);
    }
    return builder.build();
  }

  Graph decoder(int side) {
    GraphBuilder builder =
        new GraphBuilder(new Value("x", config.latentChannels(), side), Graph.Told.NOTHING);
    Half half = new Half(builder, "decoder.");
    int levels = widths.size();
    Value h = builder.image();
    if (config.postQuantConv()) {
      h = builder.convolution(h, "post_quant_conv", config.latentChannels(), 1, false);
    }
    h = half.middle(half.convolution(h, "conv_in", widths.get(levels - 1)));
    for (int level = levels - 1; level >= 0; level--) {
      String block = "up_blocks." + (levels - 1 - level);
      for (int j = 0; j <= config.layersPerBlock(); j++) {
        h = half.resnet(block + ".resnets." + j, h, widths.get(level));
      }
      if (level > 0) {
        h = half.convolution(builder.upsample(h), block + ".upsamplers.0.conv", h.width());
      }
    }
    half.convolution(half.norm(h, "conv_norm_out", true), "conv_out", config.imageChannels());
    return builder.build();
  }

  /** What both halves are made of. */
  private final class Half {
    private final GraphBuilder builder;
    private final String prefix;

    Half(GraphBuilder builder, String prefix) {
      this.builder = builder;
      this.prefix = prefix;
    }

    Value convolution(Value in, String name, int width) {
      return builder.convolution(in, prefix + name, width, 3, false);
    }

    Value norm(Value in, String name, boolean silu) {
      return builder.groupNorm(in, prefix + name, config.groups(), EPS, silu);
    }

    Value middle(Value in) {
      Value h = resnet("mid_block.resnets.0", in, in.width());
      if (config.midAttention()) {
        String name = "mid_block.attentions.0";
        Value normed = norm(h, name + ".group_norm", false);
        h = builder.addResidual(builder.attention(normed, prefix + name, 1), h);
      }
      return resnet("mid_block.resnets.1", h, in.width());
    }

    Value resnet(String name, Value in, int width) {
      Value h = convolution(norm(in, name + ".norm1", true), name + ".conv1", width);
      h = convolution(norm(h, name + ".norm2", true), name + ".conv2", width);
      Value residual =
          in.width() == width
              ? in
              : builder.convolution(in, prefix + name + ".conv_shortcut", width, 1, false);
      return builder.addResidual(h, residual);
    }

    Value downsample(String name, Value in) {
      return builder.halve(builder.padRightBottom(in), prefix + name, in.side(), 0);
    }
  }
}
