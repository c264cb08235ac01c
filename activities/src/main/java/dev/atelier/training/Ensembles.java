package dev.atelier.training;

import dev.atelier.workflows.EnsembleRef;
import dev.atelier.workflows.ModelRef;
import java.util.List;

/** Lists of models that payloads only name. */
public interface Ensembles {

  /** Keeps a list, by its content. */
  EnsembleRef.Part keep(String experimentId, List<ModelRef> models);

  /** The models in order of their ranges. */
  List<ModelRef> read(EnsembleRef ensemble);
}
