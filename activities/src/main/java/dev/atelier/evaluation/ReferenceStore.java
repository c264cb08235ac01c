package dev.atelier.evaluation;

import dev.atelier.workflows.EvaluationActivities.MeasureReference;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.StatisticsRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** Where extractors and the statistics of references are kept, by their content. */
public interface ReferenceStore {

  ExtractorRef keep(ExtractorFile extractor);

  /** Statistics that were measured before of the same dataset in the same way. */
  Optional<StatisticsRef> measured(MeasureReference task);

  /**
   * Keeps what was measured of a dataset.
   *
   * @param images in it
   */
  StatisticsRef keepMeasured(MeasureReference task, Path statistics, int images) throws IOException;

  /** Keeps statistics that a spec names. */
  StatisticsRef keepGiven(Path file, ReferenceStatistics statistics);
}
