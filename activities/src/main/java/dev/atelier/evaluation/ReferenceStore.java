package dev.atelier.evaluation;

import dev.atelier.workflows.ClipRef;
import dev.atelier.workflows.EvaluationActivities.MeasureReference;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.ObjectRef;
import dev.atelier.workflows.PromptsRef;
import dev.atelier.workflows.StatisticsRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** Where extractors and the statistics of references are kept, by their content. */
public interface ReferenceStore {

  ExtractorRef keep(ExtractorFile extractor);

  /** Keeps the files of a CLIP model. */
  ClipRef keep(ClipFolder clip) throws IOException;

  /**
   * Keeps what samples may show.
   *
   * @param file that {@link PromptSource#write} wrote
   * @param prompts number of things in it
   */
  PromptsRef keepPrompts(Path file, int prompts) throws IOException;

  /** What the task's CLIP model told before of the same dataset. */
  Optional<ObjectRef> embedded(MeasureReference task);

  /** Keeps what the task's CLIP model tells of the dataset. */
  ObjectRef keepEmbedded(MeasureReference task, Path file) throws IOException;

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
