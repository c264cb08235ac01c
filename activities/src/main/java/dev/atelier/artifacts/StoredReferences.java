package dev.atelier.artifacts;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.evaluation.ClipFolder;
import dev.atelier.evaluation.ExtractorFile;
import dev.atelier.evaluation.ReferenceStatistics;
import dev.atelier.evaluation.ReferenceStore;
import dev.atelier.evaluation.StoredFile;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.ObjectStore;
import dev.atelier.store.Sha256;
import dev.atelier.version.CodeVersion;
import dev.atelier.version.Fingerprint;
import dev.atelier.workflows.ClipRef;
import dev.atelier.workflows.EvaluationActivities.MeasureReference;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.PromptsRef;
import dev.atelier.workflows.StatisticsRef;
import dev.atelier.workflows.StatisticsRef.Embeddings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

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
  public ClipRef keep(ClipFolder clip) throws IOException {
    Map<String, StoredFile> files = new TreeMap<>();
    for (String name : clip.files()) {
      Path file = clip.path().resolve(name);
      String sha256 = Sha256.of(file);
      String key = ExperimentKeys.clipFile(sha256);
      if (!store.exists(key)) {
        store.put(key, file, "application/octet-stream");
      }
      files.put(name, new StoredFile(key, sha256));
    }
    byte[] list = StoredFile.written(files);
    String sha256 = Sha256.of(list);
    String key = ExperimentKeys.clip(sha256);
    store.put(key, list, "application/json");
    return new ClipRef(clip.name(), key, sha256);
  }

  @Override
  public PromptsRef keepPrompts(Path file, int prompts) throws IOException {
    String sha256 = Sha256.of(file);
    String key = ExperimentKeys.prompts(sha256);
    if (!store.exists(key)) {
      store.put(key, file, "application/json");
    }
    return new PromptsRef(key, sha256, prompts);
  }

  @Override
  public Optional<Embeddings> embedded(MeasureReference task) {
    return store.get(embeddingsKey(task)).flatMap(this::storedEmbeddings);
  }

  private Optional<Embeddings> storedEmbeddings(byte[] json) {
    try {
      return Optional.of(JSON.readValue(json, Embeddings.class))
          .filter(embeddings -> store.exists(embeddings.objectKey()));
    } catch (IOException e) {
      return Optional.empty(); // not what was written: measured again
    }
  }

  @Override
  public Embeddings keepEmbedded(MeasureReference task, Path file) throws IOException {
    String sha256 = Sha256.of(file);
    String key = ExperimentKeys.statistics(sha256);
    store.put(key, file, "application/octet-stream");
    Embeddings embeddings = new Embeddings(key, sha256);
    store.put(embeddingsKey(task), JSON.writeValueAsBytes(embeddings), "application/json");
    return embeddings;
  }

  /** By what the embeddings of a dataset depend on. */
  private static String embeddingsKey(MeasureReference task) {
    record Inputs(String dataset, String clip) {}
    return ExperimentKeys.measuredStatistics(
        Fingerprint.of(
            new Inputs(task.dataset().sha256(), task.extractor().clip().orElseThrow().sha256()),
            CodeVersion.MEASURING.current()));
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
