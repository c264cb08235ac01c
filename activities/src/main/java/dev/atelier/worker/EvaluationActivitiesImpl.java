package dev.atelier.worker;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.dataset.ImageGrid;
import dev.atelier.dataset.PackedImages;
import dev.atelier.evaluation.Comparison;
import dev.atelier.evaluation.DatasetFeatures;
import dev.atelier.evaluation.Evaluation;
import dev.atelier.evaluation.EvaluationException;
import dev.atelier.evaluation.ExtractorException;
import dev.atelier.evaluation.ExtrapolatedDistance;
import dev.atelier.evaluation.FeatureExtractor;
import dev.atelier.evaluation.FeaturePass;
import dev.atelier.evaluation.FeatureShard;
import dev.atelier.evaluation.KernelDistance;
import dev.atelier.evaluation.LinearAlgebra;
import dev.atelier.evaluation.MeasuredFeatures;
import dev.atelier.evaluation.RandomConvExtractor;
import dev.atelier.evaluation.Reference;
import dev.atelier.evaluation.ReferenceStatistics;
import dev.atelier.evaluation.SamplingMemory;
import dev.atelier.evaluation.SamplingMemory.Measured;
import dev.atelier.network.Libtorch;
import dev.atelier.network.NetworkForm;
import dev.atelier.opening.Opening;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.spec.EvaluationSpec.ExtractorSpec;
import dev.atelier.store.ArtifactHistory;
import dev.atelier.store.EvaluationHistory;
import dev.atelier.store.EvaluationReuse;
import dev.atelier.store.EventHistory;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.ObjectStore;
import dev.atelier.store.ReportHistory;
import dev.atelier.store.Sha256;
import dev.atelier.training.AvailableMemory;
import dev.atelier.training.EnsembleSampler;
import dev.atelier.training.EnsembleSampler.Frames;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.EvaluationActivities;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.Protocol;
import dev.atelier.workflows.ShardRef;
import dev.atelier.workflows.ShardRef.Cost;
import dev.atelier.workflows.StatisticsRef;
import dev.atelier.workflows.vocabulary.EventKind;
import io.micrometer.core.instrument.Metrics;
import io.temporal.activity.Activity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import javax.sql.DataSource;

/** Samples from trained models and measures how far the samples are from the dataset. */
final class EvaluationActivitiesImpl implements EvaluationActivities {

  private static final int TRAJECTORY_IMAGES = 8;
  private static final int TRAJECTORY_FRAMES = 25;
  private static final ObjectMapper JSON = new ObjectMapper().registerModule(new Jdk8Module());

  private final WorkerConfig.Worker config;
  private final ObjectStore store;
  private final EvaluationHistory evaluations;
  private final EventHistory events;
  private final ExperimentFiles files;
  private final EvaluationReuse reuse;
  private final ArtifactCache cache;
  private final Datasets datasets;
  private final TrainedModels models;
  private final Ensembles ensembles;
  private final RemoteSources sources;
  private final Publication publication;
  private final Reporting reporting;
  private final BooleanSupplier draining;

  EvaluationActivitiesImpl(
      WorkerConfig.Worker config,
      ObjectStore store,
      DataSource database,
      ArtifactCache cache,
      BooleanSupplier draining) {
    this.config = config;
    this.store = store;
    this.evaluations = new EvaluationHistory(database);
    this.events = new EventHistory(database);
    ArtifactHistory artifacts = new ArtifactHistory(database);
    this.files = new ExperimentFiles(store, artifacts);
    this.reuse = new EvaluationReuse(database);
    this.cache = cache;
    this.datasets = new Datasets(store, cache);
    this.models = new TrainedModels(store, cache);
    this.ensembles = new Ensembles(store);
    this.sources = new RemoteSources(store, cache);
    this.publication =
        new Publication(store, evaluations, artifacts, events, cache, models, ensembles);
    this.reporting = new Reporting(store, new ReportHistory(database), evaluations, artifacts);
    this.draining = draining;
  }

