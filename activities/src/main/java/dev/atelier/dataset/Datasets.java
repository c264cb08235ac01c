package dev.atelier.dataset;

import dev.atelier.spec.EvaluationSpec;
import dev.atelier.training.ClassSequence;
import dev.atelier.training.ImageSource;
import dev.atelier.workflows.DatasetRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** Prepared datasets. */
public interface Datasets {

  /** Opens a dataset, fetched on first use. */
  PackedImages open(DatasetRef dataset) throws IOException;

  /** The same as networks see it: with latents in place of pixels, or with texts. */
  ImageSource seen(DatasetRef dataset) throws IOException;

  /**
   * The parts of the pipeline by which networks see a dataset, as a folder; empty: they see pixels
   * and read nothing.
   *
   * @param work the folder is below it
   */
  Optional<Path> parts(DatasetRef dataset, Path work) throws IOException;

  /** The classes of samples that are held against a dataset. */
  ClassSequence sampleClasses(DatasetRef dataset, EvaluationSpec.Classes wanted);
}
