package dev.atelier.spec;

import dev.atelier.graph.Graph;
import dev.atelier.graph.GraphBuilder;
import dev.atelier.graph.Operation;
import dev.atelier.graph.Value;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * The DDPM U-Net. Ho et al. 2020, appendix B. Structure, order of operations and tensor names are
 * those of {@code UNet2DModel} in diffusers, as {@code google/ddpm-cifar10-32} configures it or by
 * its defaults; the class embedding joins the time embedding as with its {@code num_class_embeds}.
 */
record UNetArchitecture(NetworkSpec spec) implements Architecture {

  @Override
  public Graph graph(int resolution, int imageChannels, int classes) {
    int factor = 1 << (spec.multipliers().size() - 1);
    if (resolution % factor != 0) {
      throw new IllegalArgumentException(
          "Resolution %d must be divisible by %d: network.multipliers has %d levels, each half as wide as the one before."
              .formatted(resolution, factor, spec.multipliers().size()));
    }
    if (spec.channels() % 2 != 0) {
      throw new IllegalArgumentException(
          "network.channels must be even (the time embedding is half sines, half cosines), found %d."
              .formatted(spec.channels()));
    }
    if (classes < 0) {
      throw new IllegalArgumentException(
          "A network needs at least 0 classes, found %d.".formatted(classes));
    }
    Graph graph = layout(resolution, imageChannels, classes);
    for (Operation.GroupNorm norm : graph.all(Operation.GroupNorm.class)) {
      if (norm.in().width() % norm.groups() != 0) {
        throw new IllegalArgumentException(
            "network.groups (%d) must divide the width of every layer, found %d."
                .formatted(norm.groups(), norm.in().width()));
      }
    }
    int divisor = spec.attentionHeadWidth().orElse(spec.attentionHeads());
    for (Operation.Attention attention : graph.all(Operation.Attention.class)) {
      if (attention.in().width() % divisor != 0) {
        throw new IllegalArgumentException(
            "network.%s (%d) must divide the width of every level with attention, found %d."
                .formatted(
                    spec.attentionHeadWidth().isPresent() ? "attentionHeadWidth" : "attentionHeads",
                    divisor,
                    attention.in().width()));
      }
    }
    return graph;
  }

  @Override
  public Graph layout(int resolution, int imageChannels, int classes) {
    return new Layout(spec, resolution, imageChannels, classes).build();
  }

  @Override
  public void check(int resolution, int imageChannels, Faults faults) {
    new UNetRules(spec, resolution, () -> layout(resolution, imageChannels, 0), faults).check();
  }

  private static final class Layout {
    private final NetworkSpec spec;
    private final NetworkSpec.Variant variant;
    private final int classes;
    private final GraphBuilder builder;

    Layout(NetworkSpec spec, int resolution, int imageChannels, int classes) {
      this.spec = spec;
      this.variant = spec.variant().orElse(NetworkSpec.Variant.DDPM);
      this.classes = classes;
      this.builder = new GraphBuilder(resolution, imageChannels, classes);
    }

    Graph build() {
      List<Integer> widths = spec.widths();
      int levels = widths.size();
      Deque<Value> skips = new ArrayDeque<>();
      Value e = timeEmbedding();
      Value h = builder.convolution(builder.image(), "conv_in", spec.channels(), 3, false);
      skips.push(h);
      for (int level = 0; level < levels; level++) {
        String block = "down_blocks." + level;
        for (int j = 0; j < spec.resBlocks(); j++) {
          h = resnet(block + ".resnets." + j, h, e, widths.get(level));
          h = attentionWhereWanted(block + ".attentions." + j, h);
          skips.push(h);
        }
        if (level < levels - 1) {
          h = downsample(block + ".downsamplers.0.conv", h);
          skips.push(h);
        }
      }
      h = resnet("mid_block.resnets.0", h, e, h.width());
      h = attention("mid_block.attentions.0", h);
      h = resnet("mid_block.resnets.1", h, e, h.width());
      builder.feature(FeatureLossSpec.MID, h);
      for (int level = levels - 1; level >= 0; level--) {
        int place = levels - 1 - level;
        String block = "up_blocks." + place;
        for (int j = 0; j <= spec.resBlocks(); j++) {
          h = builder.concatenate(h, skips.pop());
          h = resnet(block + ".resnets." + j, h, e, widths.get(level));
          h = attentionWhereWanted(block + ".attentions." + j, h);
        }
        builder.feature("up." + place, h);
        if (level > 0) {
          h = upsample(block + ".upsamplers.0.conv", h);
        }
      }
      h = norm("conv_norm_out", h, true);
      int imageChannels = builder.image().width();
      builder.feature(
          FeatureLossSpec.EPS, builder.convolution(h, "conv_out", imageChannels, 3, true));
      return builder.build();
    }

    private Value timeEmbedding() {
      int width = 4 * spec.channels();
      Value e =
          switch (variant) {
            case DDPM -> builder.sinusoid(spec.channels(), false, 1);
            case DIFFUSERS -> builder.sinusoid(spec.channels(), true, 0);
          };
      e = builder.linear(e, "time_embedding.linear_1", width);
      e = builder.linear(builder.silu(e), "time_embedding.linear_2", width);
      if (classes > 0) {
        e = builder.addClass(e, "class_embedding");
      }
      return builder.silu(e); // every residual block starts with it
    }

    private Value resnet(String name, Value in, Value e, int width) {
      Value h = norm(name + ".norm1", in, true);
      h = builder.convolution(h, name + ".conv1", width, 3, false);
      h = builder.addEmbedding(h, builder.linear(e, name + ".time_emb_proj", width));
      h = norm(name + ".norm2", h, true);
      if (spec.dropout() > 0) {
        h = builder.dropout(h, spec.dropout());
      }
      h = builder.convolution(h, name + ".conv2", width, 3, true);
      Value residual =
          in.width() == width
              ? in
              : builder.convolution(in, name + ".conv_shortcut", width, 1, false);
      return builder.addResidual(h, residual);
    }

    private Value attentionWhereWanted(String name, Value in) {
      return spec.attentionResolutions().contains(in.side()) ? attention(name, in) : in;
    }

    private Value attention(String name, Value in) {
      Value h = norm(name + ".group_norm", in, false);
      h = builder.attention(h, name, spec.headsFor(h.width()));
      return builder.addResidual(h, in);
    }

    private Value norm(String name, Value in, boolean silu) {
      double eps =
          switch (variant) {
            case DDPM -> 1e-6;
            case DIFFUSERS -> 1e-5;
          };
      return builder.groupNorm(in, name, spec.groupsFor(in.width()), eps, silu);
    }

    private Value downsample(String name, Value in) {
      return switch (variant) {
        case DDPM -> builder.halve(builder.padRightBottom(in), name, in.side(), 0);
        case DIFFUSERS -> builder.halve(in, name, in.side(), 1);
      };
    }

    private Value upsample(String name, Value in) {
      return builder.convolution(builder.upsample(in), name, in.width(), 3, false);
    }
  }
}
