package dev.atelier.network;

/**
 * One operation of a network: reads named values and makes the value {@code out}. A network is a
 * list of them in order, so that its forward pass, its backward pass and its layouts in memory can
 * be written from one description. Feature maps are [N, C, H, W], embeddings [N, C].
 */
sealed interface Operation {

  /** Name of the value it makes; each is made once. */
  String out();

  /** Sines and cosines of the timestep. Vaswani et al. 2017, section 3.5. */
  record Sinusoid(String out, int width) implements Operation {}

  /** {@code in + W[y]}: the row of each sample's class. */
  record AddClass(String out, String in, String layer) implements Operation {}

  /** {@code in Wᵀ + b}. */
  record Linear(String out, String in, String layer) implements Operation {}

  /** {@code in · sigmoid(in)} of an embedding. */
  record Silu(String out, String in) implements Operation {}

  /** A square convolution from {@code inWidth} channels to {@code width} with side². */
  record Convolution(
      String out,
      String in,
      String layer,
      int inWidth,
      int width,
      int side,
      int kernel,
      int stride,
      int padding)
      implements Operation {}

  /** Group norm over a feature map of {@code width} channels and side², then SiLU if asked. */
  record GroupNorm(
      String out, String in, String layer, int groups, int width, int side, boolean silu)
      implements Operation {}

  /** Adds an embedding to each pixel; {@code in} is not read again. */
  record AddEmbedding(String out, String in, String embedding) implements Operation {}

  /** {@code branch + residual}; {@code branch} is not read again. */
  record AddResidual(String out, String branch, String residual) implements Operation {}

  /** Joins channels. */
  record Concatenate(String out, String first, String second, int firstWidth, int secondWidth)
      implements Operation {}

  /** One row below and one column to the right, of zeros: DDPM's padding before a downsampling. */
  record PadRightBottom(String out, String in, int side) implements Operation {}

  /** Doubles the side by nearest neighbours. */
  record Upsample(String out, String in) implements Operation {}

  /** Self-attention over the pixels: to_q, to_k, to_v, softmax, to_out.0. */
  record Attention(String out, String in, String layer, int heads, int width, int side)
      implements Operation {}

  /** Sets elements to 0 with {@code probability}, in training only. */
  record Dropout(String out, String in, double probability) implements Operation {}
}