  @Override
  public ExtractorRef prepareExtractor(PrepareExtractor task) {
    return Failures.translating(
        () -> {
          try (Heartbeat heartbeat = new Heartbeat(Activity.getExecutionContext());
              WorkDirectory work = cache.newWorkDirectory("extractor-")) {
            ExtractorSpec wanted = task.evaluation().extractor();
            heartbeat.describe(wanted::source);
            boolean builtIn = wanted.source().equals(ExtractorSpec.RANDOM_CONV);
            Path file = work.path().resolve("extractor.pt");
            String name = RandomConvExtractor.NAME;
            if (builtIn) {
              RandomConvExtractor.write(file);
            } else {
              Path source = fetch(task.experimentId(), "Extractor", wanted.source());
              name = source.getFileName().toString();
              Files.copy(source, file); // what is tried is what is kept
            }
            Libtorch.useThreads(config.threads());
            String sha256 = Sha256.of(file);
            if (!builtIn) {
              try {
                cache
                    .opener()
                    .open(
                        new Opening.Extractor(
                            file, name, sha256, wanted.resizeTo(), task.dataset().resolution()),
                        work.path(),
                        heartbeat::throwIfEnded);
              } catch (ExtractorException e) {
                throw new ExtractorException(
                    sources(task.experimentId()).unusable(wanted.source(), e.getMessage()), e);
              }
            }
            try (FeatureExtractor extractor =
                FeatureExtractor.open(
                    file,
                    name,
                    sha256,
                    wanted.resizeTo(),
                    task.dataset().resolution(),
                    config.device())) {
              requireEnoughImages(task, extractor.dimension());
            }
            String key = ExperimentKeys.extractor(sha256);
            if (!store.exists(key)) {
              store.put(key, file, "application/octet-stream");
            }
            return new ExtractorRef(name, key, sha256);
          }
        });
  }

  /** What would fail at the evaluation fails now. */
  private static void requireEnoughImages(PrepareExtractor task, int dimension) {
    EvaluationSpec evaluation = task.evaluation();
    DatasetRef dataset = task.dataset();
    MeasuredFeatures.requireEnough("evaluation.samples", evaluation.samples(), dimension);
    if (evaluation.reference().isEmpty()) {
      MeasuredFeatures.requireEnough("images in the dataset", dataset.images(), dimension);
      KernelDistance.requireSubsets(
          evaluation.kidSubsetSize(), evaluation.samples(), dataset.images());
    }
    if (task.merge().searches()) {
      ExtrapolatedDistance.requireEnough("merge.samples", task.merge().samples(), dimension);
    }
    if (task.search().wanted()) {
      ExtrapolatedDistance.requireEnough("search.samples", task.search().samples(), dimension);
    }
  }

  private DatasetPreparation sources(String experimentId) {
    return new DatasetPreparation(
        cache.downloads(), sources::fetch, new SourceNotices(events, experimentId), cache.guard());
  }

  private Path fetch(String experimentId, String what, String source) {
    try {
      Path file = sources(experimentId).fetch(source);
      if (!Files.isRegularFile(file)) {
        throw new IOException("'%s' is not a file.".formatted(file));
      }
      return file;
    } catch (IOException | RuntimeException e) {
      throw new ExtractorException(
          "%s '%s' cannot be fetched: %s"
              .formatted(what, DatasetPreparation.shown(source), e.getMessage()),
          e);
    }
  }

