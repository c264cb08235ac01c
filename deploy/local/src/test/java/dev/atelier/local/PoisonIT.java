package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.deploy.RequiresProgram;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Files that kill who opens them, on the programs of production with 512 MB of heap: the experiment
 * that brings one ends with a sentence, and the training of another goes on in the same processes.
 */
@RequiresProgram("temporal")
@Timeout(1800)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class PoisonIT {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path ROOT = Path.of("../..").toAbsolutePath().normalize();

  /** A file, where a spec names it, and what becomes of the experiment. */
  enum Poison {
    NESTED_TORCHSCRIPT(
        "extractor", "EXTRACTOR_INVALID", "'nested.pt'", "nested more than 100 deep"),
    CHAINED_TORCHSCRIPT(
        "extractor", "EXTRACTOR_INVALID", "'chained.pt'", "it crashed the process that opened it"),
    WRITING_TORCHSCRIPT("extractor", "EXTRACTOR_INVALID", "'writing.pt'", "aten::save"),
    RAISING_TORCHSCRIPT("extractor", "EXTRACTOR_INVALID", "'raising.pt'", "first line"),
    INFLATING_STATISTICS(
        "reference", "INVALID_SPEC", "'inflating.npz'", "worker's heap has room for"),
    HEADLESS_SAFETENSORS(
        "teacher", "TEACHER_INVALID", "header.safetensors'", "expected at most 25000000"),
    CROWDED_ZIP("dataset", "DATASET_CORRUPT", "crowded.zip'", "list of 1600000 entries");

    private final String where;
    private final String type;
    private final String name;
    private final String reason;

    Poison(String where, String type, String name, String reason) {
      this.where = where;
      this.type = type;
      this.name = name;
      this.reason = reason;
    }
  }

  private static final Duration PATIENCE = Duration.ofMinutes(4); // ends a hung test, no more

  private static final int BATCH = 50; // of the evaluation
  private static final String SPEC =
      """
      name: %s
      compute: %s
      dataset: {source: "%s", resolution: 8}
      diffusion: {timesteps: 100}
      teacher:
        %s
      students:
        count: 1
        network: {channels: 8, multipliers: [1], resBlocks: 1, attentionResolutions: []}
        training: {steps: 5, batchSize: 4, warmupSteps: 5, emaDecay: 0.9, metricsEverySteps: 5}
      evaluation: {samples: 200, batchSize: 50, gridRows: 2, gridColumns: 2, sampler: {steps: 2, spacing: uniform}%s}
      """;
  private static final String TRAINED =
      """
      network: {channels: 8, multipliers: [1], resBlocks: 1, attentionResolutions: []}
        training: {steps: %d, batchSize: 4, warmupSteps: 5, emaDecay: 0.9,
          checkpointEverySteps: 1000000, metricsEverySteps: 5}""";
  private static final int LARGE_BATCH = 4096; // some 3 GB
  private static final String TRAINED_AT_ONCE =
      """
      network: {channels: 64, multipliers: [1], resBlocks: 1, attentionResolutions: []}
        training: {steps: 2, batchSize: %d, warmupSteps: 1, emaDecay: 0.9, metricsEverySteps: 1}""";
  private static final String SHAPES = "shapes?count=256";

  private final HttpClient http = HttpClient.newHttpClient();
  private final List<ProgramProcess> programs = new ArrayList<>();
  private Path folder;
  private Path written;
  private Map<Poison, Path> files;
  private DataDirectory directory;
  private Supervisor supervisor;
  private Ports ports;
  private DataDirectory.Credentials credentials;
  private ProgramProcess first;
  private ProgramProcess second;
  private String training;

  @BeforeAll
  void start(@TempDir Path temporary) throws Exception {
    folder = temporary;
    written = folder.resolve("written");
    files =
        Map.of(
            Poison.NESTED_TORCHSCRIPT, PoisonFiles.nestedTorchScript(folder),
            Poison.CHAINED_TORCHSCRIPT, PoisonFiles.chainedTorchScript(folder),
            Poison.WRITING_TORCHSCRIPT, PoisonFiles.writingTorchScript(folder, written),
            Poison.RAISING_TORCHSCRIPT, PoisonFiles.raisingTorchScript(folder),
            Poison.INFLATING_STATISTICS, PoisonFiles.inflatingStatistics(folder),
            Poison.HEADLESS_SAFETENSORS, PoisonFiles.headlessSafetensors(folder),
            Poison.CROWDED_ZIP, PoisonFiles.crowdedZip(folder));
    directory = DataDirectory.open(folder.resolve("data"));
    supervisor = new Supervisor(directory, System.out::println);
    supervisor.prepare();
    ports = Ports.ANY.reserve();
    credentials = directory.credentials();
    supervisor.start(InfrastructureProgram.services(directory, ports));
    Map<String, String> api = environment();
    api.put("QUARKUS_HTTP_PORT", Integer.toString(ports.api()));
    api.put("QUARKUS_DATASOURCE_JDBC_URL", postgres());
    api.put("QUARKUS_DATASOURCE_USERNAME", PostgresService.USER);
    api.put("QUARKUS_DATASOURCE_PASSWORD", credentials.postgresPassword());
    program(
        "api",
        api,
        List.of(ApiService.OPEN_BUFFERS, "-jar", new Installation(ROOT).apiJar().toString()));
    until(this::isReady);
    first = worker("first", "light,compute");
    second = worker("second", "light,compute");
    training = launch("in-peace", SHAPES, TRAINED.formatted(10_000_000), "");
    until(() -> step(training) > 0);
  }

  @AfterAll
  void stop() throws Exception {
    for (ProgramProcess program : programs) {
      program.close();
    }
    supervisor.close();
    directory.close();
  }

  @ParameterizedTest
  @EnumSource
  @Order(1)
  void shouldEndTheExperimentAndNothingElse(Poison poison) throws Exception {
    int before = step(training);
    String source = files.get(poison).toString();
    String evaluation =
        switch (poison.where) {
          case "extractor" -> ", extractor: {source: \"%s\"}".formatted(source);
          case "reference" -> ", reference: \"%s\"".formatted(source);
          default -> "";
        };
    String id =
        launch(
            poison.name().toLowerCase(Locale.ROOT).replace('_', '-'),
            poison.where.equals("dataset") ? source : SHAPES,
            poison.where.equals("teacher")
                ? "source: \"%s\"".formatted(source)
                : TRAINED.formatted(5),
            evaluation);

    until(() -> !List.of("QUEUED", "PREPARING_DATASET", "IMPORTING_TEACHER").contains(stage(id)));

    JsonNode shown = show(id);
    String said = shown.toString();
    assertThat(said).contains(poison.type, poison.name, poison.reason);
    assertThat(said).doesNotContain("second line").doesNotContain("\\n");
    assertThat(written).doesNotExist();
    assertThat(first.alive()).isTrue();
    assertThat(second.alive()).isTrue();
    until(() -> step(training) > before);
  }

  @ParameterizedTest
  @EnumSource
  @Order(2)
  void shouldHurtWhoOpensItCarelessly(Poison poison) throws Exception {
    ProgramProcess careless =
        ProgramProcess.start(
            folder.resolve("careless-%s.log".formatted(poison)),
            Map.of("OMP_NUM_THREADS", "1"),
            List.of(
                "-cp",
                System.getProperty("java.class.path"),
                CarelessOpening.class.getName(),
                files.get(poison).toString()));
    int code = careless.exitCode(400); // it may collect garbage for minutes before it gives up
    String log = String.join("\n", careless.log());
    switch (poison) {
      case NESTED_TORCHSCRIPT, CHAINED_TORCHSCRIPT -> assertThat(code).isGreaterThan(128);
      case INFLATING_STATISTICS, HEADLESS_SAFETENSORS, CROWDED_ZIP ->
          assertThat(code).as(log).isEqualTo(3); // the heap
      case WRITING_TORCHSCRIPT -> assertThat(written).exists();
      case RAISING_TORCHSCRIPT -> assertThat(log).contains("first line");
    }
  }

  @Test
  @Order(3)
  void shouldEndATrainingThatWantsMoreMemoryThanItsWorkerMayHave() throws Exception {
    int before = step(training);
    Map<String, String> small = Map.of("ATELIER_WORKER_TASK_QUEUES", "atelier-gpu-small");
    Map<String, String> bounded = new HashMap<>(small);
    bounded.put("ATELIER_WORKER_MEMORY_BYTES", "1500000000");
    String images = "shapes?count=" + LARGE_BATCH;
    String large = TRAINED_AT_ONCE.formatted(LARGE_BATCH);
    String asked = launch("gpu-small", "large", images, large, "");
    try (ProgramProcess worker = worker("small", "compute", bounded)) {
      until(() -> show(asked).toString().contains("OUT_OF_MEMORY"));
      assertThat(show(asked).toString())
          .contains("ran out of memory with %d samples of 8×8 at once".formatted(LARGE_BATCH));

      String modest = launch("gpu-small", "modest", SHAPES, TRAINED.formatted(5), "");
      until(() -> stage(modest).equals("DONE"));
      assertThat(worker.alive()).isTrue();
      until(() -> step(training) > before);
    }
    String askedAgain = launch("gpu-small", "large-again", images, large, "");
    try (ProgramProcess unbounded = worker("small-unbounded", "compute", small)) {
      until(() -> step(askedAgain) > 0);
      assertThat(unbounded.alive()).isTrue();
    }
    cancel(askedAgain);
  }

  @Test
  @Order(4)
  void shouldEndWorkThatKillsItsWorkerAgainAndAgain() throws Exception {
    cancel(training);
    second.close();
    String id = launch("kills", "shapes?count=2000000", TRAINED.formatted(5), "");
    for (int i = 0; i < 3; i++) {
      ProgramProcess worker = first;
      until(() -> String.join("", worker.log()).contains("first serves"));
      until(() -> isAtWork(id));
      first.close(); // SIGKILL
      first = worker("first", "light,compute");
    }
    until(() -> stage(id).equals("FAILED"));
    assertThat(show(id).toString())
        .contains(
            "WORKER_KILLED", "PrepareDataset ended the process of its worker 3 times in a row");
  }

  @Test
  @Order(5)
  void shouldReplaceAWorkerThatStandsStillAndGiveUpTheThirdTime() throws Exception {
    first.close();
    Path hanging = PoisonFiles.hangingTorchScript(folder, BATCH);
    String id =
        launch(
            "hangs",
            SHAPES,
            TRAINED.formatted(5),
            ", extractor: {source: \"%s\"}".formatted(hanging));
    for (int i = 0; i < 3; i++) {
      ProgramProcess worker = impatientWorker();
      assertThat(worker.exitCode((int) PATIENCE.toSeconds())).isEqualTo(75);
      assertThat(String.join("\n", worker.log()))
          .contains("MeasureReference stands still: the native call 'forward' has not returned");
    }
    try (ProgramProcess worker = impatientWorker()) {
      until(() -> show(id).toString().contains("WORKER_KILLED"));
      assertThat(show(id).toString())
          .contains("MeasureReference ended the process of its worker 3 times in a row");
      assertThat(worker.alive()).isTrue();
    }
  }

  private ProgramProcess impatientWorker() throws IOException {
    return worker("first", "light,compute", Map.of("ATELIER_WORKER_FIRST_CALL_TIMEOUT", "PT10S"));
  }

  private static void until(Callable<Boolean> condition) throws Exception {
    Waiting.until(condition, PATIENCE);
  }

  private Map<String, String> environment() {
    Map<String, String> environment = new HashMap<>();
    environment.put("ATELIER_S3_ENDPOINT", "http://127.0.0.1:" + ports.s3());
    environment.put("ATELIER_S3_ACCESS_KEY", credentials.s3AccessKey());
    environment.put("ATELIER_S3_SECRET_KEY", credentials.s3SecretKey());
    environment.put("ATELIER_TEMPORAL_TARGET", "127.0.0.1:" + ports.temporal());
    environment.put("ATELIER_SOURCES_DIRECTORIES", "/");
    return environment;
  }

  private String postgres() {
    return "jdbc:postgresql://127.0.0.1:%d/atelier".formatted(ports.postgres());
  }

  private ProgramProcess worker(String name, String roles) throws IOException {
    return worker(name, roles, Map.of());
  }

  private ProgramProcess worker(String name, String roles, Map<String, String> more)
      throws IOException {
    Map<String, String> environment = environment();
    environment.putAll(more);
    environment.put("ATELIER_DATABASE_URL", postgres());
    environment.put("ATELIER_DATABASE_USER", PostgresService.USER);
    environment.put("ATELIER_DATABASE_PASSWORD", credentials.postgresPassword());
    environment.put("ATELIER_WORKER_NAME", name);
    environment.put("ATELIER_WORKER_ROLES", roles);
    environment.put("ATELIER_WORKER_CACHE_DIR", folder.resolve("cache").toString());
    environment.put("OMP_NUM_THREADS", "1");
    return program(
        name,
        environment,
        List.of(
            "-Dai.djl.offline=true",
            "-cp",
            new Installation(ROOT).workerClassPath(),
            "dev.atelier.worker.WorkerMain"));
  }

  private ProgramProcess program(
      String name, Map<String, String> environment, List<String> arguments) throws IOException {
    Path log = folder.resolve("%s-%d.log".formatted(name, programs.size()));
    ProgramProcess program = ProgramProcess.start(log, environment, arguments);
    programs.add(program);
    return program;
  }

  /** Whether a worker is at work for the experiment, as its disk says. */
  private boolean isAtWork(String id) throws IOException {
    try (Stream<Path> files = Files.walk(folder.resolve("cache/work"))) {
      for (Path file :
          files.filter(f -> f.getFileName().toString().startsWith("running-")).toList()) {
        if (Files.readString(file).contains("experiment-" + id)) {
          return true;
        }
      }
      return false;
    } catch (NoSuchFileException | UncheckedIOException e) {
      return false; // it goes on
    }
  }

  private String api(String path) {
    return "http://127.0.0.1:%d%s".formatted(ports.api(), path);
  }

  private boolean isReady() throws InterruptedException {
    try {
      return http.send(
                  HttpRequest.newBuilder(URI.create(api("/q/health/ready"))).build(),
                  BodyHandlers.discarding())
              .statusCode()
          == 200;
    } catch (IOException e) {
      return false; // not yet
    }
  }

  private String launch(String name, String dataset, String teacher, String evaluation)
      throws IOException, InterruptedException {
    return launch("cpu", name, dataset, teacher, evaluation);
  }

  private String launch(
      String compute, String name, String dataset, String teacher, String evaluation)
      throws IOException, InterruptedException {
    HttpResponse<String> answer =
        http.send(
            HttpRequest.newBuilder(URI.create(api("/api/v1/experiments")))
                .header("Content-Type", "application/yaml")
                .POST(
                    BodyPublishers.ofString(
                        SPEC.formatted(name, compute, dataset, teacher, evaluation)))
                .build(),
            BodyHandlers.ofString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(202);
    return JSON.readTree(answer.body()).get("id").asText();
  }

  private void cancel(String id) throws IOException, InterruptedException {
    http.send(
        HttpRequest.newBuilder(URI.create(api("/api/v1/experiments/" + id + "/cancel")))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString("{}"))
            .build(),
        BodyHandlers.ofString());
  }

  private JsonNode show(String id) throws IOException, InterruptedException {
    return JSON.readTree(
        http.send(
                HttpRequest.newBuilder(URI.create(api("/api/v1/experiments/" + id))).build(),
                BodyHandlers.ofString())
            .body());
  }

  private String stage(String id) throws IOException, InterruptedException {
    return show(id).path("stage").asText();
  }

  private int step(String id) throws IOException, InterruptedException {
    return show(id).path("models").path(0).path("step").asInt();
  }
}
