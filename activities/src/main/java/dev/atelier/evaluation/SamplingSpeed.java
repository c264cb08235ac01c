package dev.atelier.evaluation;

/** The time of the batches of a shard; a grid before them, or the first of several, warms up. */
final class SamplingSpeed {

  private final int all;
  private boolean warm;
  private int images;
  private int timedImages;
  private double seconds;

  /**
   * @param all images of the shard
   * @param warm whether images were sampled before
   */
  SamplingSpeed(int all, boolean warm) {
    this.all = all;
    this.warm = warm;
  }

  void add(int n, double took) {
    if (warm || n == all) {
      timedImages += n;
      seconds += took;
    }
    warm = true;
    images += n;
  }

  int images() {
    return images;
  }

  int timedImages() {
    return timedImages;
  }

  double seconds() {
    return seconds;
  }
}
