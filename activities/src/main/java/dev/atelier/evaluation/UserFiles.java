package dev.atelier.evaluation;

import dev.atelier.work.Scope;
import dev.atelier.workflows.EvaluationActivities.MeasureReference;
import dev.atelier.workflows.EvaluationActivities.PrepareExtractor;
import java.io.IOException;
import java.nio.file.Path;

/** Brings what specs name for their evaluation into the directory of the work, opened apart. */
public interface UserFiles {

  /**
   * The extractor, the built-in one too.
   *
   * @throws ExtractorException if it cannot be fetched, or is none
   */
  ExtractorFile extractor(PrepareExtractor task, Scope scope) throws IOException;

  /**
   * A CLIP model.
   *
   * @throws ExtractorException if it cannot be fetched, or is none
   */
  ClipFolder clip(String source, PrepareExtractor task, Scope scope) throws IOException;

  /**
   * What samples may show.
   *
   * @throws ExtractorException if it cannot be fetched
   * @throws EvaluationException if there are no prompts in it
   */
  PromptSource prompts(String source, PrepareExtractor task, Scope scope) throws IOException;

  /**
   * The statistics of the reference, under their own name.
   *
   * @throws ExtractorException if they cannot be fetched
   * @throws EvaluationException if they are none
   */
  Path statistics(String source, MeasureReference task, Scope scope) throws IOException;
}
