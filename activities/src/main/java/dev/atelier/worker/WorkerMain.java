package dev.atelier.worker;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.atelier.network.Libtorch;
import dev.atelier.store.ExperimentHistory;
import dev.atelier.store.ObjectStore;
import dev.atelier.store.ReuseHistory;
import dev.atelier.store.StudyHistory;
import dev.atelier.workflows.DistillationWorkflowImpl;
import dev.atelier.workflows.StudyWorkflowImpl;
import dev.atelier.workflows.TaskQueues;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.common.WorkerDeploymentVersion;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerDeploymentOptions;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerFactoryOptions;
import io.temporal.worker.WorkerOptions;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The worker program: one process per device. It runs workflows and light activities beside at most
 * one training or evaluation at a time.
 */
public final class WorkerMain {

  private static final Logger LOG = LoggerFactory.getLogger(WorkerMain.class);
  private static final Duration DRAIN_TIMEOUT = Duration.ofSeconds(25);
  private static final Duration IDLE_CHECK = Duration.ofSeconds(1);

  private WorkerMain() {}

  /** Serves until SIGTERM; then saves a checkpoint, hands its work back and ends. */
  public static void main(String[] args) {
    WorkerConfig config = WorkerConfig.load();
    Libtorch.requireDevice(config.worker().device());
    HikariDataSource database = connect(config.database());
    ExperimentHistory history = new ExperimentHistory(database);
    ReuseHistory reuse = new ReuseHistory(database);
    ObjectStore store =
        new ObjectStore(
            config.s3().endpoint(),
            config.s3().accessKey(),
            config.s3().secretKey(),
            config.s3().bucket());
    store.ensureBucket();
    ArtifactCache cache = new ArtifactCache(config.worker().cacheDir(), store);
    AtomicBoolean draining = new AtomicBoolean();

    WorkflowServiceStubs temporal =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder().setTarget(config.temporal().target()).build());
    WorkflowClient client =
        WorkflowClient.newInstance(
            temporal,
            WorkflowClientOptions.newBuilder()
                .setNamespace(config.temporal().namespace())
                .setIdentity(config.worker().name() + "@" + ProcessHandle.current().pid())
                .build());
    String computeQueue = TaskQueues.compute(config.worker().deviceClass());
    IdleWatch idle = new IdleWatch(Set.of(computeQueue), InstantSource.system());
    WorkerFactory factory =
        WorkerFactory.newInstance(
            client,
            WorkerFactoryOptions.newBuilder()
                .setWorkerInterceptors(idle)
                .setMaxWorkflowThreadCount(4_000) // each student of an open experiment has one
                .build());

    Worker light = factory.newWorker(TaskQueues.LIGHT, options(4, config.worker()));
    light.registerWorkflowImplementationTypes(
        DistillationWorkflowImpl.class, StudyWorkflowImpl.class);
    light.registerActivitiesImplementations(
        new HistoryActivitiesImpl(history),
        new DatasetActivitiesImpl(store, history, cache),
        new ReuseActivitiesImpl(store, reuse),
        new EnsembleActivitiesImpl(store),
        new StudyActivitiesImpl(store, history, new StudyHistory(database)));

    // One at a time: libtorch's threads are the device, and a DJL process trains one model at once.
    Worker compute = factory.newWorker(computeQueue, options(1, config.worker()));
    compute.registerActivitiesImplementations(
        new TrainingActivitiesImpl(config.worker(), store, history, reuse, cache, draining::get),
        new AssignmentActivitiesImpl(config.worker(), store, history, cache, draining::get),
        new EvaluationActivitiesImpl(config.worker(), store, history, reuse, cache, draining::get),
        new MergingActivitiesImpl(config.worker(), store, history, cache, draining::get));

    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> drain(draining, factory, temporal, database), "drain"));
    factory.start();
    LOG.info(
        "{} serves {} and {} with {} thread(s) on {}.",
        config.worker().name(),
        TaskQueues.LIGHT,
        TaskQueues.compute(config.worker().deviceClass()),
        config.worker().threads(),
        config.worker().device());
    config.worker().exitWhenIdle().ifPresent(patience -> exitWhenIdle(idle, patience));
  }

  private static void exitWhenIdle(IdleWatch idle, Duration patience) {
    try {
      while (!idle.idleFor(patience)) {
        Thread.sleep(IDLE_CHECK.toMillis());
      }
      LOG.info("Nothing to compute for {}: ending.", patience);
      System.exit(0); // through the drain
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static WorkerOptions options(int activitiesAtOnce, WorkerConfig.Worker settings) {
    WorkerOptions.Builder options =
        WorkerOptions.newBuilder()
            .setMaxConcurrentActivityExecutionSize(activitiesAtOnce)
            .setDefaultDeadlockDetectionTimeout(10_000) // ms; training may keep every core busy
            .setMaxConcurrentLocalActivityExecutionSize(4) // few rows each, as connections are few
            // Heartbeats carry cancellation back; the default lets 16 s pass between two of them.
            .setMaxHeartbeatThrottleInterval(Duration.ofSeconds(Heartbeat.INTERVAL_SECONDS));
    versioning(settings.deployment()).ifPresent(options::setDeploymentOptions);
    return options.build();
  }

  /** What tells Temporal which version of the program this worker is, if that is wanted. */
  static Optional<WorkerDeploymentOptions> versioning(WorkerConfig.Deployment deployment) {
    return deployment
        .name()
        .map(
            name ->
                WorkerDeploymentOptions.newBuilder()
                    .setUseVersioning(true)
                    .setVersion(
                        new WorkerDeploymentVersion(
                            name, deployment.buildId().orElse(CodeVersion.CURRENT)))
                    .build());
  }

  private static HikariDataSource connect(WorkerConfig.Database settings) {
    HikariConfig pool = new HikariConfig();
    pool.setJdbcUrl(settings.url());
    pool.setUsername(settings.user());
    pool.setPassword(settings.password());
    pool.setMaximumPoolSize(6); // light activities, and the progress of one training
    pool.setInitializationFailTimeout(60_000);
    return new HikariDataSource(pool);
  }

  private static void drain(
      AtomicBoolean draining,
      WorkerFactory factory,
      WorkflowServiceStubs temporal,
      HikariDataSource database) {
    LOG.info("Draining: no new work; a running training saves a checkpoint and is handed back.");
    draining.set(true);
    factory.shutdown();
    factory.awaitTermination(DRAIN_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    temporal.shutdownNow();
    database.close();
  }
}