  @Override
  public StatisticsRef measureReference(MeasureReference task) {
    return Failures.translating(
        () -> {
          AtomicReference<String> doing = new AtomicReference<>("starting");
          try (Heartbeat heartbeat = new Heartbeat(Activity.getExecutionContext());
              WorkDirectory work = cache.newWorkDirectory("reference-")) {
            heartbeat.describe(doing::get);
            EvaluationSpec evaluation = task.evaluation();
            Libtorch.useThreads(config.threads());
            if (evaluation.reference().isPresent()) {
              return givenReference(evaluation.reference().get(), task, work.path(), heartbeat);
            }
            String measured = ExperimentKeys.measuredStatistics(inputsOf(task));
            Optional<StatisticsRef> known = store.get(measured).flatMap(this::stored);
            if (known.isPresent()) {
              return known.get();
            }
            PackedImages images = datasets.open(task.dataset());
            Path file = work.path().resolve("statistics.safetensors");
            try (FeatureExtractor extractor =
                    open(task.extractor(), evaluation, images.resolution());
                LinearAlgebra algebra = new LinearAlgebra()) {
              Reference.of(
                      DatasetFeatures.measure(
                          images,
                          evaluation.batchSize(),
                          FeaturePass.ofReference(images.count(), extractor, algebra),
                          done -> {
                            doing.set("%d of %d images".formatted(done, images.count()));
                            stopIfAsked(heartbeat);
                          }))
                  .write(file);
            }
            String sha256 = Sha256.of(file);
            String key = ExperimentKeys.statistics(sha256);
            store.put(key, file, "application/octet-stream");
            StatisticsRef statistics = new StatisticsRef(key, sha256, images.count());
            store.put(measured, JSON.writeValueAsBytes(statistics), "application/json");
            return statistics;
          }
        });
  }

  /** What the statistics of a dataset depend on. */
  private static String inputsOf(MeasureReference task) {
    record Inputs(String dataset, String extractor, Optional<Integer> resizeTo) {}
    return Fingerprint.of(
        new Inputs(
            task.dataset().sha256(),
            task.extractor().sha256(),
            task.evaluation().extractor().resizeTo()),
        CodeVersion.MEASURING.current());
  }

  /** Statistics that were measured before, if their object is still there. */
  private Optional<StatisticsRef> stored(byte[] json) {
    try {
      return Optional.of(JSON.readValue(json, StatisticsRef.class))
          .filter(statistics -> store.exists(statistics.objectKey()));
    } catch (IOException e) {
      return Optional.empty(); // not what was written: measured again
    }
  }

  private StatisticsRef givenReference(
      String source, MeasureReference task, Path work, Heartbeat heartbeat) throws IOException {
    Path found = fetch(task.experimentId(), "Reference statistics", source);
    // What is tried is what is kept; under its own name, which messages have.
    Path file =
        Files.copy(
            found,
            Files.createDirectory(work.resolve("given")).resolve(found.getFileName().toString()));
    try {
      cache.opener().open(new Opening.Statistics(file), work, heartbeat::throwIfEnded);
    } catch (EvaluationException e) {
      throw new EvaluationException(
          sources(task.experimentId()).unusable(source, e.getMessage()), e);
    }
    ReferenceStatistics statistics =
        ReferenceStatistics.read(file).madeBy(source, task.evaluation().referenceExtractor());
    try (FeatureExtractor extractor =
        open(task.extractor(), task.evaluation(), task.dataset().resolution())) {
      statistics.requireExtractor(
          source, task.extractor().name(), task.extractor().sha256(), extractor.dimension());
    }
    String sha256 = Sha256.of(file);
    String key = ExperimentKeys.givenStatistics(sha256);
    store.put(key, file, "application/octet-stream");
    return new StatisticsRef(
        key, sha256, (int) statistics.images().orElse(0), statistics.extractorSha256());
  }

  @Override
  public ShardRef sampleShard(SampleShard task) {
    return Failures.translating(
        () -> {
          AtomicReference<String> doing = new AtomicReference<>("starting");
          try (Heartbeat heartbeat = new Heartbeat(Activity.getExecutionContext());
              WorkDirectory work = cache.newWorkDirectory("shard-")) {
            heartbeat.describe(doing::get);
            EvaluationInputs inputs = EvaluationInputs.of(task.subject(), ensembles);
            String key =
                ExperimentKeys.shard(
                    task.subject().experimentId(),
                    inputs.subject().word(),
                    inputs.ofSamples(),
                    task.first(),
                    task.images());
            Optional<ShardRef> done = store.get(described(key)).flatMap(this::storedShard);
            if (done.isPresent()) {
              return done.get();
            }
            reuse.beginEvaluation(task.subject().experimentId(), inputs.subject().word());
            Libtorch.useThreads(config.threads());
            ShardRef shard = sampleShard(task, inputs, key, work.path(), heartbeat, doing);
            store.put(described(key), JSON.writeValueAsBytes(shard), "application/json");
            return shard;
          }
        });
  }

