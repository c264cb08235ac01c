package dev.atelier.evaluation;

/**
 * exp E KL(p(y|x) || p(y)) over the classes that an extractor tells; with Inception's it is the
 * Inception score. Salimans et al. 2016, sec. 4. Images are shuffled into splits as torch-fidelity
 * does. Only sums are kept: memory doesn't grow with the number of images.
 */
public final class ClassScore {

  /** Parts over which mean and deviation are taken, with fewer images fewer. */
  public static final int SPLITS = 10;

  static final long SEED = 2020; // torch-fidelity's default

  /** What an extractor tells of an image's class. */
  public enum Outputs {
    NONE,
    LOGITS,
    PROBABILITIES
  }

  private final int splits;
  private final int[] splitOfImage;
  private final int[] counts;
  private final double[] negativeEntropies; // sums over images of sum_y p log p, by split
  private final double[][] marginals; // sums over images of p(y|x), by split
  private int seen;

  /** A score of {@code images} images over {@code classes} classes. */
  ClassScore(int images, int classes) {
    this.splits = Math.min(SPLITS, images);
    this.splitOfImage = new int[images];
    this.counts = new int[splits];
    this.negativeEntropies = new double[splits];
    this.marginals = new double[splits][classes];
    int[] order = new NumpyRandom(SEED).permutation(images);
    for (int split = 0; split < splits; split++) {
      int end = (int) ((split + 1L) * images / splits);
      for (int i = (int) ((long) split * images / splits); i < end; i++) {
        splitOfImage[order[i]] = split;
      }
    }
  }

  public int splits() {
    return splits;
  }

  /** Adds the next images. {@code rows}: [n, classes]. */
  void add(float[] rows, Outputs kind) {
    int classes = marginals[0].length;
    double[] logits = new double[classes];
    for (int first = 0; first < rows.length; first += classes) {
      for (int y = 0; y < classes; y++) {
        double value = rows[first + y];
        logits[y] = kind == Outputs.PROBABILITIES ? Math.log(value) : value;
      }
      addImage(logits);
    }
  }

  private void addImage(double[] logits) {
    double largest = Double.NEGATIVE_INFINITY;
    for (double logit : logits) {
      largest = Math.max(largest, logit);
    }
    double sum = 0;
    for (double logit : logits) {
      sum += Math.exp(logit - largest);
    }
    double logSum = largest + Math.log(sum);
    int split = splitOfImage[seen++];
    counts[split]++;
    for (int y = 0; y < logits.length; y++) {
      double p = Math.exp(logits[y] - logSum);
      if (p > 0) { // 0 log 0 = 0
        negativeEntropies[split] += p * (logits[y] - logSum);
        marginals[split][y] += p;
      }
    }
  }

  /**
   * Mean and deviation over the splits.
   *
   * @throws IllegalStateException if images are missing
   */
  public MeanAndDeviation score() {
    if (seen != splitOfImage.length) {
      throw new IllegalStateException(
          "A class score of %d images needs them all, found %d."
              .formatted(splitOfImage.length, seen));
    }
    double[] scores = new double[splits];
    for (int split = 0; split < splits; split++) {
      double divergence = negativeEntropies[split] / counts[split];
      for (double mass : marginals[split]) {
        double q = mass / counts[split];
        if (q > 0) {
          divergence -= q * Math.log(q);
        }
      }
      scores[split] = Math.exp(divergence);
    }
    return MeanAndDeviation.of(scores);
  }
}
