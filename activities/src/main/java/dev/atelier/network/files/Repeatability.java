package dev.atelier.network.files;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Whether a stranger's network is a function of each image alone: asked twice, in batches of two
 * sizes and more, it gives the same.
 *
 * <p>What two answers differ by is the root mean square over all values, relative to their spread
 * (the root mean square about their mean over the images): that is what distances see. Noise of
 * relative size r adds r² of the features' variance to a Fréchet distance, so that what passes here
 * as float32 changes it by a millionth of that variance.
 */
public final class Repeatability {

  /** How exactly a network computes, told by its values, and what its answers may differ by. */
  enum Precision {
    FLOAT32(1e-3), // unit roundoff 6e-8; healthy networks differ by about 1e-6
    FLOAT16(1e-2), // 5e-4, also TF32, in which accelerators multiply float32; 20 roundings
    BFLOAT16(5e-2); // 4e-3; 13 roundings

    private static final int FLOAT16_REST = 0x1fff; // bits of a float that float16 has not
    private static final int BFLOAT16_REST = 0xffff;

    private final double tolerance;

    Precision(double tolerance) {
      this.tolerance = tolerance;
    }

    /** Values that all fit into fewer bits were computed in them. */
    static Precision of(float[] values, String device) {
      int bits = 0;
      for (float value : values) {
        bits |= Float.floatToRawIntBits(value);
      }
      if ((bits & BFLOAT16_REST) == 0) {
        return BFLOAT16;
      }
      return (bits & FLOAT16_REST) == 0 || !device.equals("cpu") ? FLOAT16 : FLOAT32;
    }
  }

  /** Of the root mean square of the values: answers with less spread are held to it. */
  private static final double LEAST_SPREAD = 1e-2;

  private static final int FIRST_BATCH = 2;

  /** One kind of what a network gives, such as features: [images, D]. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record Answer(String what, float[] values) {}

  /** Asks a network for the values of some of at least three unlike images, all at once. */
  @FunctionalInterface
  public interface Network {
    /**
     * Asks once.
     *
     * @param images numbers of the images
     * @throws UnfitException if it cannot be asked, or gives what it should not
     */
    List<Answer> ask(int... images);
  }

  /** A network cannot be asked, or gives what it should not; the message is a clause. */
  public static final class UnfitException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public UnfitException(String clause) {
      super(clause);
    }

    private UnfitException(String clause, Throwable cause) {
      super(clause, cause);
    }
  }

  private final Network network;
  private final String device;

  private Repeatability(Network network, String device) {
    this.network = network;
    this.device = device;
  }

  /**
   * Asks for images 0 and 1 twice, for image 1 alone, and for 0, 1 and 2.
   *
   * @return the first answer
   * @throws UnfitException if it cannot be asked, or answers differ by more than rounding
   */
  public static List<Answer> probe(Network network, String device) {
    return new Repeatability(network, device).probe();
  }

  private List<Answer> probe() {
    List<Answer> first = network.ask(0, 1);
    compare(
        first,
        0,
        network.ask(0, 1),
        "differ when it is asked again for the same images",
        "it draws at random, such as dropout in training mode: save it after eval()");
    String beside = "of an image depend on what else is in its batch";
    String statistics =
        "it takes statistics of the batch, such as batch normalisation in training mode: save it after eval()";
    compare(first, 1, inBatchOf(1), beside, statistics);
    compare(first, 0, inBatchOf(3), beside, statistics);
    return first;
  }

  private List<Answer> inBatchOf(int images) {
    try {
      return images == 1 ? network.ask(1) : network.ask(0, 1, 2);
    } catch (UnfitException e) {
      throw new UnfitException(
          "it can be asked for %d images at a time but not for %d, expected any number: it was traced at one size of batch (%s)"
              .formatted(FIRST_BATCH, images, e.getMessage()),
          e);
    }
  }

  /** The images that both answers have, {@code from} the first one of {@code first} on. */
  private void compare(
      List<Answer> first, int from, List<Answer> second, String how, String reason) {
    for (int i = 0; i < first.size(); i++) {
      String what = first.get(i).what();
      if (i >= second.size()) {
        throw new UnfitException("it gives %s for some batches only".formatted(what));
      }
      float[] all = first.get(i).values();
      int each = all.length / FIRST_BATCH;
      float[] expected = Arrays.copyOfRange(all, from * each, all.length);
      float[] found = Arrays.copyOf(second.get(i).values(), expected.length);
      double scale = scale(all, each);
      double difference = rootMeanSquare(expected, found);
      double most = Precision.of(all, device).tolerance;
      if (difference > most * scale) {
        throw new UnfitException(
            String.format(
                Locale.ROOT,
                "its %s %s, by %.2g of their spread, expected at most %.2g: %s",
                what,
                how,
                difference / scale,
                most,
                reason));
      }
    }
  }

  /** The spread of rows over the two images, at least a share of their size. */
  private static double scale(float[] rows, int each) {
    double spread = 0;
    double size = 0;
    for (int i = 0; i < each; i++) {
      double half = (rows[i] - (double) rows[each + i]) / 2;
      spread += half * half;
      size += (double) rows[i] * rows[i] + (double) rows[each + i] * rows[each + i];
    }
    return Math.max(
        Math.sqrt(spread / each), LEAST_SPREAD * Math.sqrt(size / (FIRST_BATCH * each)));
  }

  private static double rootMeanSquare(float[] expected, float[] found) {
    double sum = 0;
    for (int i = 0; i < expected.length; i++) {
      double difference = expected[i] - (double) found[i];
      sum += difference * difference;
    }
    return Math.sqrt(sum / expected.length);
  }
}