  private static String described(String shardKey) {
    return shardKey + ".json";
  }

  /** A shard whose answer was lost, if its object is still there. */
  private Optional<ShardRef> storedShard(byte[] json) {
    try {
      return Optional.of(JSON.readValue(json, ShardRef.class))
          .filter(shard -> store.exists(shard.objectKey()));
    } catch (IOException e) {
      return Optional.empty(); // not what was written: sampled again
    }
  }

  private ShardRef sampleShard(
      SampleShard task,
      EvaluationInputs inputs,
      String key,
      Path work,
      Heartbeat heartbeat,
      AtomicReference<String> doing)
      throws IOException {
    Evaluate subject = task.subject();
    EvaluationSpec evaluation = subject.evaluation();
    DatasetRef dataset = subject.dataset();
    boolean firstShard = task.first() == 0;
    List<OwnedModel> owned =
        ShardSampling.models(inputs, models, NetworkForm.of(config.device()), work);
    Optional<Measured> memory =
        firstShard ? measureMemory(subject, owned, work, heartbeat) : Optional.empty();
    try (ShardSampling sampling =
            new ShardSampling(
                inputs,
                owned,
                datasets.sampleClasses(dataset, evaluation.classes()),
                config.device(),
                AvailableMemory.forSampling(config.samplingMemoryBytes(), config.device()),
                () -> draining.getAsBoolean() || heartbeat.ended().isPresent());
        FeatureExtractor extractor = open(subject.extractor(), evaluation, dataset.resolution())) {
      if (firstShard) {
        keepGrid(subject, sampling, heartbeat);
        keepTrajectory(subject, sampling.sampler(), heartbeat);
      }
      SamplingSpeed speed = new SamplingSpeed(task.images(), firstShard);
      FeatureShard features =
          sampling.features(
              task.first(),
              task.images(),
              extractor,
              (n, report) -> {
                sampled(n, heartbeat);
                speed.add(n, report.seconds());
                doing.set(
                    "%d of %d samples from %d on"
                        .formatted(speed.images, task.images(), task.first()));
              });
      Path file = work.resolve("shard.safetensors");
      features.write(file);
      store.put(key, file, "application/octet-stream");
      return new ShardRef(
          key,
          Sha256.of(file),
          task.first(),
          task.images(),
          speed.timedImages,
          speed.seconds,
          firstShard
              ? Optional.of(
                  new Cost(
                      sampling.sampler().macsPerStep(),
                      parameters(inputs.models(), dataset),
                      memory.map(Measured::peakBytes),
                      memory.map(Measured::weightsBytes)))
              : Optional.empty());
    }
  }

  /** Of all models, each counted once. */
  private long parameters(List<ModelRef> owners, DatasetRef dataset) {
    Set<String> counted = new HashSet<>();
    return owners.stream()
        .filter(model -> counted.add(model.manifestKey()))
        .mapToLong(model -> models.parameters(model, dataset))
        .sum();
  }

  /** The time of the batches of a shard; the grid, or the first of several, warms up. */
  private static final class SamplingSpeed {

    private final int all;
    private boolean warm;
    private int images;
    private int timedImages;
    private double seconds;

    SamplingSpeed(int all, boolean warm) {
      this.all = all;
      this.warm = warm;
    }

    void add(int n, double took) {
      if (warm || n == all) {
        timedImages += n;
        seconds += took;
      }
      warm = true;
      images += n;
    }
  }

