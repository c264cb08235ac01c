package dev.atelier.artifacts;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.evaluation.ClipFolder;
import dev.atelier.evaluation.ExtractorFile;
import dev.atelier.evaluation.FolderListing;
import dev.atelier.evaluation.ReferenceStatistics;
import dev.atelier.evaluation.ReferenceStore;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.Sha256;
import dev.atelier.version.CodeVersion;
import dev.atelier.version.Fingerprint;
import dev.atelier.workflows.ClipRef;
import dev.atelier.workflows.EvaluationActivities.MeasureReference;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.ObjectRef;
import dev.atelier.workflows.PromptsRef;
import dev.atelier.workflows.StatisticsRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/** Extractors and statistics as objects; what was measured is found again by what it was of. */
public record StoredReferences(ObjectStore store) implements ReferenceStore {

  private static final String BINARY = "application/octet-stream";
  private static final ObjectMapper JSON = new ObjectMapper().registerModule(new Jdk8Module());

  @Override
  public ExtractorRef keep(ExtractorFile extractor) {
    String key = ExperimentKeys.extractor(extractor.sha256());
    ObjectRef kept =
        new ContentObjects(store)
            .keep(extractor.path(), new ObjectRef(key, extractor.sha256()), BINARY);
    return new ExtractorRef(extractor.name(), kept.objectKey(), kept.sha256());
  }

  @Override
  public ClipRef keep(ClipFolder clip) throws IOException {
    ContentObjects objects = new ContentObjects(store);
    Map<String, ObjectRef> files = new TreeMap<>();
    for (String name : clip.files()) {
      files.put(name, objects.keep(clip.path().resolve(name), ExperimentKeys::clipFile, BINARY));
    }
    byte[] list = FolderListing.written(files);
    String sha256 = Sha256.of(list);
    String key = ExperimentKeys.clip(sha256);
    store.put(key, list, "application/json");
    return new ClipRef(clip.name(), key, sha256);
  }

  @Override
  public PromptsRef keepPrompts(Path file, int prompts) throws IOException {
    ObjectRef kept =
        new ContentObjects(store).keep(file, ExperimentKeys::prompts, "application/json");
    return new PromptsRef(kept.objectKey(), kept.sha256(), prompts);
  }

  @Override
  public Optional<ObjectRef> embedded(MeasureReference task) {
    return store.get(embeddingsKey(task)).flatMap(this::storedEmbeddings);
  }

  private Optional<ObjectRef> storedEmbeddings(byte[] json) {
    try {
      return Optional.of(JSON.readValue(json, ObjectRef.class))
          .filter(embeddings -> store.exists(embeddings.objectKey()));
    } catch (IOException e) {
      return Optional.empty(); // not what was written: measured again
    }
  }

  @Override
  public ObjectRef keepEmbedded(MeasureReference task, Path file) throws IOException {
    ObjectRef embeddings = keptStatistics(file, ExperimentKeys::statistics);
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
    ObjectRef kept = keptStatistics(file, ExperimentKeys::statistics);
    StatisticsRef statistics = new StatisticsRef(kept.objectKey(), kept.sha256(), images);
    store.put(keyOf(task), JSON.writeValueAsBytes(statistics), "application/json");
    return statistics;
  }

  private ObjectRef keptStatistics(Path file, UnaryOperator<String> keyOf) {
    String sha256 = Sha256.of(file);
    String key = keyOf.apply(sha256);
    store.put(key, file, BINARY);
    return new ObjectRef(key, sha256);
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
    ObjectRef kept = keptStatistics(file, ExperimentKeys::givenStatistics);
    return new StatisticsRef(
        kept.objectKey(),
        kept.sha256(),
        (int) statistics.images().orElse(0),
        statistics.extractorSha256());
  }
}
