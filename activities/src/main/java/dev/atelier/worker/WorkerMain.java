package dev.atelier.worker;

import com.uber.m3.tally.Scope;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.artifacts.RunningWork;
import dev.atelier.attempt.TrainingMeters;
import dev.atelier.dataset.ArchiveLimits;
import dev.atelier.dataset.SourceCredentials;
import dev.atelier.dataset.SourceGuard;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.NativeCalls;
import dev.atelier.opening.Opener;
import dev.atelier.opening.OpenerProcess;
import dev.atelier.opening.RemoteOpener;
import dev.atelier.spec.SourcePolicy;
import dev.atelier.store.KilledWorkers;
import dev.atelier.store.TurnHistory;
import dev.atelier.store.TurnHistory.DeviceKind;
import dev.atelier.store.WebhookHistory;
import dev.atelier.store.WorkerPresence;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.StoreSettings;
import dev.atelier.store.objects.StoreUnavailableException;
import dev.atelier.version.CodeVersion;
import dev.atelier.webhook.MailServer;
import dev.atelier.webhook.MailServer.Login;
import dev.atelier.webhook.MailServer.Security;
import dev.atelier.webhook.ReceiverBudget;
import dev.atelier.webhook.WebhookSender;
import dev.atelier.worker.WorkerConfig.Role;
import dev.atelier.workflows.DistillationWorkflowImpl;
import dev.atelier.workflows.StudyWorkflowImpl;
import dev.atelier.workflows.TaskQueues;
import dev.atelier.workflows.WebhookDeliveryWorkflowImpl;
import dev.atelier.workflows.connection.CertificateAuthority;
import dev.atelier.workflows.connection.PayloadEncryption;
import dev.atelier.workflows.connection.TemporalConnection;
import io.smallrye.config.ConfigValidationException;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.common.VersioningBehavior;
import io.temporal.common.WorkerDeploymentVersion;
import io.temporal.common.interceptors.WorkerInterceptor;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerDeploymentOptions;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerFactoryOptions;
import io.temporal.worker.WorkerOptions;
import io.temporal.worker.tuning.ActivitySlotInfo;
import io.temporal.worker.tuning.CompositeTuner;
import io.temporal.worker.tuning.FixedSizeSlotSupplier;
import io.temporal.worker.tuning.SlotSupplier;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The worker program: one process per device. It runs workflows and light activities beside at most
 * one training or evaluation at a time.
 */
public final class WorkerMain {

  private static final Logger LOG = LoggerFactory.getLogger(WorkerMain.class);
  private static final Duration INTERRUPT_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(4); // probes wait for 5 s
  private static final Duration IDLE_CONNECTION = Duration.ofMinutes(1);
  private static final Duration IDLE_CHECK = Duration.ofSeconds(1);

  private static final String CPU = "cpu";
  private static final Pattern ADDRESS = Pattern.compile("([^:/@ ]+):([0-9]{1,5})");

  private WorkerMain() {}

  /** Serves until SIGTERM; then saves a checkpoint, hands its work back and ends. */
  public static void main(String[] args) {
    ExitCode code;
    try {
      serve(WorkerConfig.load());
      return; // its threads serve on
    } catch (StartException e) {
      LOG.error("The worker cannot start: {}", e.getMessage());
      code = e.code();
    } catch (IllegalArgumentException | ConfigValidationException e) {
      LOG.error("The worker cannot start: {}", e.getMessage());
      code = ExitCode.SETTINGS;
    } catch (Throwable e) {
      LOG.error("The worker ends: {}", e.toString(), e);
      code = ExitCode.FAILED;
    }
    System.exit(code.number()); // threads that are no daemons would keep the process
  }

  private static SourceGuard guard(WorkerConfig config) {
    WorkerConfig.Sources allowed = config.sources();
    return new SourceGuard(
        new SourcePolicy(
            allowed.hosts(),
            allowed.privateAddresses(),
            allowed.directories().orElse(List.of()),
            allowed.buckets(),
            config.s3().bucket(),
            allowed.hub()),
        new ArchiveLimits(allowed.archiveEntries(), allowed.archiveBytes(), allowed.archiveRatio()),
        new SourceCredentials(allowed.credentialsFile()));
  }