  private void keepGrid(Evaluate subject, ShardSampling sampling, Heartbeat heartbeat)
      throws IOException {
    EvaluationSpec evaluation = subject.evaluation();
    DatasetRef dataset = subject.dataset();
    int images = evaluation.gridRows() * evaluation.gridColumns();
    byte[] grid = sampling.sample(0, images).pixels();
    sampled(images, heartbeat);
    files.keepSamples(
        subject.experimentId(),
        subject.subject().word(),
        ImageGrid.png(
            grid,
            images,
            dataset.channels(),
            dataset.resolution(),
            evaluation.gridRows(),
            evaluation.gridColumns(),
            DatasetActivitiesImpl.scaleFor(dataset.resolution())));
  }

  /** A column per image, a row per frame, and the timesteps of the rows beside it. */
  private void keepTrajectory(Evaluate subject, EnsembleSampler sampler, Heartbeat heartbeat)
      throws IOException {
    DatasetRef dataset = subject.dataset();
    Frames frames =
        sampler.trajectory(
            Math.min(TRAJECTORY_IMAGES, subject.evaluation().samples()),
            TRAJECTORY_FRAMES,
            () -> draining.getAsBoolean() || heartbeat.ended().isPresent());
    stopIfAsked(heartbeat);
    int rows = frames.timesteps().size();
    String label = subject.subject().word();
    files.keepTrajectory(
        subject.experimentId(),
        label,
        "png",
        "image/png",
        ImageGrid.png(
            frames.chw(),
            rows * frames.images(),
            dataset.channels(),
            dataset.resolution(),
            rows,
            frames.images(),
            DatasetActivitiesImpl.scaleFor(dataset.resolution())));
    files.keepTrajectory(
        subject.experimentId(),
        label,
        "json",
        "application/json",
        JSON.writeValueAsBytes(Map.of("timesteps", frames.timesteps())));
  }

  @Override
  public Evaluated combineShards(CombineShards task) {
    return Failures.translating(
        () -> {
          AtomicReference<String> doing = new AtomicReference<>("starting");
          try (Heartbeat heartbeat = new Heartbeat(Activity.getExecutionContext());
              WorkDirectory work = cache.newWorkDirectory("combine-")) {
            heartbeat.describe(doing::get);
            Evaluate subject = task.subject();
            String label = subject.subject().word();
            String fingerprint = EvaluationInputs.of(subject, ensembles).ofFigures();
            if (!task.shards().stream().allMatch(shard -> store.exists(shard.objectKey()))) {
              // Deleted once the figures are stored: an attempt before this one came so far.
              Optional<Double> known = reuse.evaluated(subject.experimentId(), label, fingerprint);
              if (known.isPresent()) {
                discardShards(subject);
                return new Evaluated(subject.subject(), known.get());
              }
            }
            Libtorch.useThreads(config.threads());
            Evaluated evaluated = combine(task, work.path(), heartbeat, doing);
            reuse.recordEvaluated(subject.experimentId(), label, fingerprint);
            discardShards(subject);
            return evaluated;
          }
        });
  }

  private void discardShards(Evaluate subject) {
    store
        .list(ExperimentKeys.shards(subject.experimentId(), subject.subject().word()))
        .forEach(store::delete);
  }

  private Evaluated combine(
      CombineShards task, Path work, Heartbeat heartbeat, AtomicReference<String> doing)
      throws IOException {
    Evaluate subject = task.subject();
    EvaluationSpec evaluation = subject.evaluation();
    Comparison comparison =
        ShardComparison.of(
            task.shards(),
            shard -> {
              stopIfAsked(heartbeat);
              doing.set("shard from sample %d on".formatted(shard.first()));
              Path file = work.resolve("shard.safetensors");
              store.fetch(shard.objectKey(), shard.sha256(), file);
              return file;
            },
            ShardComparison.reference(cache, evaluation, subject.reference()),
            evaluation);
    Cost cost =
        task.shards().stream().flatMap(shard -> shard.cost().stream()).findFirst().orElseThrow();
    double seconds = task.shards().stream().mapToDouble(ShardRef::seconds).sum();
    int timedImages = task.shards().stream().mapToInt(ShardRef::timedImages).sum();
    Protocol protocol = protocol(subject, comparison);
    evaluations.record(
        subject.experimentId(),
        new Evaluation(
            subject.subject().word(),
            protocol.metric(),
            comparison.distance(),
            cost.macsPerStep(),
            cost.parameters(),
            timedImages / seconds,
            cost.peakBytes().orElse(0L),
            JSON.writeValueAsString(protocol),
            comparison.byKey(),
            cost.weightsBytes()));
    return new Evaluated(subject.subject(), comparison.distance());
  }

