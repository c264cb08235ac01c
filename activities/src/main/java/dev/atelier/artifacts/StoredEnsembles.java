package dev.atelier.artifacts;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.objects.ObjectCorruptException;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.training.Ensembles;
import dev.atelier.workflows.EnsembleRef;
import dev.atelier.workflows.ModelRef;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Lists of models as objects, by content hash. */
public final class StoredEnsembles implements Ensembles {

  private static final ObjectMapper JSON = new ObjectMapper().registerModule(new Jdk8Module());

  private final ObjectStore store;

  public StoredEnsembles(ObjectStore store) {
    this.store = store;
  }

  @Override
  public EnsembleRef.Part keep(String experimentId, List<ModelRef> models) {
    byte[] content;
    try {
      content = JSON.writeValueAsBytes(models);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Cannot write models as JSON.", e);
    }
    String sha256 = Sha256.of(content);
    String key = ExperimentKeys.models(experimentId, sha256);
    store.put(key, content, "application/json");
    return new EnsembleRef.Part(key, sha256, models.size());
  }

  /**
   * The models in order of their ranges.
   *
   * @throws ObjectCorruptException if a part is missing or is not what was kept
   */
  @Override
  public List<ModelRef> read(EnsembleRef ensemble) {
    List<ModelRef> models = new ArrayList<>();
    for (EnsembleRef.Part part : ensemble.parts()) {
      models.addAll(read(part));
    }
    return models;
  }

  private List<ModelRef> read(EnsembleRef.Part part) {
    byte[] content =
        store
            .get(part.objectKey())
            .orElseThrow(
                () ->
                    new ObjectCorruptException(
                        "Cannot read object '%s': it does not exist.".formatted(part.objectKey())));
    String found = Sha256.of(content);
    if (!found.equals(part.sha256())) {
      throw new ObjectCorruptException(
          "Cannot read object '%s': expected sha256 %s, found %s."
              .formatted(part.objectKey(), part.sha256(), found));
    }
    try {
      return JSON.readValue(content, new TypeReference<>() {});
    } catch (IOException e) {
      throw new ObjectCorruptException(
          "Cannot read object '%s': %s".formatted(part.objectKey(), e.getMessage()));
    }
  }
}
