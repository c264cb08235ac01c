package dev.atelier.evaluation;

/** One pass over a set of images that gives all that metrics need of them. */
public final class FeaturePass {

  private final FeatureExtractor extractor;
  private final boolean classes;
  private final FeatureAccumulator measured;

  private FeaturePass(
      int images, boolean classes, FeatureExtractor extractor, LinearAlgebra algebra) {
    this.extractor = extractor;
    this.classes = classes;
    this.measured =
        new FeatureAccumulator(
            images,
            extractor.dimension(),
            classes ? extractor.classes() : 0,
            extractor.classOutputs(),
            algebra);
  }

  /** A pass over {@code images} samples in all. */
  public static FeaturePass ofSamples(
      int images, FeatureExtractor extractor, LinearAlgebra algebra) {
    return new FeaturePass(images, extractor.classes() > 0, extractor, algebra);
  }

  /** A pass over {@code images} reference images in all, which need no class score. */
  public static FeaturePass ofReference(
      int images, FeatureExtractor extractor, LinearAlgebra algebra) {
    return new FeaturePass(images, false, extractor, algebra);
  }

  /**
   * Adds the next images, as {@link FeatureExtractor#features} takes them.
   *
   * @throws ExtractorException if a feature is not a finite number
   */
  public void add(byte[] chw, int count, int channels, int resolution) {
    if (classes) {
      FeatureExtractor.Outputs outputs = extractor.outputs(chw, count, channels, resolution);
      measured.add(outputs.features(), outputs.classes());
    } else {
      measured.add(extractor.features(chw, count, channels, resolution), new float[0]);
    }
  }

  /**
   * The result.
   *
   * @throws IllegalStateException if images are missing
   */
  public MeasuredFeatures result() {
    return measured.result();
  }
}
