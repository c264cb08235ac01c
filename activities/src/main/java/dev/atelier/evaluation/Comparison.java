package dev.atelier.evaluation;

import dev.atelier.workflows.Protocol.Kernel;
import dev.atelier.workflows.Protocol.Neighbours;
import dev.atelier.workflows.vocabulary.Metric;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Every figure that samples and a reference allow, and the part of the protocol that follows from
 * them.
 *
 * @param kernel of the kernel distance; statistics without images allow none
 * @param classScoreSplits of the class score, where the extractor tells classes
 * @param neighbours of precision and recall; statistics without images allow none
 * @param clip the part of a CLIP model, where there is one
 */
public record Comparison(
    Map<Metric, Double> figures,
    Optional<Kernel> kernel,
    Optional<Integer> classScoreSplits,
    Optional<Neighbours> neighbours,
    Optional<ClipComparison> clip) {

  /**
   * Measures.
   *
   * @param kidSubsetSize of the kernel distance; empty: {@link KernelDistance#subsetSize}
   * @throws EvaluationException if either side has too few images
   */
  public static Comparison of(
      MeasuredFeatures samples,
      Reference reference,
      Optional<Integer> kidSubsetSize,
      LinearAlgebra algebra) {
    int dimension = samples.statistics().dimension();
    MeasuredFeatures.requireEnough("samples", samples.statistics().count(), dimension);
    if (reference.images().isPresent()) {
      MeasuredFeatures.requireEnough("reference images", reference.images().getAsLong(), dimension);
    }
    Map<Metric, Double> figures = new LinkedHashMap<>();
    figures.put(
        Metric.FRECHET_DISTANCE,
        FrechetDistance.between(samples.statistics().gaussian(), reference.gaussian(), algebra));
    Optional<Kernel> kernel = Optional.empty();
    Optional<Neighbours> neighbours = Optional.empty();
    if (reference.rows().isPresent()) {
      FeatureRows real = reference.rows().get();
      FeatureRows rows = samples.rows();
      int size = KernelDistance.subsetSize(kidSubsetSize, rows.count(), real.count());
      MeanAndDeviation distance = KernelDistance.between(rows, real, size, algebra);
      figures.put(Metric.KERNEL_DISTANCE, distance.mean());
      figures.put(Metric.KERNEL_DISTANCE_DEVIATION, distance.deviation());
      kernel = Optional.of(new Kernel(KernelDistance.SUBSETS, size, KernelDistance.SEED));
      if (Math.min(rows.count(), real.count()) > PrecisionRecall.NEIGHBOURS) {
        PrecisionRecall near = PrecisionRecall.of(rows, real, algebra);
        figures.put(Metric.PRECISION, near.precision());
        figures.put(Metric.RECALL, near.recall());
        neighbours =
            Optional.of(new Neighbours(PrecisionRecall.NEIGHBOURS, rows.count(), real.count()));
      }
      if (real.count() > DensityCoverage.NEIGHBOURS) {
        DensityCoverage near = DensityCoverage.of(rows, real, algebra);
        figures.put(Metric.DENSITY, near.density());
        figures.put(Metric.COVERAGE, near.coverage());
      }
    }
    samples
        .classScore()
        .map(ClassScore::score)
        .ifPresent(
            score -> {
              figures.put(Metric.CLASS_SCORE, score.mean());
              figures.put(Metric.CLASS_SCORE_DEVIATION, score.deviation());
            });
    return new Comparison(
        figures,
        kernel,
        samples.classScore().map(ClassScore::splits),
        neighbours,
        Optional.empty());
  }

  /** The same with the figures of a CLIP model. */
  Comparison with(ClipComparison measured) {
    Map<Metric, Double> all = new LinkedHashMap<>(figures);
    all.putAll(measured.figures());
    return new Comparison(all, kernel, classScoreSplits, neighbours, Optional.of(measured));
  }

  /** The Fréchet distance. */
  public double distance() {
    return figures.get(Metric.FRECHET_DISTANCE);
  }

  /** Figures by their names in JSON. */
  public Map<String, Double> byKey() {
    Map<String, Double> byKey = new LinkedHashMap<>();
    figures.forEach((metric, value) -> byKey.put(metric.key(), value));
    return byKey;
  }
}
