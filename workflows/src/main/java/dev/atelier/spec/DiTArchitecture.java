package dev.atelier.spec;

import dev.atelier.graph.Graph;
import dev.atelier.graph.GraphBuilder;
import dev.atelier.graph.Operation;
import dev.atelier.graph.Value;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import java.util.stream.Collectors;

/**
 * The diffusion transformer with adaLN-Zero. Peebles & Xie 2023, section 3. Structure and tensor
 * names are those of {@code DiTTransformer2DModel} in diffusers: each block has a timestep and
 * class embedding of its own, and the last norm reads the first block's. A table of classes has one
 * more row than there are classes, which stands for none in guidance and is not used here; without
 * classes there is no table. A token is a pixel of a feature map.
 */
record DiTArchitecture(NetworkSpec spec, TransformerSpec transformer) implements Architecture {

  private static final int TIME_CHANNELS = 256;
  private static final int FEED_FORWARD = 4; // times as wide
  private static final double NORM_EPS = 1e-6; // of the norms that normEps is not for

  @Override
  public Graph graph(int resolution, int imageChannels, int classes) {
    if (classes < 0) {
      throw new IllegalArgumentException(
          "A network needs at least 0 classes, found %d.".formatted(classes));
    }
    check(resolution, imageChannels, Faults.REFUSING);
    return layout(resolution, imageChannels, classes);
  }

  @Override
  public void check(int resolution, int imageChannels, Faults faults) {
    NetworkSpec alone =
        NetworkSpecBuilder.builder(NetworkSpec.of(transformer)).latents(spec.latents()).build();
    if (!spec.equals(alone)) {
      faults.add(
          "transformer",
          "is in place of a U-Net: expected no other field of the network, found %s."
              .formatted(
                  SpecDifference.between(spec, alone).stream()
                      .map(found -> "%s %s".formatted(found.field(), found.one()))
                      .collect(Collectors.joining(", "))));
    }
    if (faults.trusts("transformer.patchSize")
        && faults.trustsResolution()
        && resolution % transformer.patchSize() != 0) {
      faults.add(
          "transformer.patchSize",
          "must divide dataset.resolution %d, found %d."
              .formatted(resolution, transformer.patchSize()));
    }
    if (faults.trusts("transformer.heads", "transformer.headWidth")
        && transformer.width() % 4 != 0) {
      faults.add(
          "transformer.headWidth",
          "times heads must be divisible by 4 (positions are sines and cosines of columns and rows), found %d times %d."
              .formatted(transformer.headWidth(), transformer.heads()));
    }
  }

  @Override
  public Graph layout(int resolution, int imageChannels, int classes) {
    return new Layout(transformer, resolution, imageChannels, classes).build();
  }

  private static final class Layout {
    private final TransformerSpec spec;
    private final int width;
    private final int side; // tokens
    private final int classes;
    private final GraphBuilder builder;

    Layout(TransformerSpec spec, int resolution, int imageChannels, int classes) {
      this.spec = spec;
      this.width = spec.width();
      this.side = resolution / spec.patchSize();
      this.classes = classes;
      this.builder = new GraphBuilder(resolution, imageChannels, classes);
    }

    Graph build() {
      Value image = builder.image();
      Value h =
          builder.append(
              width,
              side,
              out ->
                  new Operation.Convolution(
                      out, image, "pos_embed.proj", spec.patchSize(), spec.patchSize(), 0, false));
      Value patches = h;
      h = builder.append(width, side, out -> new Operation.AddPositions(out, patches));
      Value time = builder.sinusoid(TIME_CHANNELS, true, 1);
      Value first = condition(0, time);
      for (int i = 0; i < spec.layers(); i++) {
        h = block(i, h, i == 0 ? first : condition(i, time));
        if (i == (spec.layers() - 1) / 2) {
          builder.feature(FeatureLossSpec.MID, h);
        }
      }
      int outputs = image.width() * (spec.learnedSigma() ? 2 : 1);
      h = norm(h, linear(first, "proj_out_1", 2 * width, true), 0, NORM_EPS);
      Value tokens = linear(h, "proj_out_2", spec.patchSize() * spec.patchSize() * outputs, true);
      builder.feature(
          FeatureLossSpec.EPS,
          builder.append(
              image.width(),
              side * spec.patchSize(),
              out -> new Operation.Unpatch(out, tokens, spec.patchSize())));
      return builder.build();
    }

    /** What shifts, scales and gates are made of, [N, width]. */
    private Value condition(int block, Value time) {
      String name = "transformer_blocks.%d.norm1.emb".formatted(block);
      Value e = builder.linear(time, name + ".timestep_embedder.linear_1", width);
      e = builder.linear(builder.silu(e), name + ".timestep_embedder.linear_2", width);
      if (classes > 0) {
        Value t = e;
        String table = name + ".class_embedder.embedding_table";
        e = builder.append(width, 0, out -> new Operation.AddClass(out, t, table, classes + 1));
      }
      return builder.silu(e);
    }

    // Shift, scale and gate of attention are parts 0 to 2, those of the feed-forward layer 3 to 5.
    private Value block(int block, Value in, Value condition) {
      String name = "transformer_blocks." + block;
      Value parts = linear(condition, name + ".norm1.linear", 6 * width, true);
      Value normed = norm(in, parts, 0, NORM_EPS);
      Value attended =
          builder.append(
              width,
              side,
              out -> new Operation.Attention(out, normed, name + ".attn1", spec.heads(), false));
      Value h = gated(attended, in, parts, 2);
      Value wide =
          linear(
              norm(h, parts, 3, spec.normEps()),
              name + ".ff.net.0.proj",
              FEED_FORWARD * width,
              false);
      Value active = builder.append(wide.width(), side, out -> new Operation.Gelu(out, wide));
      return gated(linear(active, name + ".ff.net.2", width, false), h, parts, 5);
    }

    private Value linear(Value in, String layer, int to, boolean startsAtZero) {
      return builder.append(
          to, in.side(), out -> new Operation.Linear(out, in, layer, startsAtZero));
    }

    private Value norm(Value in, Value parts, int part, double eps) {
      return builder.append(
          width, side, out -> new Operation.AdaptiveNorm(out, in, parts, part, eps));
    }

    private Value gated(Value branch, Value residual, Value parts, int part) {
      return builder.append(
          width, side, out -> new Operation.AddGated(out, branch, residual, parts, part));
    }
  }
}