  private static void serve(WorkerConfig config) throws InterruptedException {
    WorkerConfig.Worker settings = config.worker();
    List<String> computeQueues =
        settings.roles().contains(Role.COMPUTE) ? computeQueues(settings) : List.of();
    long memoryBytes = MemoryBound.bytes(settings.memoryBytes(), settings.deviceWorkers());
    PayloadEncryption payloads = PayloadEncryption.of(config.temporal().codecKeysFile());
    loadLibtorch(settings.device());
    Optional<Long> gpuBytes = MemoryBound.ofGpu(settings.device(), settings.deviceWorkers());
    MemoryBound.goFirst();
    if (settings.device().equals(CPU)) {
      MemoryBound.set(memoryBytes); // CUDA claims address space without end
    }
    WorkerMetrics metrics = new WorkerMetrics(settings);
    TrainingMeters.register();
    ObjectStore store = connect(config.s3());
    WorkflowServiceStubs temporal = connect(config.temporal(), metrics.temporal());
    Dependencies dependencies =
        new Dependencies(
            List.of(
                Servers.objectStore(config.s3(), store),
                Servers.postgres(config.database()),
                Servers.temporal(config.temporal(), temporal)),
            settings.startPatience(),
            ANSWER_WITHIN);
    AtomicReference<Supplier<Optional<String>>> notReady =
        new AtomicReference<>(() -> Optional.of(dependencies.waiting()));
    AtomicReference<Supplier<Optional<String>>> notLive =
        new AtomicReference<>(Optional::empty); // nothing runs yet
    Optional<StatusServer> status =
        settings.httpPort().isEmpty()
            ? Optional.empty()
            : Optional.of(
                new StatusServer(
                    settings.httpHost(),
                    settings.httpPort().getAsInt(),
                    metrics::scrape,
                    () -> notLive.get().get(),
                    () -> notReady.get().get()));
    dependencies.await();
    HikariDataSource database = connect(config.database());
    ArtifactCache cache =
        new ArtifactCache(
            settings.cacheDir(),
            settings.cacheBytes(),
            store,
            guard(config),
            opener(config.opener()));
    KilledWorkers killed = new KilledWorkers(database);
    recordKilled(cache, killed);
    RunningWork running = cache.running();
    AtomicBoolean draining = new AtomicBoolean();
    String name = WorkerConfig.Worker.nameOf(settings);
    Optional<Tracing> tracing =
        config.traces().endpoint().map(endpoint -> new Tracing(endpoint, name));

    WorkflowClient client =
        WorkflowClient.newInstance(
            temporal,
            WorkflowClientOptions.newBuilder()
                .setNamespace(config.temporal().namespace())
                .setDataConverter(payloads.dataConverter())
                .setIdentity(name + "@" + ProcessHandle.current().pid())
                .build());
    IdleWatch idle = new IdleWatch(Set.copyOf(computeQueues), InstantSource.system());
    // One piece of work at a time, of all queues: libtorch's threads are the device, and a DJL
    // process trains one model at once.
    DeviceSlots device = new DeviceSlots(Set.copyOf(computeQueues));
    LivenessWatch liveness =
        new LivenessWatch(
            settings.firstCallTimeout(),
            settings.callTimeout(),
            new StandstillEnd(
                running,
                killed,
                client.newActivityCompletionClient(),
                () -> Runtime.getRuntime().halt(ExitCode.NOT_LIVE.number())));
    notLive.set(liveness::notLive);
    List<String> served = new ArrayList<>();
    if (settings.roles().contains(Role.LIGHT)) {
      served.add(TaskQueues.LIGHT);
      served.addAll(TaskQueues.OF_LONGER_WORK);
    }
    served.addAll(computeQueues);
    WorkProgress progress = new WorkProgress(System::nanoTime);
    Presence presence =
        new Presence(
            new WorkerPresence(database),
            new WorkerPresence.Worker(
                client.getOptions().getIdentity(),
                name,
                served,
                settings.device(),
                settings.device().equals(CPU) ? Optional.of(memoryBytes) : gpuBytes,
                settings.threads(),
                Instant.now()),
            progress);
    DeviceMeter meter =
        new DeviceMeter(
            new TurnHistory(database),
            Set.copyOf(computeQueues),
            settings.device().equals(CPU) ? DeviceKind.CPU : DeviceKind.GPU,
            System::nanoTime);
    List<WorkerInterceptor> interceptors =
        new ArrayList<>(
            List.of(
                device,
                new ActivityWatch(),
                idle,
                liveness,
                presence,
                new LossBound(killed, running),
                meter)); // the last is around all others, and sees how each attempt ends
    tracing.map(Tracing::interceptor).ifPresent(interceptors::add);
    WorkerFactory factory =
        WorkerFactory.newInstance(
            client,
            WorkerFactoryOptions.newBuilder()
                .setWorkerInterceptors(interceptors.toArray(WorkerInterceptor[]::new))
                .setWorkflowCacheSize(settings.workflowCache())
                .setMaxWorkflowThreadCount(settings.workflowThreads())
                .build());

    Wiring activities = new Wiring(settings, store, database, cache, draining::get, progress);
    if (settings.roles().contains(Role.LIGHT)) {
      Object[] work = {
        activities.history(),
        activities.turns(),
        activities.dataset(),
        activities.reuse(),
        activities.ensemble(),
        activities.study(),
        new WebhookActivitiesImpl(
            new WebhookHistory(database),
            new WebhookSender(
                config.webhooks().privateAddresses(),
                mailServer(config.mail()),
                config.webhooks().dashboard()),
            new ReceiverBudget(settings.receiverSlots()))
      };
      Worker light = factory.newWorker(TaskQueues.LIGHT, lightOptions(settings));
      light.registerWorkflowImplementationTypes(
          DistillationWorkflowImpl.class,
          StudyWorkflowImpl.class,
          WebhookDeliveryWorkflowImpl.class);
      light.registerActivitiesImplementations(
          work); // all: some were scheduled before longer work had its queues
      longerWork(settings)
          .forEach(
              (queue, slots) ->
                  factory
                      .newWorker(queue, longerOptions(slots, settings))
                      .registerActivitiesImplementations(work));
    }
    if (settings.roles().contains(Role.COMPUTE)) {
      for (String queue : computeQueues) {
        factory
            .newWorker(queue, computeOptions(device.slot(), settings))
            .registerActivitiesImplementations(
                activities.encoding(),
                activities.training(),
                activities.assignment(),
                activities.evaluation(),
                activities.merging());
      }
    }

    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  running.endAll(); // what is killed while it drains is not to blame
                  draining.set(true);
                  drain(settings.drainTimeout(), factory);
                  temporal.shutdownNow();
                  presence.close();
                  meter.close();
                  database.close();
                  tracing.ifPresent(Tracing::close);
                  status.ifPresent(StatusServer::close);
                  haltInNativeCalls();
                },
                "drain"));
    liveness.start();
    factory.start();
    presence.start();
    meter.start();
    LOG.info(
        "{} serves {} with {} thread(s) on {}.",
        name,
        String.join(", ", served),
        settings.threads(),
        settings.device());
    notReady.set(() -> draining.get() ? Optional.of("draining") : dependencies.away());
    settings.exitWhenIdle().ifPresent(patience -> exitWhenIdle(idle, patience));
  }

  /**
   * The task queues of compute work that a worker serves.
   *
   * @throws IllegalArgumentException if one of them is the queue of light work
   */
  static List<String> computeQueues(WorkerConfig.Worker settings) {
    List<String> queues =
        settings.taskQueues().orElseGet(() -> List.of(TaskQueues.compute(settings.deviceClass())));
    for (String queue : queues) {
      if (!queue.startsWith(TaskQueues.LIGHT + "-")) {
        throw new IllegalArgumentException(
            "atelier.worker.task-queues has '%s'; expected names such as %s, where the part behind %s- is what a spec's compute names."
                .formatted(queue, TaskQueues.compute("gpu-a100"), TaskQueues.LIGHT));
      }
    }
    return queues;
  }

  /**
   * What takes mails; empty: none is set.
   *
   * @throws IllegalArgumentException if a setting that goes with the host is missing or malformed
   */
  static Optional<MailServer> mailServer(WorkerConfig.Mail settings) {
    if (settings.host().isEmpty()) {
      return Optional.empty();
    }
    Security security = settings.security();
    if (settings.user().isPresent() != settings.password().isPresent()) {
      throw new IllegalArgumentException(
          "atelier.mail.user and atelier.mail.password go together; found one of them.");
    }
    if (settings.user().isPresent() && security == Security.NONE) {
      throw new IllegalArgumentException(
          "atelier.mail.security is 'none', where everybody could read atelier.mail.password;"
              + " expected starttls or tls.");
    }
    return Optional.of(
        new MailServer(
            settings.host().get(),
            settings.port().orElse(security.port()),
            security,
            settings.caFile().map(file -> CertificateAuthority.read("atelier.mail.ca-file", file)),
            settings.user().map(user -> new Login(user, settings.password().orElseThrow())),
            settings
                .from()
                .orElseThrow(
                    () ->
                        new IllegalArgumentException(
                            "atelier.mail.host needs atelier.mail.from: the address that mails come"
                                + " from."))));
  }

  /**
   * What opens users' files.
   *
   * @throws IllegalArgumentException if its address is none
   */
  static Opener opener(WorkerConfig.Opener settings) {
    OpenerProcess limits =
        new OpenerProcess(
            settings.timeout(),
            settings.memoryBytes(),
            settings.heapBytes(),
            settings.datasetHeapBytes().orElse(Runtime.getRuntime().maxMemory()),
            settings.weightsBytes());
    if (settings.address().isEmpty()) {
      return limits;
    }
    String address = settings.address().get();
    Matcher parts = ADDRESS.matcher(address);
    if (!parts.matches()) {
      throw new IllegalArgumentException(
          "atelier.opener.address has '%s'; expected host:port, such as opener:9091."
              .formatted(address));
    }
    return new RemoteOpener(parts.group(1), Integer.parseInt(parts.group(2)), limits);
  }

  private static void recordKilled(ArtifactCache cache, KilledWorkers killed) {
    for (RunningWork.Note note : cache.killed()) {
      LOG.warn("A worker of this machine was killed while it was at {}.", note.activity());
      try {
        killed.recordKilled(note.activity(), note.experimentId(), note.modelKey());
      } catch (StoreUnavailableException e) {
        LOG.warn("This is not counted: {}", e.getMessage());
      }
    }
  }

  private static void loadLibtorch(String device) {
    try {
      Libtorch.requireDevice(device);
    } catch (IllegalStateException e) {
      throw new StartException(ExitCode.NO_LIBTORCH, e.getMessage(), e);
    }
  }

  private static void exitWhenIdle(IdleWatch idle, Duration patience) {
    try {
      while (!idle.idleFor(patience)) {
        Thread.sleep(IDLE_CHECK.toMillis());
      }
      LOG.info("Nothing to compute for {}: ending.", patience);
      System.exit(ExitCode.DONE.number()); // through the drain
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static WorkerOptions lightOptions(WorkerConfig.Worker settings) {
    return options(settings)
        .setMaxConcurrentActivityExecutionSize(settings.lightSlots())
        .setStickyQueueScheduleToStartTimeout(settings.stickyTimeout())
        .setDefaultDeadlockDetectionTimeout(10_000) // ms; training may keep every core busy
        .setMaxConcurrentLocalActivityExecutionSize(4) // few rows each, as connections are few
        .build();
  }

  /** The queues of longer light work, and how much of each is done at once. */
  private static Map<String, Integer> longerWork(WorkerConfig.Worker settings) {
    return Map.of(
        TaskQueues.FILES, settings.fileSlots(),
        TaskQueues.REPORTS, settings.reportSlots(),
        TaskQueues.DATA, settings.dataSlots(),
        TaskQueues.MESSAGES, settings.messageSlots());
  }

  private static WorkerOptions longerOptions(int slots, WorkerConfig.Worker settings) {
    return options(settings)
        .setMaxConcurrentActivityTaskPollers(1)
        .setMaxConcurrentActivityExecutionSize(slots)
        .build();
  }

  private static WorkerOptions computeOptions(
      SlotSupplier<ActivitySlotInfo> slot, WorkerConfig.Worker settings) {
    return options(settings)
        .setMaxConcurrentActivityTaskPollers(1)
        .setWorkerTuner(
            new CompositeTuner(
                new FixedSizeSlotSupplier<>(2), // no workflows here
                slot,
                new FixedSizeSlotSupplier<>(1),
                new FixedSizeSlotSupplier<>(1)))
        .build();
  }

  private static WorkerOptions.Builder options(WorkerConfig.Worker settings) {
    WorkerOptions.Builder options =
        WorkerOptions.newBuilder()
            // Heartbeats carry cancellation back; the default lets 16 s pass between two of them.
            .setMaxHeartbeatThrottleInterval(Duration.ofSeconds(Heartbeat.INTERVAL_SECONDS))
            // A drain may take longer than the server waits for a heartbeat.
            .setAllowActivityHeartbeatDuringShutdown(true);
    versioning(settings.deployment()).ifPresent(options::setDeploymentOptions);
    return options;
  }

  /** What tells Temporal which version of the program this worker is, if that is wanted. */
  static Optional<WorkerDeploymentOptions> versioning(WorkerConfig.Deployment deployment) {
    return deployment
        .name()
        .map(
            name ->
                WorkerDeploymentOptions.newBuilder()
                    .setUseVersioning(true)
                    // Pinned workflows, which train for days, would keep each old version's GPUs.
                    // As an annotation a server refuses it of workers without a version.
                    .setDefaultVersioningBehavior(VersioningBehavior.AUTO_UPGRADE)
                    .setVersion(
                        new WorkerDeploymentVersion(
                            name, deployment.buildId().orElseGet(CodeVersion::ofAll)))
                    .build());
  }

  private static WorkflowServiceStubs connect(WorkerConfig.Temporal settings, Scope metrics) {
    return WorkflowServiceStubs.newServiceStubs(
        new TemporalConnection(
                settings.target(),
                settings.tls(),
                settings.caFile(),
                settings.certificateFile(),
                settings.keyFile(),
                settings.serverName(),
                settings.apiKey())
            .stubsOptions()
            .setMetricsScope(metrics)
            .build());
  }

  private static ObjectStore connect(WorkerConfig.S3 settings) {
    return new ObjectStore(
        new StoreSettings(
            settings.endpoint(),
            Optional.empty(),
            settings.bucket(),
            settings.region(),
            settings.accessKey(),
            settings.secretKey(),
            settings
                .caFile()
                .map(
                    file -> CertificateAuthority.read("atelier.s3.ca-file", file).trustManager())));
  }

  private static HikariDataSource connect(WorkerConfig.Database settings) {
    HikariConfig pool = new HikariConfig();
    pool.setJdbcUrl(settings.url());
    pool.setUsername(settings.user());
    pool.setPassword(settings.password());
    pool.setMaximumPoolSize(6); // light activities, and the progress of one training
    pool.setMinimumIdle(0); // a hundred workers at rest would hold what few need
    pool.setIdleTimeout(IDLE_CONNECTION.toMillis());
    pool.setInitializationFailTimeout(-1); // it was waited for; a short absence is the pool's
    return new HikariDataSource(pool);
  }

  private static void drain(Duration timeout, WorkerFactory factory) {
    LOG.info("Draining: no new work; a running training saves a checkpoint and is handed back.");
    factory.shutdown();
    factory.awaitTermination(timeout.toSeconds(), TimeUnit.SECONDS);
    if (!factory.isTerminated()) { // such as an upload that hangs
      LOG.warn("Something still runs after {}: it is interrupted.", timeout);
      factory.shutdownNow();
      factory.awaitTermination(INTERRUPT_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    }
  }

  /** A process that unloads libtorch around a call of it crashes. */
  private static void haltInNativeCalls() {
    if (NativeCalls.running().findAny().isPresent()) {
      LOG.warn("A native call still runs: the process ends around it.");
      Runtime.getRuntime().halt(ExitCode.TERMINATED.number());
    }
  }
}
