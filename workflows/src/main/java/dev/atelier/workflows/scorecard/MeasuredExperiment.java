package dev.atelier.workflows.scorecard;

import dev.atelier.spec.ExperimentSpec;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an experiment of a study measured so far.
 *
 * @param at its value on each axis
 */
public record MeasuredExperiment(
    Map<String, String> at, long seed, ExperimentSpec spec, List<Figures> figures) {

  public MeasuredExperiment {
    at = Map.copyOf(at);
    figures = List.copyOf(figures);
  }

  /**
   * The figures of one subject.
   *
   * @param subject a word of {@link dev.atelier.workflows.vocabulary.Subject}
   * @param distanceName what its Fréchet distance is called: FID or another name
   * @param peakMemoryBytes 0: not measured
   * @param metrics by key of {@link dev.atelier.workflows.vocabulary.Metric}
   */
  public record Figures(
      String subject,
      String distanceName,
      double distance,
      Optional<Double> macsPerStep,
      long parameters,
      double imagesPerSecond,
      long peakMemoryBytes,
      Map<String, Double> metrics) {}
}
