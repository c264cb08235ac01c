package dev.atelier.network;

import dev.atelier.network.UNet.Constant;
import dev.atelier.network.UNet.KaimingUniform;
import dev.atelier.network.UNet.StandardNormal;
import dev.atelier.network.UNet.Weight;
import dev.atelier.spec.FeatureLossSpec;
import dev.atelier.spec.NetworkSpec;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Walks through the U-Net once, and notes what each layer needs: its tensors, its
 * multiply-accumulates and its operation.
 */
final class UNetLayout {

  private final NetworkSpec spec;
  private final List<Weight> weights = new ArrayList<>();
  private final List<Operation> operations = new ArrayList<>();
  private final Map<String, UNet.Feature> features = new LinkedHashMap<>();
  private long macs;
  private long attentionMacs;
  private long held; // elements of one image that skips and residual branches keep alive
  private long peak; // most elements of one image alive at once in inference

  /** A feature map while the network is walked through. */
  private record Feature(String value, int width, int side) {
    long elements() {
      return (long) width * side * side;
    }
  }

  UNetLayout(NetworkSpec spec, int resolution, int imageChannels, int classes) {
    this.spec = spec;
    int levels = spec.multipliers().size();
    List<Integer> widths = spec.widths();
    Deque<Feature> skips = new ArrayDeque<>();

    String e = timeEmbedding(classes);
    Feature h = new Feature("x", imageChannels, resolution);
    h = convolution("conv_in", h, spec.channels(), 3, false);
    push(skips, h);
    for (int level = 0; level < levels; level++) {
      String block = "down_blocks." + level;
      for (int j = 0; j < spec.resBlocks(); j++) {
        h = resnet(block + ".resnets." + j, h, e, widths.get(level));
        if (spec.attentionResolutions().contains(h.side())) {
          h = attention(block + ".attentions." + j, h);
        }
        push(skips, h);
      }
      if (level < levels - 1) {
        h = downsample(block + ".downsamplers.0.conv", h);
        push(skips, h);
      }
    }
    h = resnet("mid_block.resnets.0", h, e, h.width());
    h = attention("mid_block.attentions.0", h);
    h = resnet("mid_block.resnets.1", h, e, h.width());
    feature(FeatureLossSpec.MID, h);
    for (int level = levels - 1; level >= 0; level--) {
      String block = "up_blocks." + (levels - 1 - level);
      for (int j = 0; j <= spec.resBlocks(); j++) {
        h = concatenate(h, skips.pop());
        h = resnet(block + ".resnets." + j, h, e, widths.get(level));
        if (spec.attentionResolutions().contains(h.side())) {
          h = attention(block + ".attentions." + j, h);
        }
      }
      feature("up." + (levels - 1 - level), h);
      if (level > 0) {
        h = upsample(block + ".upsamplers.0.conv", h);
      }
    }
    h = norm("conv_norm_out", h, true);
    feature(FeatureLossSpec.EPS, convolution("conv_out", h, imageChannels, 3, true));
  }

  List<Weight> weights() {
    return weights;
  }

  long macs() {
    return macs;
  }

  long attentionMacs() {
    return attentionMacs;
  }

  long peakActivations() {
    return peak;
  }

  /**
   * In order; reads {@code x}, {@code t} and, of a conditional network, {@code y}; the last one
   * makes eps.
   */
  List<Operation> operations() {
    return operations;
  }

  /** Values that other networks' can be compared with, by place. */
  Map<String, UNet.Feature> features() {
    return features;
  }

  private void feature(String place, Feature h) {
    features.put(place, new UNet.Feature(h.value(), h.width(), h.side()));
  }

  private void push(Deque<Feature> skips, Feature h) {
    held += h.elements();
    skips.push(h);
  }

  /** Notes that an operation needs {@code elements} of one image beside what is held. */
  private void alive(long elements) {
    peak = Math.max(peak, held + elements);
  }

  private String timeEmbedding(int classes) {
    int width = 4 * spec.channels();
    String e = add(new Operation.Sinusoid(nextValue(), spec.channels())).out();
    e = linear("time_embedding.linear_1", e, spec.channels(), width);
    e = add(new Operation.Silu(nextValue(), e)).out();
    e = linear("time_embedding.linear_2", e, width, width);
    if (classes > 0) {
      weight("class_embedding.weight", new StandardNormal(), classes, width);
      e = add(new Operation.AddClass(nextValue(), e, "class_embedding")).out();
    }
    return add(new Operation.Silu(nextValue(), e)).out(); // every residual block starts with it
  }

