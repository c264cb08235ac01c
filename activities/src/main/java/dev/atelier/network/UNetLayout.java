package dev.atelier.network;

import dev.atelier.network.UNet.Constant;
import dev.atelier.network.UNet.KaimingUniform;
import dev.atelier.network.UNet.Weight;
import dev.atelier.spec.NetworkSpec;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Locale;

/**
 * Walks through the U-Net once, and notes what each layer needs: its tensors, its
 * multiply-accumulates and its line of TorchScript. In the text {@code h} is the running feature
 * map.
 */
final class UNetLayout {
  /** Start of the lines that a network without dropout leaves out. */
  static final String DROPOUT_LINE = "h = torch.dropout(";

  private static final double NORM_EPS = 1e-6;
  private static final double MAX_PERIOD = 10_000; // of the sinusoidal embedding

  private final NetworkSpec spec;
  private final List<Weight> weights = new ArrayList<>();
  private final StringBuilder body = new StringBuilder();
  private long macs;
  private long attentionMacs;
  private long held; // elements of one image that skips and residual branches keep alive
  private long peak; // most elements of one image alive at once in inference

  private record Skip(String variable, int width) {}

  UNetLayout(NetworkSpec spec, int resolution, int imageChannels) {
    this.spec = spec;
    int levels = spec.multipliers().size();
    List<Integer> widths = spec.widths();
    Deque<Skip> skips = new ArrayDeque<>();

    timeEmbedding();
    int side = resolution;
    int width = spec.channels();
    line("h = x");
    conv("conv_in", imageChannels, width, 3, side, false);
    push(skips, width, side);
    for (int level = 0; level < levels; level++) {
      String block = "down_blocks." + level;
      for (int j = 0; j < spec.resBlocks(); j++) {
        resnet(block + ".resnets." + j, width, widths.get(level), side);
        width = widths.get(level);
        if (spec.attentionResolutions().contains(side)) {
          attention(block + ".attentions." + j, width, side);
        }
        push(skips, width, side);
      }
      if (level < levels - 1) {
        side /= 2;
        line("h = torch.constant_pad_nd(h, [0, 1, 0, 1], 0.)"); // right and bottom, as DDPM
        downsample(block + ".downsamplers.0.conv", width, side);
        push(skips, width, side);
      }
    }
    resnet("mid_block.resnets.0", width, width, side);
    attention("mid_block.attentions.0", width, side);
    resnet("mid_block.resnets.1", width, width, side);
    for (int level = levels - 1; level >= 0; level--) {
      String block = "up_blocks." + (levels - 1 - level);
      for (int j = 0; j <= spec.resBlocks(); j++) {
        Skip skip = skips.pop();
        line("h = torch.cat([h, %s], 1)", skip.variable());
        alive((width + 2L * skip.width()) * side * side);
        held -= (long) skip.width() * side * side;
        resnet(block + ".resnets." + j, width + skip.width(), widths.get(level), side);
        width = widths.get(level);
        if (spec.attentionResolutions().contains(side)) {
          attention(block + ".attentions." + j, width, side);
        }
      }
      if (level > 0) {
        side *= 2;
        line("h = torch.upsample_nearest2d(h, None, [2., 2.])");
        conv(block + ".upsamplers.0.conv", width, width, 3, side, false);
      }
    }
    norm("conv_norm_out", width);
    line("h = torch.silu(h)");
    conv("conv_out", width, imageChannels, 3, side, true);
    line("return h");
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

  String body() {
    return body.toString();
  }

  private void push(Deque<Skip> skips, int width, int side) {
    held += (long) width * side * side;
    Skip skip = new Skip("skip" + skips.size(), width);
    line("%s = h", skip.variable());
    skips.push(skip);
  }

  // Vaswani et al. 2017, section 3.5, in float32 and in the order of operations of diffusers.
  private void timeEmbedding() {
    int half = spec.channels() / 2;
    int width = 4 * spec.channels();
    line(
        "e = torch.arange(0, %d, 1, dtype=6, layout=None, device=ops.prim.device(x), pin_memory=None)",
        half);
    line("e = torch.exp(torch.div(torch.mul(e, %s), %d))", -Math.log(MAX_PERIOD), half - 1);
    line("e = torch.mul(torch.unsqueeze(torch.to(t, 6), 1), torch.unsqueeze(e, 0))");
    line("e = torch.cat([torch.sin(e), torch.cos(e)], -1)");
    linear("time_embedding.linear_1", "e", "e", spec.channels(), width, 1, false);
    line("e = torch.silu(e)");
    linear("time_embedding.linear_2", "e", "e", width, width, 1, false);
    line("e = torch.silu(e)"); // every residual block starts with it
  }

  private void resnet(String name, int in, int out, int side) {
    line("r = h");
    held += (long) in * side * side;
    norm(name + ".norm1", in);
    line("h = torch.silu(h)");
    conv(name + ".conv1", in, out, 3, side, false);
    linear(name + ".time_emb_proj", "e", "b", 4 * spec.channels(), out, 1, false);
    line("h = torch.add(h, torch.unsqueeze(torch.unsqueeze(b, 2), 3))");
    norm(name + ".norm2", out);
    line("h = torch.silu(h)");
    if (spec.dropout() > 0) {
      line(DROPOUT_LINE + "h, %s, True)", spec.dropout());
    }
    conv(name + ".conv2", out, out, 3, side, true);
    if (in != out) {
      line("b = h");
      line("h = r");
      conv(name + ".conv_shortcut", in, out, 1, side, false);
      line("h = torch.add(h, b)");
    } else {
      line("h = torch.add(r, h)");
    }
    held -= (long) in * side * side;
  }

  /** Notes that an operation needs {@code elements} of one image beside what is held. */
  private void alive(long elements) {
    peak = Math.max(peak, held + elements);
  }

  private void attention(String name, int width, int side) {
    int heads = spec.attentionHeads();
    if (width % heads != 0) {
      throw new IllegalArgumentException(
          "network.attentionHeads (%d) must divide the width of every level with attention, found %d."
              .formatted(heads, width));
    }
    long tokens = (long) side * side;
    line("r = h");
    norm(name + ".group_norm", width);
    line("h = torch.transpose(torch.flatten(h, 2), 1, 2)"); // [N, H*W, C]
    for (String role : List.of("q", "k", "v")) {
      linear(name + ".to_" + role, "h", role, width, width, tokens, false);
      line(
          "%s = torch.transpose(torch.unflatten(%s, 2, [%d, %d]), 1, 2)", // [N, heads, H*W,
          // C/heads]
          role, role, heads, width / heads);
    }
    line("h = torch.scaled_dot_product_attention(q, k, v, None, 0., False)");
    line("h = torch.flatten(torch.transpose(h, 1, 2), 2)"); // [N, H*W, C]
    linear(name + ".to_out.0", "h", "h", width, width, tokens, true);
    line("h = torch.add(r, torch.reshape(torch.transpose(h, 1, 2), torch.size(r)))");
    alive(6 * tokens * width); // residual, q, k, v, their product and its transpose
    attentionMacs += 2 * tokens * tokens * width; // q kᵀ, and its product with v
  }

  private void norm(String name, int width) {
    int groups = spec.groupsFor(width);
    if (width % groups != 0) {
      throw new IllegalArgumentException(
          "network.groups (%d) must divide the width of every layer, found %d."
              .formatted(groups, width));
    }
    weight(name + ".weight", new Constant(1), width);
    weight(name + ".bias", new Constant(0), width);
    line(
        "h = torch.group_norm(h, %d, self.%s, self.%s, %s, True)",
        groups, attribute(name + ".weight"), attribute(name + ".bias"), NORM_EPS);
  }

  private void conv(String name, int in, int out, int kernel, int side, boolean startAtZero) {
    convolution(name, in, out, kernel, side, 1, kernel / 2, startAtZero);
  }

  private void downsample(String name, int width, int side) {
    convolution(name, width, width, 3, side, 2, 0, false);
  }

  private void convolution(
      String name, int in, int out, int kernel, int side, int stride, int pad, boolean zero) {
    long fanIn = (long) in * kernel * kernel;
    UNet.Initialiser initialiser = zero ? new Constant(0) : new KaimingUniform(fanIn);
    weight(name + ".weight", initialiser, out, in, kernel, kernel);
    weight(name + ".bias", initialiser, out);
    line(
        "h = torch.conv2d(h, self.%s, self.%s, [%d, %d], [%d, %d], [1, 1], 1)",
        attribute(name + ".weight"), attribute(name + ".bias"), stride, stride, pad, pad);
    macs += fanIn * out * side * side;
    // Twice: as they are and in the layout of the convolution's kernel.
    alive(2 * ((long) in * stride * stride + out) * side * side);
  }

  private void linear(
      String name, String input, String output, int in, int out, long rows, boolean startAtZero) {
    UNet.Initialiser initialiser = startAtZero ? new Constant(0) : new KaimingUniform(in);
    weight(name + ".weight", initialiser, out, in);
    weight(name + ".bias", initialiser, out);
    line(
        "%s = torch.linear(%s, self.%s, self.%s)",
        output, input, attribute(name + ".weight"), attribute(name + ".bias"));
    macs += rows * in * out;
  }

  private void weight(String name, UNet.Initialiser initialiser, long... shape) {
    weights.add(new Weight(name, Arrays.stream(shape).boxed().toList(), initialiser));
  }

  private static String attribute(String name) {
    return name.replace(".", "__");
  }

  private void line(String format, Object... arguments) {
    body.append(String.format(Locale.ROOT, format, arguments)).append('\n');
  }
}
