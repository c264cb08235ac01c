package dev.atelier.spec;

import dev.atelier.graph.Graph;
import dev.atelier.graph.GraphBuilder;
import dev.atelier.graph.Operation;
import dev.atelier.graph.Value;
import dev.atelier.spec.NetworkSpec.Block;
import dev.atelier.spec.NetworkSpec.BlocksSpec;
import dev.atelier.spec.NetworkSpec.CrossAttentionSpec;
import dev.atelier.spec.NetworkSpec.Middle;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * The DDPM U-Net. Ho et al. 2020, appendix B. Structure, order of operations and tensor names are
 * those of {@code UNet2DModel} in diffusers, as {@code google/ddpm-cifar10-32} configures it or by
 * its defaults; the class embedding joins the time embedding as with its {@code num_class_embeds}.
 * With cross-attention it is {@code UNet2DConditionModel}, as Stable Diffusion 1 and 2 have it.
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
    UNetRules.blockFaults(spec, imageChannels, Faults.REFUSING).forEach(Faults.REFUSING::add);
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
    for (Operation.CrossAttention attention : graph.all(Operation.CrossAttention.class)) {
      if (attention.in().width() % attention.heads() != 0) {
        throw new IllegalArgumentException(
            "network.crossAttention: %d heads must divide the width of %s, found %d."
                .formatted(attention.heads(), attention.layer(), attention.in().width()));
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
    new UNetRules(
            spec, resolution, imageChannels, () -> layout(resolution, imageChannels, 0), faults)
        .check();
  }

  private static final class Layout {
    private static final int MOST_SKIP_GROUPS = 32;
    private static final int CHANNELS_PER_SKIP_GROUP = 4;
    private static final double TRANSFORMER_NORM_EPS = 1e-6; // of its group norm
    private static final double LAYER_NORM_EPS = 1e-5;
    private static final int FEED_FORWARD = 4; // times as wide

    private final NetworkSpec spec;
    private final NetworkSpec.Variant variant;
    private final BlocksSpec blocks;
    private final GraphBuilder builder;
    private final Value e; // of the timestep

    Layout(NetworkSpec spec, int resolution, int imageChannels, int classes) {
      this.spec = spec;
      this.variant = spec.variant().orElse(NetworkSpec.Variant.DDPM);
      this.blocks = spec.blocksAt(resolution);
      Optional<Value> context =
          spec.crossAttention().map(c -> Value.sequence("context", c.width(), c.tokens()));
      this.builder =
          new GraphBuilder(
              new Value("x", imageChannels, resolution), new Graph.Told(true, classes, context));
      this.e = timeEmbedding(classes);
    }

    /** How a residual block changes the resolution. */
    private enum Resampling {
      NONE,
      HALVE,
      DOUBLE
    }

    Graph build() {
      List<Integer> widths = spec.widths();
      int levels = widths.size();
      Deque<Value> skips = new ArrayDeque<>();
      Value h = builder.convolution(builder.image(), "conv_in", spec.channels(), 3, false);
      Value small = builder.image(); // of skip blocks
      skips.push(h);
      for (int level = 0; level < levels; level++) {
        Block kind = blocks.down().get(level);
        String block = "down_blocks." + level;
        for (int j = 0; j < spec.resBlocks(); j++) {
          h = resnet(block + ".resnets." + j, h, widths.get(level), kind);
          h = attentionOf(kind, block + ".attentions." + j, h, level);
          skips.push(h);
        }
        if (level < levels - 1) {
          h = downsample(block, h, kind);
          if (kind == Block.SKIP) {
            small = filtered(small, Resampling.HALVE);
            Value seen = builder.convolution(small, block + ".skip_conv", h.width(), 1, false);
            h = builder.addResidual(seen, h);
          }
          skips.push(h);
        }
      }
      h = middle(h, levels - 1);
      builder.feature(FeatureLossSpec.MID, h);
      Optional<Value> grown = Optional.empty(); // the image that skip blocks have made so far
      for (int level = levels - 1; level >= 0; level--) {
        int place = levels - 1 - level;
        Block kind = blocks.up().get(place);
        String block = "up_blocks." + place;
        for (int j = 0; j <= spec.resBlocks(); j++) {
          h = builder.concatenate(h, skips.pop());
          h = resnet(block + ".resnets." + j, h, widths.get(level), kind);
          h = attentionOf(kind, block + ".attentions." + j, h, level);
        }
        builder.feature("up." + place, h);
        if (kind == Block.SKIP) {
          grown = grown.map(image -> filtered(image, Resampling.DOUBLE));
          if (level > 0) {
            grown = Optional.of(seen(block, h, grown));
          }
        }
        if (level > 0) {
          h = upsample(block, h, kind);
        }
      }
      builder.feature(FeatureLossSpec.EPS, eps(norm("conv_norm_out", h, true), grown));
      return builder.build();
    }

    private Value timeEmbedding(int classes) {
      int width = 4 * spec.channels();
      Value time =
          switch (variant) {
            case DDPM -> builder.sinusoid(spec.channels(), false, 1);
            case DIFFUSERS -> builder.sinusoid(spec.channels(), true, 0);
          };
      time = builder.linear(time, "time_embedding.linear_1", width);
      time = builder.linear(builder.silu(time), "time_embedding.linear_2", width);
      if (classes > 0) {
        time = builder.addClass(time, "class_embedding");
      }
      return builder.silu(time); // every residual block starts with it
    }

    private Value middle(Value in, int level) {
      if (blocks.middle() == Middle.NONE) {
        return in;
      }
      Value h = resnet("mid_block.resnets.0", in, in.width(), Block.PLAIN);
      h =
          switch (blocks.middle()) {
            case ATTENTION -> attention("mid_block.attentions.0", h);
            case CROSS_ATTENTION -> transformer("mid_block.attentions.0", h, level);
            case PLAIN, NONE -> h;
          };
      return resnet("mid_block.resnets.1", h, h.width(), Block.PLAIN);
    }

    private Value eps(Value in, Optional<Value> grown) {
      int imageChannels = builder.image().width();
      boolean sigma = spec.learnedSigma().isPresent();
      Value all =
          builder.convolution(in, "conv_out", sigma ? 2 * imageChannels : imageChannels, 3, true);
      Value joined = grown.map(image -> builder.addResidual(all, image)).orElse(all);
      return sigma
          ? builder.append(
              imageChannels, joined.side(), out -> new Operation.FirstChannels(out, joined))
          : joined;
    }

    private Value resnet(String name, Value in, int width, Block kind) {
      return resnet(name, in, width, kind, Resampling.NONE);
    }

    private Value resnet(String name, Value in, int width, Block kind, Resampling resampling) {
      boolean skip = kind == Block.SKIP;
      Value h = resampled(norm(name + ".norm1", in, kind, true), kind, resampling);
      Value residual = resampled(in, kind, resampling);
      h = builder.convolution(h, name + ".conv1", width, 3, false);
      h = builder.addEmbedding(h, builder.linear(e, name + ".time_emb_proj", width));
      h = norm(name + ".norm2", h, kind, true);
      if (spec.dropout() > 0) {
        h = builder.dropout(h, spec.dropout());
      }
      h = builder.convolution(h, name + ".conv2", width, 3, true);
      if (in.width() != width || (skip && resampling != Resampling.NONE)) {
        residual = builder.convolution(residual, name + ".conv_shortcut", width, 1, false);
      }
      Value sum = builder.addResidual(h, residual);
      return skip ? builder.like(sum, out -> new Operation.Scale(out, sum, Math.sqrt(0.5))) : sum;
    }

    private Value resampled(Value in, Block kind, Resampling resampling) {
      if (resampling == Resampling.NONE) {
        return in;
      }
      if (kind == Block.SKIP) {
        return filtered(in, resampling);
      }
      return resampling == Resampling.DOUBLE
          ? builder.upsample(in)
          : builder.append(in.width(), in.side() / 2, out -> new Operation.AveragePool(out, in));
    }

    private Value filtered(Value in, Resampling resampling) {
      return resampling == Resampling.DOUBLE
          ? builder.append(in.width(), 2 * in.side(), out -> new Operation.FirUp(out, in))
          : builder.append(in.width(), in.side() / 2, out -> new Operation.FirDown(out, in));
    }

    /** What is made of the image at this level, on top of what those below it have. */
    private Value seen(String block, Value in, Optional<Value> below) {
      Value h = norm(block + ".skip_norm", in, Block.SKIP, true);
      Value image = builder.convolution(h, block + ".skip_conv", builder.image().width(), 3, false);
      return below.map(b -> builder.addResidual(image, b)).orElse(image);
    }

    private Value attentionOf(Block kind, String name, Value in, int level) {
      return switch (kind) {
        case ATTENTION -> attention(name, in);
        case CROSS_ATTENTION -> transformer(name, in, level);
        case PLAIN, RESNET, SKIP -> in;
      };
    }

    private Value attention(String name, Value in) {
      Value h = norm(name + ".group_norm", in, false);
      h = builder.attention(h, name, spec.headsFor(h.width()));
      return builder.addResidual(h, in);
    }

    /** A {@code Transformer2DModel} of one block. */
    private Value transformer(String name, Value in, int level) {
      CrossAttentionSpec text = spec.crossAttention().orElseThrow();
      int width = in.width();
      int heads = text.heads().map(each -> each.get(level)).orElseGet(() -> spec.headsFor(width));
      String block = name + ".transformer_blocks.0";
      Value h =
          builder.groupNorm(in, name + ".norm", spec.groupsFor(width), TRANSFORMER_NORM_EPS, false);
      h = projection(h, name + ".proj_in", false);
      Value self = builder.layerNorm(h, block + ".norm1", LAYER_NORM_EPS);
      h = builder.addResidual(attention(self, self, block + ".attn1", heads), h);
      Value asking = builder.layerNorm(h, block + ".norm2", LAYER_NORM_EPS);
      Value context = builder.context().orElseThrow();
      h = builder.addResidual(attention(asking, context, block + ".attn2", heads), h);
      Value fed = builder.layerNorm(h, block + ".norm3", LAYER_NORM_EPS);
      Value wide = builder.linear(fed, block + ".ff.net.0.proj", 2 * FEED_FORWARD * width, true);
      Value gated =
          builder.append(FEED_FORWARD * width, h.side(), out -> new Operation.GatedGelu(out, wide));
      h = builder.addResidual(builder.linear(gated, block + ".ff.net.2", width, true), h);
      return builder.addResidual(projection(h, name + ".proj_out", true), in);
    }

    private Value attention(Value in, Value context, String layer, int heads) {
      return builder.like(
          in,
          out ->
              new Operation.CrossAttention(
                  out,
                  in,
                  context,
                  layer,
                  Operation.CrossAttention.Projections.DIFFUSERS,
                  heads,
                  false));
    }

    private Value projection(Value in, String layer, boolean startsAtZero) {
      return spec.crossAttention().orElseThrow().linearProjection()
          ? builder.like(in, out -> new Operation.Linear(out, in, layer, startsAtZero))
          : builder.convolution(in, layer, in.width(), 1, startsAtZero);
    }

    private Value norm(String name, Value in, boolean silu) {
      return norm(name, in, Block.PLAIN, silu);
    }

    private Value norm(String name, Value in, Block kind, boolean silu) {
      double eps = spec.normEps().orElse(variant.normEps());
      int groups =
          kind == Block.SKIP
              ? Math.min(in.width() / CHANNELS_PER_SKIP_GROUP, MOST_SKIP_GROUPS)
              : spec.groupsFor(in.width());
      return builder.groupNorm(in, name, groups, eps, silu);
    }

    private Value downsample(String block, Value in, Block kind) {
      String conv = block + ".downsamplers.0.conv";
      return switch (kind) {
        case RESNET -> resnet(block + ".downsamplers.0", in, in.width(), kind, Resampling.HALVE);
        case SKIP -> resnet(block + ".resnet_down", in, in.width(), kind, Resampling.HALVE);
        case PLAIN, ATTENTION, CROSS_ATTENTION ->
            switch (variant) {
              case DDPM -> builder.halve(builder.padRightBottom(in), conv, in.side(), 0);
              case DIFFUSERS -> builder.halve(in, conv, in.side(), 1);
            };
      };
    }

    private Value upsample(String block, Value in, Block kind) {
      return switch (kind) {
        case RESNET -> resnet(block + ".upsamplers.0", in, in.width(), kind, Resampling.DOUBLE);
        case SKIP -> resnet(block + ".resnet_up", in, in.width(), kind, Resampling.DOUBLE);
        case PLAIN, ATTENTION, CROSS_ATTENTION ->
            builder.convolution(
                builder.upsample(in), block + ".upsamplers.0.conv", in.width(), 3, false);
      };
    }
  }
}
