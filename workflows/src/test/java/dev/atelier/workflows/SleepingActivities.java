package dev.atelier.workflows;

import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import io.temporal.activity.Activity;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** All activities of an experiment; they only sleep, and answer as long as real ones. */
final class SleepingActivities
    implements DatasetActivities,
        ReuseActivities,
        TrainingActivities,
        AssignmentActivities,
        EvaluationActivities,
        MergingActivities,
        EnsembleActivities,
        HistoryActivities {

  private static final String SHA256 = "0123456789abcdef".repeat(4);
  private static final String PREFIX = "experiments/01-2345678901234567890123/";

  /** Models that diverge, by name. */
  final Set<String> diverging = ConcurrentHashMap.newKeySet();

  /** Models whose training goes on until it is canceled, by name. */
  final Set<String> endless = ConcurrentHashMap.newKeySet();

  /** Models that another experiment trains for a moment, by name. */
  final Set<String> elsewhere = ConcurrentHashMap.newKeySet();

  /** Trainings of students so far. */
  final AtomicInteger attempts = new AtomicInteger();

  /** How often the experiment began to await a retry. */
  final AtomicInteger retryWaits = new AtomicInteger();

  static void sleep() {
    try {
      Thread.sleep(2);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private ModelRef trained(ModelKey key, Optional<NetworkSpec> network, TimestepRange range) {
    sleep();
    if (key.student().isPresent()) {
      attempts.incrementAndGet();
    }
    while (endless.contains(key.value())) {
      Activity.getExecutionContext().heartbeat(null); // throws once it is canceled
      sleep();
    }
    if (diverging.contains(key.value())) {
      throw ErrorType.DIVERGED.failure("Diverged at step 7.", 1);
    }
    return new ModelRef(
            key,
            network,
            range,
            PREFIX + "students/%s/checkpoints/000100000-%s/manifest.json".formatted(key, SHA256),
            SHA256,
            100_000)
        .startedFrom(
            new StartRef(PREFIX + "students/starts/%s.safetensors".formatted(SHA256), SHA256));
  }

  @Override
  public DatasetRef prepare(PrepareDataset task) {
    sleep();
    return new DatasetRef(SHA256, 60_000, 32, 3, 0, 0);
  }

  @Override
  public Found findTeacher(TrainTeacher task) {
    sleep();
    return new Found(Optional.empty());
  }

  @Override
  public Found findStudent(TrainStudent task) {
    sleep();
    if (elsewhere.remove(task.key().value())) {
      throw ErrorType.DONE_ELSEWHERE.retriedAfter(Duration.ofSeconds(5), "Wait.");
    }
    return new Found(Optional.empty());
  }

  @Override
  public FoundEvaluation findEvaluation(Evaluate task) {
    sleep();
    return new FoundEvaluation(Optional.empty());
  }

  @Override
  public ModelRef trainTeacher(TrainTeacher task) {
    return trained(ModelKey.TEACHER, Optional.of(task.network()), new TimestepRange(0, 1000));
  }

  @Override
  public ModelRef importTeacher(ImportTeacher task) {
    return trained(ModelKey.TEACHER, Optional.empty(), new TimestepRange(0, 1000));
  }

  @Override
  public ModelRef trainStudent(TrainStudent task) {
    return trained(task.key(), Optional.of(task.network()), task.range());
  }

  @Override
  public PlannedRanges planRanges(PlanRanges task) {
    sleep();
    List<TimestepRange> ranges = new ArrayList<>();
    for (int k = 0; k < task.students(); k++) {
      ranges.add(new TimestepRange(k, k + 1 < task.students() ? k + 1 : 1000));
    }
    return new PlannedRanges(ranges);
  }

  @Override
  public ExtractorRef prepareExtractor(PrepareExtractor task) {
    sleep();
    return new ExtractorRef("random-conv", "extractors/%s.pt".formatted(SHA256), SHA256);
  }

  @Override
  public StatisticsRef measureReference(MeasureReference task) {
    sleep();
    return new StatisticsRef("statistics/%s.safetensors".formatted(SHA256), SHA256, 60_000);
  }

  @Override
  public ShardRef sampleShard(SampleShard task) {
    sleep();
    return new ShardRef(
        PREFIX + "samples/shards/o2mkd/%s/%d.safetensors".formatted(SHA256, task.first()),
        SHA256,
        task.first(),
        task.images(),
        task.images(),
        1.0 / 3,
        Optional.of(new ShardRef.Cost(Optional.of(1e9), 1, Optional.of(1L), Optional.of(1L))));
  }

  @Override
  public Evaluated combineShards(CombineShards task) {
    sleep();
    return new Evaluated(task.subject().subject(), 1.0 / 3);
  }

  @Override
  public void publish(Publish task) {
    sleep();
  }

  @Override
  public Merged merge(Merge task) {
    sleep();
    return new Merged(task.students()); // greedy, and no merge was worth it
  }

  @Override
  public void searchSchedule(SearchSchedule task) {
    sleep();
  }

  @Override
  public EnsembleRef.Part keepModels(KeepModels task) {
    sleep();
    return new EnsembleRef.Part(
        PREFIX + "models/%s.json".formatted(SHA256), SHA256, task.models().size());
  }

  @Override
  public void discardShards(DiscardShards task) {
    sleep();
  }

  @Override
  public void recordStage(RecordStage stage) {
    sleep();
    if (stage.stage() == Stage.AWAITING_RETRY) {
      retryWaits.incrementAndGet();
    }
  }

  @Override
  public void recordModelFailed(RecordModelFailed failed) {
    sleep();
  }

  @Override
  public void recordRetry(RecordRetry retry) {
    sleep();
  }

  @Override
  public void recordExtension(RecordExtension extension) {
    sleep();
  }

  @Override
  public void recordReplacement(RecordReplacement replacement) {
    sleep();
  }

  @Override
  public void recordCancelRequest(RecordCancelRequest request) {
    sleep();
  }

  @Override
  public void recordModelCanceled(RecordModelCanceled canceled) {
    sleep();
  }

  @Override
  public void recordPause(RecordPause pause) {
    sleep();
  }

  @Override
  public void recordHandedBack(RecordHandedBack handedBack) {
    sleep();
  }

  @Override
  public void recordReevaluation(RecordReevaluation reevaluation) {
    sleep();
  }

  @Override
  public void recordTeacherRange(RecordTeacherRange owned) {
    sleep();
  }
}
