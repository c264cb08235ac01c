package dev.atelier.store;

import dev.atelier.store.TrainingProcess.Job;
import dev.atelier.store.objects.ObjectStore;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.flywaydb.core.Flyway;
import org.jdbi.v3.core.Jdbi;

/** A real Postgres and a real S3 server for {@link TrainingProcess}es, and those processes. */
final class TrainingBench implements AutoCloseable {

  /** What a process did: its exit status, and its log. */
  record Run(int status, List<String> log) {

    /** The numbers after {@code word} in lines of the log, in order. */
    List<Integer> numbers(String word) {
      return log.stream()
          .map(line -> line.split(" "))
          .filter(words -> words[0].equals(word))
          .map(words -> Integer.parseInt(words[1]))
          .toList();
    }

    int lastStep() {
      List<Integer> steps = numbers("step");
      return steps.isEmpty() ? numbers("start").get(0) : steps.get(steps.size() - 1);
    }
  }

  private final Path directory;
  private final EmbeddedPostgres postgres;
  private final S3ServerProcess server;
  private final CheckpointHistory checkpoints;
  private final EventHistory events;
  private final AttemptHistory attempts;

  TrainingBench(Path directory) throws Exception {
    this.directory = directory;
    postgres = EmbeddedPostgres.start();
    Flyway.configure().dataSource(postgres.getPostgresDatabase()).load().migrate();
    checkpoints = new CheckpointHistory(postgres.getPostgresDatabase());
    events = new EventHistory(postgres.getPostgresDatabase());
    attempts = new AttemptHistory(postgres.getPostgresDatabase());
    server = S3ServerProcess.s3Proxy(directory);
  }

  ObjectStore store() {
    return server.store();
  }

  CheckpointHistory checkpoints() {
    return checkpoints;
  }

  /** Where the S3 server keeps the bytes of an object. */
  Path objectFile(String key) {
    return directory.resolve("s3").resolve(S3ServerProcess.BUCKET).resolve(key);
  }

  String s3Endpoint() {
    return server.endpoint();
  }

  String databaseUrl() {
    return postgres.getJdbcUrl("postgres", "postgres");
  }

  /** The rows of an experiment with one student. */
  void insertExperiment(String id) {
    Jdbi.create(postgres.getPostgresDatabase())
        .useHandle(
            handle -> {
              handle.execute(
                  """
                  insert into experiment (id, name, spec, stage)
                  values (?, 'e', '{}', 'TRAINING_STUDENTS')
                  """,
                  id);
              handle.execute(
                  """
                  insert into model (experiment_id, key, position, range_low, range_high, state,
                      total_steps)
                  values (?, 'student-1', 1, 0, 250, 'PENDING', 100)
                  """,
                  id);
            });
  }

  AttemptHistory.Attempt startAttempt(String experiment) {
    return attempts.start(experiment, TrainingProcess.STUDENT, 1, 1, Optional.of(1L), "test");
  }

  /** The checkpoints of an experiment's student, as an attempt finds them. */
  S3CheckpointStore checkpoints(String experiment, AttemptHistory.Attempt attempt) {
    return new S3CheckpointStore(
        store(),
        checkpoints,
        events,
        experiment,
        TrainingProcess.STUDENT,
        attempt,
        TrainingEnvironment.here("cpu", 1),
        directory.resolve("loaded-" + experiment));
  }

  /** Runs a training process to its end; when its job says so, kills it. */
  Run run(Job job, String... jvmOptions) throws IOException, InterruptedException {
    Path file = Files.createTempFile(directory, "job-", ".json");
    job.write(file);
    Path log = Path.of(job.log());
    Files.deleteIfExists(log);
    List<String> command =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    command.addAll(
        List.of(
            "-Xmx128m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:MaxDirectMemorySize=128m",
            "-Dlogback.configurationFile=logback-cli.xml"));
    command.addAll(List.of(jvmOptions));
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            TrainingProcess.class.getName(),
            file.toString()));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder
        .environment()
        .putAll(
            Map.of(
                "OMP_NUM_THREADS", "1",
                "MKL_NUM_THREADS", "1",
                // as workers run
                "MALLOC_MMAP_THRESHOLD_", "33554432",
                "MALLOC_TRIM_THRESHOLD_", "34359738368",
                "MALLOC_TOP_PAD_", "67108864",
                "GOMP_SPINCOUNT", "10000"));
    Path output = log.resolveSibling(log.getFileName() + ".out");
    builder.redirectErrorStream(true).redirectOutput(output.toFile());
    Process process = builder.start();
    try {
      if (job.killPoint().moment() == KillPoint.Moment.BY_PARENT) {
        killAfterStep(process, log, job.killPoint());
      }
      int status = process.waitFor();
      if (status != 0 && status != KILLED) {
        throw new IllegalStateException(
            "A training process ended with %d: %s".formatted(status, Files.readString(output)));
      }
      return new Run(status, Files.readAllLines(log));
    } finally {
      process.destroyForcibly();
    }
  }

  static final int KILLED = 128 + 9; // SIGKILL

  private static void killAfterStep(Process process, Path log, KillPoint point)
      throws IOException, InterruptedException {
    String step = "step " + point.step();
    while (process.isAlive() && !(Files.exists(log) && Files.readAllLines(log).contains(step))) {
      Thread.sleep(1);
    }
    Thread.sleep(point.delayMicros() / 1000, point.delayMicros() % 1000 * 1000);
    process.destroyForcibly();
  }

  Optional<String> latestKey(String experiment) {
    return store()
        .get(ExperimentKeys.checkpoints(experiment, TrainingProcess.STUDENT) + "latest")
        .map(bytes -> new String(bytes, java.nio.charset.StandardCharsets.UTF_8));
  }

  @Override
  public void close() throws IOException {
    server.close();
    postgres.close();
  }
}
