package dev.atelier.spec;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * What a U-Net costs, known from its spec alone.
 *
 * @param parameters of an unconditional network
 * @param macs multiply-accumulates of the convolutions and linear layers of one forward pass of one
 *     image; products of attention aside
 */
public record NetworkCost(long parameters, long macs) {

  /** The cost for images of {@code resolution} pixels per side with {@code imageChannels}. */
  public static NetworkCost of(NetworkSpec spec, int resolution, int imageChannels) {
    Count count = new Count(spec);
    List<Integer> widths = spec.widths();
    int levels = widths.size();
    Deque<Integer> skips = new ArrayDeque<>();
    int side = resolution;
    int width = spec.channels();

    int embedding = 4 * spec.channels();
    count.linear(spec.channels(), embedding);
    count.linear(embedding, embedding);
    count.convolution(imageChannels, width, 3, side);
    skips.push(width);
    for (int level = 0; level < levels; level++) {
      for (int block = 0; block < spec.resBlocks(); block++) {
        count.residual(width, widths.get(level), side);
        width = widths.get(level);
        count.attentionWhereWanted(width, side);
        skips.push(width);
      }
      if (level < levels - 1) {
        side /= 2;
        count.convolution(width, width, 3, side);
        skips.push(width);
      }
    }
    count.residual(width, width, side);
    count.attention(width, side);
    count.residual(width, width, side);
    for (int level = levels - 1; level >= 0; level--) {
      for (int block = 0; block <= spec.resBlocks(); block++) {
        count.residual(width + skips.pop(), widths.get(level), side);
        width = widths.get(level);
        count.attentionWhereWanted(width, side);
      }
      if (level > 0) {
        side *= 2;
        count.convolution(width, width, 3, side);
      }
    }
    count.norm(width);
    count.convolution(width, imageChannels, 3, side);
    return new NetworkCost(count.parameters, count.macs);
  }

  private static final class Count {
    private final NetworkSpec spec;
    private long parameters;
    private long macs;

    Count(NetworkSpec spec) {
      this.spec = spec;
    }

    void convolution(int in, int out, int kernel, int outSide) {
      long weights = (long) in * kernel * kernel * out;
      parameters += weights + out;
      macs += weights * outSide * outSide;
    }

    void linear(int in, int out) {
      parameters += (long) in * out + out;
      macs += (long) in * out;
    }

    void norm(int width) {
      parameters += 2L * width;
    }

    void residual(int in, int out, int side) {
      norm(in);
      convolution(in, out, 3, side);
      linear(4 * spec.channels(), out);
      norm(out);
      convolution(out, out, 3, side);
      if (in != out) {
        convolution(in, out, 1, side);
      }
    }

    void attentionWhereWanted(int width, int side) {
      if (spec.attentionResolutions().contains(side)) {
        attention(width, side);
      }
    }

    void attention(int width, int side) {
      norm(width);
      parameters += 4L * (width * (long) width + width);
      macs += 4L * side * side * width * width;
    }
  }
}