  private Feature resnet(String name, Feature in, String e, int out) {
    held += in.elements();
    Feature h = norm(name + ".norm1", in, true);
    h = convolution(name + ".conv1", h, out, 3, false);
    String b = linear(name + ".time_emb_proj", e, 4 * spec.channels(), out);
    h = as(h, add(new Operation.AddEmbedding(nextValue(), h.value(), b)));
    h = norm(name + ".norm2", h, true);
    if (spec.dropout() > 0) {
      h = as(h, add(new Operation.Dropout(nextValue(), h.value(), spec.dropout())));
    }
    h = convolution(name + ".conv2", h, out, 3, true);
    Feature residual =
        in.width() == out ? in : convolution(name + ".conv_shortcut", in, out, 1, false);
    held -= in.elements();
    return as(h, add(new Operation.AddResidual(nextValue(), h.value(), residual.value())));
  }

  private Feature attention(String name, Feature in) {
    int heads = spec.attentionHeads();
    int width = in.width();
    if (width % heads != 0) {
      throw new IllegalArgumentException(
          "network.attentionHeads (%d) must divide the width of every level with attention, found %d."
              .formatted(heads, width));
    }
    Feature h = norm(name + ".group_norm", in, false);
    for (String role : List.of("to_q", "to_k", "to_v", "to_out.0")) {
      linearWeights(name + "." + role, width, width, role.equals("to_out.0"));
    }
    long tokens = (long) in.side() * in.side();
    macs += 4 * tokens * width * width;
    attentionMacs += 2 * tokens * tokens * width; // q kᵀ, and its product with v
    alive(6 * tokens * width); // residual, q, k, v, their product and its transpose
    h = as(h, add(new Operation.Attention(nextValue(), h.value(), name, heads, width, in.side())));
    return as(h, add(new Operation.AddResidual(nextValue(), h.value(), in.value())));
  }

  private Feature norm(String name, Feature in, boolean silu) {
    int groups = spec.groupsFor(in.width());
    if (in.width() % groups != 0) {
      throw new IllegalArgumentException(
          "network.groups (%d) must divide the width of every layer, found %d."
              .formatted(groups, in.width()));
    }
    weight(name + ".weight", new Constant(1), in.width());
    weight(name + ".bias", new Constant(0), in.width());
    return as(
        in,
        add(
            new Operation.GroupNorm(
                nextValue(), in.value(), name, groups, in.width(), in.side(), silu)));
  }

  private Feature concatenate(Feature first, Feature second) {
    String out =
        add(new Operation.Concatenate(
                nextValue(), first.value(), second.value(), first.width(), second.width()))
            .out();
    Feature both = new Feature(out, first.width() + second.width(), first.side());
    alive(both.elements() + second.elements());
    held -= second.elements();
    return both;
  }

  private Feature downsample(String name, Feature in) {
    String padded = add(new Operation.PadRightBottom(nextValue(), in.value(), in.side())).out();
    return convolution(
        name,
        new Feature(padded, in.width(), in.side()),
        in.width(),
        3,
        2,
        0,
        in.side() / 2,
        false);
  }

  private Feature upsample(String name, Feature in) {
    String large = add(new Operation.Upsample(nextValue(), in.value())).out();
    return convolution(name, new Feature(large, in.width(), 2 * in.side()), in.width(), 3, false);
  }

  private Feature convolution(String name, Feature in, int out, int kernel, boolean startAtZero) {
    return convolution(name, in, out, kernel, 1, kernel / 2, in.side(), startAtZero);
  }

  private Feature convolution(
      String name,
      Feature in,
      int out,
      int kernel,
      int stride,
      int padding,
      int outSide,
      boolean startAtZero) {
    long fanIn = (long) in.width() * kernel * kernel;
    UNet.Initialiser initialiser = startAtZero ? new Constant(0) : new KaimingUniform(fanIn);
    weight(name + ".weight", initialiser, out, in.width(), kernel, kernel);
    weight(name + ".bias", initialiser, out);
    macs += fanIn * out * outSide * outSide;
    // Twice: as they are and in the layout of the convolution's kernel.
    alive(2 * (in.elements() + (long) out * outSide * outSide));
    String value =
        add(new Operation.Convolution(
                nextValue(), in.value(), name, in.width(), out, outSide, kernel, stride, padding))
            .out();
    return new Feature(value, out, outSide);
  }

  private String linear(String name, String in, int inWidth, int outWidth) {
    linearWeights(name, inWidth, outWidth, false);
    macs += (long) inWidth * outWidth;
    return add(new Operation.Linear(nextValue(), in, name)).out();
  }

  private void linearWeights(String name, int in, int out, boolean startAtZero) {
    UNet.Initialiser initialiser = startAtZero ? new Constant(0) : new KaimingUniform(in);
    weight(name + ".weight", initialiser, out, in);
    weight(name + ".bias", initialiser, out);
  }

  private void weight(String name, UNet.Initialiser initialiser, long... shape) {
    weights.add(new Weight(name, Arrays.stream(shape).boxed().toList(), initialiser));
  }

  private String nextValue() {
    return "v" + operations.size();
  }

  private Operation add(Operation operation) {
    operations.add(operation);
    return operation;
  }

  private static Feature as(Feature like, Operation made) {
    return new Feature(made.out(), like.width(), like.side());
  }
}
