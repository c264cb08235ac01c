package dev.atelier.dataset;

import dev.atelier.spec.EvaluationSpec;
import dev.atelier.training.ClassSequence;
import dev.atelier.workflows.DatasetRef;
import java.io.IOException;

/** Prepared datasets. */
public interface Datasets {

  /** Opens a dataset, fetched on first use. */
  PackedImages open(DatasetRef dataset) throws IOException;

  /** The classes of samples that are held against a dataset. */
  ClassSequence sampleClasses(DatasetRef dataset, EvaluationSpec.Classes wanted);
}
