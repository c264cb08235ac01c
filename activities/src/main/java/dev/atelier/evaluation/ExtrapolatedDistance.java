package dev.atelier.evaluation;

import dev.atelier.spec.EvaluationSpec;
import java.util.Arrays;

/**
 * The Fréchet distance of a source of samples to a reference, extrapolated to infinitely many
 * samples. The distance of n samples is too large by a part that falls with 1/n and differs between
 * sources, more for those that vary more, so that it cannot rank them; a line through the distances
 * of several n, over 1/n, meets the axis where that part is 0. Chong &amp; Forsyth 2020,
 * "Effectively Unbiased FID and Inception Score and where to find them", section 4.
 *
 * <p>Here the line goes through the distance of all samples, the mean of those of their halves, and
 * the mean of those of their thirds: each image counts equally at each n, and nothing is drawn. The
 * result may be negative where the true distance is small.
 */
public final class ExtrapolatedDistance {

  private static final int BLOCKS = 6; // of which halves and thirds are made
  private static final int MOST_PARTS = 3;

  private final Gaussian reference;
  private final double[] root; // of the reference's covariance
  private final LinearAlgebra algebra;

  public ExtrapolatedDistance(Gaussian reference, LinearAlgebra algebra) {
    this.reference = reference;
    this.root = algebra.root(reference.covariance(), reference.dimension());
    this.algebra = algebra;
  }

  /**
   * Refuses samples that are too few for the line: below D + 1 the distance does not fall with 1/n.
   *
   * @param field that sets the number, for the message
   * @param dimension D
   * @throws EvaluationException if {@code samples} are too few
   */
  public static void requireEnough(String field, int samples, int dimension) {
    int fewest = Math.max(dimension + 1, EvaluationSpec.FEWEST_RANKING_SAMPLES);
    if (samples < fewest) {
      throw new EvaluationException(
          "%s must be at least %d, as fewer images cannot rank candidates by %d features, found %d."
              .formatted(field, fewest, dimension, samples));
    }
  }

  /**
   * Begins to gather the features of one source.
   *
   * @param images in all
   * @throws EvaluationException if they are too few
   */
  public Gathering gather(int images) {
    requireEnough("The number of samples", images, reference.dimension());
    return new Gathering(images);
  }

  /** The features of one source, gathered batch by batch in six blocks. */
  public final class Gathering {
    private final int images;
    private final FeatureStatistics[] blocks = new FeatureStatistics[BLOCKS];
    private int seen;

    private Gathering(int images) {
      this.images = images;
      for (int k = 0; k < BLOCKS; k++) {
        blocks[k] = new FeatureStatistics(reference.dimension());
      }
    }

    /**
     * Adds the next images, [n, D].
     *
     * @throws IllegalArgumentException if they are more than were announced
     */
    public void add(float[] features) {
      int d = reference.dimension();
      int n = features.length / d;
      if (seen + n > images) {
        throw new IllegalArgumentException(
            "The features of %d images were announced, found %d.".formatted(images, seen + n));
      }
      int first = 0;
      while (first < n) {
        int block = block(seen);
        int last = first + 1;
        while (last < n && block(seen + last - first) == block) {
          last++;
        }
        blocks[block].merge(
            algebra.statistics(Arrays.copyOfRange(features, first * d, last * d), d));
        seen += last - first;
        first = last;
      }
    }

    private int block(int image) {
      return (int) ((long) image * BLOCKS / images);
    }

    public boolean complete() {
      return seen == images;
    }

    /**
     * The distance.
     *
     * @throws IllegalStateException if images are missing
     */
    public double distance() {
      if (!complete()) {
        throw new IllegalStateException(
            "The features of %d images were announced, found %d.".formatted(images, seen));
      }
      double[] inverse = new double[MOST_PARTS]; // 1/n
      double[] distance = new double[MOST_PARTS];
      for (int parts = 1; parts <= MOST_PARTS; parts++) {
        for (int part = 0; part < parts; part++) {
          FeatureStatistics statistics = new FeatureStatistics(reference.dimension());
          for (int k = 0; k < BLOCKS / parts; k++) {
            statistics.merge(blocks[part * (BLOCKS / parts) + k]);
          }
          inverse[parts - 1] += 1.0 / statistics.count() / parts;
          distance[parts - 1] += of(statistics) / parts;
        }
      }
      return intercept(inverse, distance);
    }
  }

  /** The Fréchet distance of these samples; not clamped to 0, as rounding cancels in the mean. */
  private double of(FeatureStatistics samples) {
    int d = reference.dimension();
    double[] m1 = samples.mean();
    double[] s1 = samples.covariance();
    double[] m2 = reference.mean();
    double[] s2 = reference.covariance();
    double distance = -2 * algebra.traceSqrt(root, s1, d);
    for (int i = 0; i < d; i++) {
      distance += (m1[i] - m2[i]) * (m1[i] - m2[i]) + s1[i * d + i] + s2[i * d + i];
    }
    return distance;
  }

  /** Where the line of least squares through the points (x, y) meets x = 0. */
  private static double intercept(double[] x, double[] y) {
    double meanX = 0;
    double meanY = 0;
    for (int i = 0; i < x.length; i++) {
      meanX += x[i] / x.length;
      meanY += y[i] / x.length;
    }
    double slope = 0;
    double squares = 0;
    for (int i = 0; i < x.length; i++) {
      slope += (x[i] - meanX) * (y[i] - meanY);
      squares += (x[i] - meanX) * (x[i] - meanX);
    }
    return meanY - slope / squares * meanX;
  }
}
