package dev.atelier.workflows;

import dev.atelier.spec.ExperimentSpec;
import dev.atelier.workflows.EvaluationActivities.MeasureReference;
import dev.atelier.workflows.EvaluationActivities.PrepareExtractor;
import dev.atelier.workflows.MergingActivities.Measure;
import java.util.Optional;

/** The other side of every comparison: the statistics that the spec names, or the dataset. */
final class Reference {

  private final Experiment experiment;
  private final DatasetRef dataset;
  private final ExtractorRef extractor;
  private final Optional<StatisticsRef> given;

  private Reference(
      Experiment experiment,
      DatasetRef dataset,
      ExtractorRef extractor,
      Optional<StatisticsRef> given) {
    this.experiment = experiment;
    this.dataset = dataset;
    this.extractor = extractor;
    this.given = given;
  }

  /** Fetches and checks what the evaluation needs. */
  static Reference prepare(Experiment experiment, DatasetRef dataset) {
    ExperimentSpec spec = experiment.spec();
    PrepareExtractor task =
        new PrepareExtractor(
            experiment.id(), spec.evaluation(), dataset, spec.merge(), spec.search());
    experiment.turns().await(task);
    ExtractorRef extractor = experiment.evaluation("feature extractor").prepareExtractor(task);
    Optional<StatisticsRef> given =
        spec.evaluation()
            .reference()
            .map(source -> statistics("statistics of " + source, experiment, dataset, extractor));
    return new Reference(experiment, dataset, extractor, given);
  }

  /**
   * How a distance to it is measured; runs the dataset through the extractor if nothing is given.
   */
  Measure measure() {
    return new Measure(
        dataset,
        experiment.spec().diffusion(),
        experiment.spec().evaluation(),
        extractor,
        given.orElseGet(
            () -> statistics("features of the dataset", experiment, dataset, extractor)),
        experiment.spec().students().loss().guidance().isPresent());
  }

  /** The same of the dataset as networks see it, which changes nothing of its images. */
  Reference seenAs(DatasetRef encoded) {
    return new Reference(experiment, encoded, extractor, given);
  }

  private static StatisticsRef statistics(
      String summary, Experiment experiment, DatasetRef dataset, ExtractorRef extractor) {
    MeasureReference task =
        new MeasureReference(
            experiment.id(),
            dataset.seenAs(Optional.empty()),
            experiment.spec().evaluation(),
            extractor);
    experiment.turns().await(task);
    return experiment.evaluation(summary).measureReference(task);
  }
}
