package dev.atelier.artifacts;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.evaluation.ExtractorFile;
import dev.atelier.evaluation.ReferenceStatistics;
import dev.atelier.evaluation.ReferenceStore;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.ObjectStore;
import dev.atelier.store.Sha256;
import dev.atelier.version.CodeVersion;
import dev.atelier.version.Fingerprint;
import dev.atelier.workflows.EvaluationActivities.MeasureReference;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.StatisticsRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** Extractors and statistics as objects; what was measured is found again by what it was of. */
public record StoredReferences(ObjectStore store) implements ReferenceStore {

  private static final ObjectMapper JSON = new ObjectMapper().registerModule(new Jdk8Module());

  @Override
  public ExtractorRef keep(ExtractorFile extractor) {
    String key = ExperimentKeys.extractor(extractor.sha256());
    if (!store.exists(key)) {
      store.put(key, extractor.path(), "application/octet-stream");
    }
    return new ExtractorRef(extractor.name(), key, extractor.sha256());
  }

  @Override
  public Optional<StatisticsRef> measured(MeasureReference task) {
    return store.get(keyOf(task)).flatMap(this::stored);
  }

  /** If their object is still there. */
  private Optional<StatisticsRef> stored(byte[] json) {
    try {
      return Optional.of(JSON.readValue(json, StatisticsRef.class))
          .filter(statistics -> store.exists(statistics.objectKey()));
    } catch (IOException e) {
      return Optional.empty(); // not what was written: measured again
    }
  }

  @Override
  public StatisticsRef keepMeasured(MeasureReference task, Path file, int images)
      throws IOException {
    String sha256 = Sha256.of(file);
    String key = ExperimentKeys.statistics(sha256);
    store.put(key, file, "application/octet-stream");
    StatisticsRef statistics = new StatisticsRef(key, sha256, images);
    store.put(keyOf(task), JSON.writeValueAsBytes(statistics), "application/json");
    return statistics;
  }

  /** By what the statistics of a dataset depend on. */
  private static String keyOf(MeasureReference task) {
    record Inputs(String dataset, String extractor, Optional<Integer> resizeTo) {}
    return ExperimentKeys.measuredStatistics(
        Fingerprint.of(
            new Inputs(
                task.dataset().sha256(),
                task.extractor().sha256(),
                task.evaluation().extractor().resizeTo()),
            CodeVersion.MEASURING.current()));
  }

  @Override
  public StatisticsRef keepGiven(Path file, ReferenceStatistics statistics) {
    String sha256 = Sha256.of(file);
    String key = ExperimentKeys.givenStatistics(sha256);
    store.put(key, file, "application/octet-stream");
    return new StatisticsRef(
        key, sha256, (int) statistics.images().orElse(0), statistics.extractorSha256());
  }
}
