package dev.atelier.local;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.atelier.attempt.ProgressReporter;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.store.AttemptHistory;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.training.TrainingMetrics;
import dev.atelier.training.TrainingMetrics.Spread;
import dev.atelier.workflows.EvaluationActivities;
import dev.atelier.workflows.ExtractorRef;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.ShardRef;
import dev.atelier.workflows.StatisticsRef;
import dev.atelier.workflows.TaskQueues;
import dev.atelier.workflows.TrainingActivities;
import dev.atelier.workflows.connection.PayloadEncryption;
import dev.atelier.workflows.vocabulary.Series;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerOptions;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Compute workers without devices: their activities take their time, beat every 3 s, and write to
 * Postgres what real ones do, attempts and curves. No step is made and no object is written.
 */
final class SimulatedDevices implements TrainingActivities, EvaluationActivities, AutoCloseable {

  private static final String SHA256 = "0123456789abcdef".repeat(4);
  private static final Duration BEAT = Duration.ofSeconds(3); // as of real workers
  private static final Duration SHORT = Duration.ofSeconds(2);
  private static final int CONNECTIONS = 24;

  private final Duration training;
  private final int stepsPerSecond;
  private final HikariDataSource database;
  private final AttemptHistory attempts;
  private final WorkflowServiceStubs stubs;
  private final WorkerFactory factory;

  /**
   * Starts to serve.
   *
   * @param devices pieces of work at once
   * @param training how long a training takes on average; each takes half to one and a half of it
   * @param stepsPerSecond of each training
   */
  SimulatedDevices(
      ProductionPrograms programs, int devices, Duration training, int stepsPerSecond) {
    this.training = training;
    this.stepsPerSecond = stepsPerSecond;
    HikariConfig pool = new HikariConfig();
    pool.setJdbcUrl(programs.postgres());
    pool.setUsername(PostgresService.USER);
    pool.setPassword(programs.postgresPassword());
    pool.setMaximumPoolSize(CONNECTIONS);
    database = new HikariDataSource(pool);
    attempts = new AttemptHistory(database);
    stubs =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder()
                .setTarget(Ports.HOST + ":" + programs.ports().temporal())
                .build());
    WorkflowClient client =
        WorkflowClient.newInstance(
            stubs,
            WorkflowClientOptions.newBuilder()
                .setDataConverter(PayloadEncryption.of(Optional.empty()).dataConverter())
                .build());
    factory = WorkerFactory.newInstance(client);
    Worker worker =
        factory.newWorker(
            TaskQueues.compute("cpu"),
            WorkerOptions.newBuilder()
                .setMaxConcurrentActivityExecutionSize(devices)
                .setMaxHeartbeatThrottleInterval(BEAT)
                .build());
    worker.registerActivitiesImplementations(this);
    factory.start();
  }

  @Override
  public ModelRef trainTeacher(TrainTeacher task) {
    return train(
        task.experimentId(),
        ModelKey.TEACHER,
        task.network(),
        task.training(),
        new TimestepRange(0, task.diffusion().timesteps()));
  }

  @Override
  public ModelRef trainStudent(TrainStudent task) {
    return train(task.experimentId(), task.key(), task.network(), task.training(), task.range());
  }

  @Override
  public ModelRef importTeacher(ImportTeacher task) {
    throw new UnsupportedOperationException("Experiments of this benchmark train their teachers.");
  }

  private ModelRef train(
      String experimentId,
      ModelKey key,
      NetworkSpec network,
      TrainingSpec spec,
      TimestepRange range) {
    double factor = ThreadLocalRandom.current().nextDouble(0.5, 1.5);
    int seconds = Math.max(1, (int) (factor * training.toSeconds()));
    int steps = seconds * stepsPerSecond;
    Attempt attempt =
        attempts.start(experimentId, key, steps, 35_746_307, Optional.of(6_050_000_000L), "sim");
    try (ProgressReporter progress = new ProgressReporter(attempts, attempt, false)) {
      ActivityExecutionContext context = Activity.getExecutionContext();
      for (int second = 0; second < seconds; second++) {
        context.heartbeat(progress.summary()); // sent each 3 s, as of real workers
        sleep(Duration.ofSeconds(1));
        for (int step = second * stepsPerSecond + 1;
            step <= (second + 1) * stepsPerSecond;
            step++) {
          if (step % spec.metricsEverySteps() == 0) {
            progress.onMetrics(metrics(step, steps));
          }
        }
      }
      progress.flush();
    }
    attempts.recordDone(experimentId, key, attempt);
    return new ModelRef(
        key,
        Optional.of(network),
        range,
        "experiments/%s/%s/checkpoints/%09d-%s/manifest.json"
            .formatted(experimentId, key, steps, SHA256),
        SHA256,
        steps);
  }

  /** As many series, and as many digits, as a real report has. */
  private static TrainingMetrics metrics(int step, int steps) {
    ThreadLocalRandom random = ThreadLocalRandom.current();
    Map<Series, Spread> spread = new EnumMap<>(Series.class);
    for (Series series : new Series[] {Series.LOSS, Series.DIFFUSION_LOSS, Series.GRADIENT_NORM}) {
      spread.put(series, new Spread(OptionalDouble.of(random.nextDouble()), 0));
    }
    Map<Integer, Double> tenths = new HashMap<>();
    for (int k = 0; k < 10; k++) {
      tenths.put(k, random.nextDouble());
    }
    return new TrainingMetrics(
        step,
        steps,
        random.nextDouble(),
        random.nextDouble(),
        random.nextDouble(),
        random.nextDouble(),
        2e-4,
        random.nextDouble(100, 200),
        random.nextDouble(),
        random.nextDouble(),
        0,
        OptionalLong.of(1L << 30),
        0,
        spread,
        tenths);
  }

  @Override
  public ExtractorRef prepareExtractor(PrepareExtractor task) {
    sleep(SHORT);
    return new ExtractorRef("random-conv", "extractors/%s.pt".formatted(SHA256), SHA256);
  }

  @Override
  public StatisticsRef measureReference(MeasureReference task) {
    sleep(SHORT);
    return new StatisticsRef("statistics/%s.safetensors".formatted(SHA256), SHA256, 60_000);
  }

  @Override
  public ShardRef sampleShard(SampleShard task) {
    Instant end = Instant.now().plus(training.dividedBy(6));
    while (Instant.now().isBefore(end)) {
      Activity.getExecutionContext().heartbeat("images");
      sleep(SHORT);
    }
    return new ShardRef(
        "experiments/%s/samples/shards/%s/%s/%d.safetensors"
            .formatted(
                task.subject().experimentId(), task.subject().subject(), SHA256, task.first()),
        SHA256,
        task.first(),
        task.images(),
        task.images(),
        1.0 / 3,
        Optional.of(new ShardRef.Cost(Optional.of(1e9), 1, Optional.of(1L), Optional.of(1L))));
  }

  @Override
  public Evaluated combineShards(CombineShards task) {
    sleep(SHORT);
    return new Evaluated(task.subject().subject(), 1.0 / 3);
  }

  @Override
  public void publish(Publish task) {
    sleep(SHORT);
  }

  private static void sleep(Duration duration) {
    try {
      Thread.sleep(duration.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    factory.shutdownNow();
    stubs.shutdownNow();
    database.close();
  }
}