  /** Empty when it can't be measured, which an event then says: no reason to lose the figures. */
  private Optional<Measured> measureMemory(
      Evaluate task, List<OwnedModel> owned, Path work, Heartbeat heartbeat) {
    EvaluationSpec evaluation = task.evaluation();
    DatasetRef dataset = task.dataset();
    try {
      return Optional.of(
          SamplingMemory.measure(
              new SamplingMemory.Request(
                  owned,
                  task.diffusion(),
                  evaluation.sampler(),
                  Math.min(evaluation.batchSize(), evaluation.samples()),
                  dataset.channels(),
                  dataset.resolution(),
                  dataset.classes(),
                  config.device(),
                  config.threads(),
                  AvailableMemory.forSampling(config.samplingMemoryBytes(), config.device())),
              work,
              () -> draining.getAsBoolean() || heartbeat.ended().isPresent()));
    } catch (IOException e) {
      stopIfAsked(heartbeat);
      events.record(
          task.experimentId(),
          EventKind.MEMORY_NOT_MEASURED,
          "%s: %s".formatted(task.subject().word(), e.getMessage()));
      return Optional.empty();
    }
  }

  /** Counts what was sampled, unless it was to stop. */
  private void sampled(int images, Heartbeat heartbeat) {
    stopIfAsked(heartbeat);
    Metrics.counter("atelier.sampling.images").increment(images);
  }

  private void stopIfAsked(Heartbeat heartbeat) {
    heartbeat.throwIfEnded();
    if (draining.getAsBoolean()) {
      throw new DrainedException();
    }
  }

  private FeatureExtractor open(ExtractorRef extractor, EvaluationSpec evaluation, int resolution) {
    return FeatureExtractor.open(
        cache.file(extractor.objectKey(), extractor.sha256()),
        extractor.name(),
        extractor.sha256(),
        evaluation.extractor().resizeTo(),
        resolution,
        config.device());
  }

  private static Protocol protocol(Evaluate task, Comparison comparison) {
    EvaluationSpec evaluation = task.evaluation();
    ExtractorRef extractor = task.extractor();
    return new Protocol(
        ShardComparison.metricName(extractor, evaluation, task.reference()),
        extractor.name(),
        extractor.sha256(),
        evaluation.extractor().resizeTo(),
        evaluation.samples(),
        task.reference().images(),
        evaluation.reference().isPresent() ? task.reference().sha256() : task.dataset().sha256(),
        Optional.of(evaluation.sampler()),
        Optional.of(evaluation.seed()),
        CodeVersion.together(CodeVersion.SAMPLING, CodeVersion.MEASURING),
        Optional.of(task.dataset().resolution()),
        Optional.of(FeatureExtractor.NORMALISATION),
        Optional.of(task.reference().sha256()),
        comparison.kernel(),
        comparison.classScoreSplits(),
        comparison.neighbours(),
        task.dataset().classes() > 0 ? Optional.of(evaluation.classes()) : Optional.empty());
  }

  @Override
  public void publish(Publish task) {
    Failures.translating(
        () -> {
          try (Heartbeat heartbeat = new Heartbeat(Activity.getExecutionContext())) {
            heartbeat.describe(() -> "writing files");
            publication.publish(task);
            heartbeat.describe(() -> "writing the report");
            reporting.write(task);
            return null;
          }
        });
  }
}
