package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.deploy.RequiresProgram;
import dev.atelier.workflows.connection.TemporalConnection;
import io.opentelemetry.proto.trace.v1.Span;
import io.temporal.api.failure.v1.Failure;
import io.temporal.api.workflow.v1.PendingActivityInfo;
import io.temporal.client.WorkflowClient;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * One experiment in the shape of production: the api and workers as processes, over TLS (mTLS to
 * Temporal) to Postgres, S3 and Temporal, secrets in files, logs in JSON at DEBUG, metrics and
 * traces on. The first worker is asked to end in the middle of a training. The tests look at what
 * all of it left behind.
 */
@RequiresProgram("temporal")
@Timeout(1800)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ProductionShapeIT {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path ROOT = Path.of("../..").toAbsolutePath().normalize();
  private static final Duration PATIENCE = Duration.ofMinutes(4); // ends a hung test, no more

  private static final String POSTGRES_PASSWORD = "sentinel-of-postgres-7f3a9c";
  private static final String S3_SECRET_KEY = "sentinel-of-s3-b81e20";
  private static final String API_KEY = "sentinel-of-temporal-55d0e7";
  private static final List<String> SECRETS = List.of(POSTGRES_PASSWORD, S3_SECRET_KEY, API_KEY);

  private static final String NAME = "no-secret-4c11d2"; // in the spec, so it must be found

  private static final String SPEC =
      """
      name: %s
      compute: gpu-a100
      dataset: {source: "shapes?count=256", resolution: 8}
      diffusion: {timesteps: 100}
      teacher:
        network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
        training: {steps: 20, batchSize: 4, warmupSteps: 5, emaDecay: 0.9, metricsEverySteps: 5}
      students:
        count: 1
        network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
        training: {steps: 1500, batchSize: 4, warmupSteps: 5, emaDecay: 0.9,
          checkpointEverySteps: 100000, metricsEverySteps: 5}
      evaluation:
        samples: 200
        batchSize: 50
        gridRows: 2
        gridColumns: 2
        sampler: {steps: 2, spacing: uniform}
      """
          .formatted(NAME);

  private final HttpClient http = HttpClient.newHttpClient();
  private final List<AutoCloseable> running = new ArrayList<>();

  private SecuredServers servers;
  private TraceReceiver traces;
  private String api;
  private String id;
  private PendingActivityInfo handedBack;
  private int firstWorkersExit;
  private String trainingScrape;
  private String lastWorkerScrape;
  private String apiScrape;
  private JsonNode problem;
  private String history;
  private List<String> apiLog;
  private List<String> workerLog;

  @BeforeAll
  void run(@TempDir Path directory) throws Exception {
    servers = keep(new SecuredServers(directory, POSTGRES_PASSWORD, S3_SECRET_KEY));
    traces = keep(new TraceReceiver());
    Map<String, String> connections = connections(directory);

    int apiPort = Ports.anyFree();
    api = "http://127.0.0.1:" + apiPort;
    Map<String, String> ofApi = new HashMap<>(connections);
    ofApi.put("QUARKUS_HTTP_PORT", Integer.toString(apiPort));
    ofApi.put("QUARKUS_DATASOURCE_JDBC_URL", servers.postgresUrl(servers.caFile));
    ofApi.put("QUARKUS_DATASOURCE_USERNAME", "postgres");
    ofApi.put("QUARKUS_DATASOURCE_PASSWORD_FILE", file(directory, "postgres", POSTGRES_PASSWORD));
    ProgramProcess apiProcess =
        keep(
            ProgramProcess.start(
                directory.resolve("api.log"),
                ofApi,
                List.of(
                    ApiService.OPEN_BUFFERS, "-jar", new Installation(ROOT).apiJar().toString())));
    await(apiProcess, () -> status(api + "/q/health/ready") == 200);

    int firstPort = Ports.anyFree();
    ProgramProcess first = worker(directory, connections, "first", firstPort);
    await(first, () -> status(url(firstPort, "/health/ready")) == 200);
    id = launch();
    await(first, () -> step(show(), "student-1") >= 50);
    await(
        first,
        () -> get(url(firstPort, "/metrics")).contains("temporal_activity_schedule_to_start"));
    trainingScrape = get(url(firstPort, "/metrics"));
    firstWorkersExit = first.end();

    try (Temporal temporal = new Temporal(servers.temporalConnection())) {
      await(apiProcess, () -> temporal.pendingTraining(id).getAttempt() >= 2);
      handedBack = temporal.pendingTraining(id);
      int secondPort = Ports.anyFree();
      ProgramProcess second = worker(directory, connections, "second", secondPort);
      await(second, () -> "DONE".equals(show().get("stage").asText()));
      await(apiProcess, () -> get(api + "/q/metrics").contains("experiments{stage=\"DONE\"} 1.0"));
      lastWorkerScrape = get(url(secondPort, "/metrics"));
      apiScrape = get(api + "/q/metrics");
      history = temporal.history(id);
      String artifact = show().get("artifacts").get(0).get("href").asText();
      servers.stopS3();
      problem = JSON.readTree(get(api + URI.create(artifact).getPath()));
      second.end();
      workerLog = Stream.concat(first.log().stream(), second.log().stream()).toList();
    }
    apiProcess.end(); // the rest of its spans is sent
    apiLog = apiProcess.log();
  }

  @AfterAll
  void end() throws Exception {
    for (int i = running.size() - 1; i >= 0; i--) {
      running.get(i).close();
    }
  }

  @Test
  void shouldRefuseTemporalToAClientWithoutACertificate() {
    TemporalConnection good = servers.temporalConnection();
    TemporalConnection anonymous =
        new TemporalConnection(
            good.target(),
            true,
            good.caFile(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty());
    assertThatThrownBy(() -> healthCheck(anonymous)).hasMessageContaining("UNAVAILABLE");
    healthCheck(good);
  }

  @Test
  void shouldRefusePostgresWithoutTlsAndWithAnUnknownAuthority() throws SQLException {
    assertThatThrownBy(() -> select(servers.postgresAddress() + "?sslmode=disable"))
        .hasMessageContaining("no encryption");
    assertThatThrownBy(() -> select(servers.postgresUrl(servers.clientCertificate)))
        .isInstanceOf(SQLException.class);
    select(servers.postgresUrl(servers.caFile));
  }

  @Test
  void shouldHandTheTrainingBackWhenAskedToEnd() {
    Failure said = handedBack.getLastFailure();
    assertThat(said.getApplicationFailureInfo().getType())
        .as("%s", handedBack)
        .isEqualTo("WORKER_LOST"); // said by the worker itself: no heartbeat was missed
    assertThat(said.getMessage()).contains("student-1 was stopped after step");
    assertThat(firstWorkersExit).isEqualTo(143); // SIGTERM
  }

  @Test
  void shouldWriteOneTraceFromTheRequestToTheActivity() {
    Map<String, List<Span>> byTrace =
        traces.spans().stream()
            .collect(Collectors.groupingBy(s -> hex(s.getTraceId().toByteArray())));
    List<List<Span>> launches =
        byTrace.values().stream()
            .filter(t -> t.stream().anyMatch(s -> s.getName().equals("POST /api/v1/experiments")))
            .toList();
    assertThat(launches).hasSize(1);
    List<String> names = launches.get(0).stream().map(Span::getName).toList();
    assertThat(names)
        .contains("StartWorkflow:DistillationWorkflow", "RunWorkflow:DistillationWorkflow")
        .contains(
            "RunActivity:TrainTeacher", "RunActivity:TrainStudent", "RunActivity:SampleShard");
    assertThat(traces.spans())
        .filteredOn(s -> s.getName().startsWith("RunActivity:"))
        .extracting(Span::getTraceId)
        .containsOnly(launches.get(0).get(0).getTraceId());
  }

  @Test
  void shouldNameExperimentModelAndAttemptInJsonLogs() throws Exception {
    List<JsonNode> lines = json(workerLog);
    assertThat(lines)
        .anySatisfy(
            line -> {
              assertThat(line.get("formattedMessage").asText())
                  .contains("WORKER_LOST", "student-1 was stopped after step");
              assertThat(line.get("mdc").get("experimentId").asText()).isEqualTo(id);
              assertThat(line.get("mdc").get("modelKey").asText()).isEqualTo("student-1");
              assertThat(line.get("mdc").get("activity").asText()).isEqualTo("TrainStudent");
              assertThat(line.get("mdc").get("attempt").asText()).isEqualTo("1");
            });
  }

  @Test
  void shouldNameTheProblemsTraceInTheApisLog() throws Exception {
    assertThat(problem.get("status").asInt()).isEqualTo(503);
    String traceId = problem.get("traceId").asText();
    assertThat(json(apiLog))
        .anySatisfy(
            line -> {
              assertThat(line.get("formattedMessage").asText()).contains("object store");
              assertThat(line.get("mdc").get("traceId").asText()).isEqualTo(traceId);
              assertThat(line.get("mdc").get("experimentId").asText()).isEqualTo(id);
            });
    assertThat(traces.spans()).extracting(s -> hex(s.getTraceId().toByteArray())).contains(traceId);
  }

  @Test
  void shouldKeepSecretsOutOfHistoryLogsMetricsAndTraces() {
    // What is looked for in the right places is found there.
    assertThat(history).contains(NAME);
    assertThat(workerLog).anyMatch(l -> l.contains("DEBUG") && l.contains("password"));
    assertThat(apiLog).anyMatch(l -> l.contains("\"DEBUG\""));

    String spans = traces.spans().toString();
    for (String secret : SECRETS) {
      assertThat(history).doesNotContain(secret);
      assertThat(workerLog).noneMatch(line -> line.contains(secret));
      assertThat(apiLog).noneMatch(line -> line.contains(secret));
      assertThat(trainingScrape + lastWorkerScrape + apiScrape).doesNotContain(secret);
      assertThat(spans).doesNotContain(secret);
    }
  }

  @Test
  void shouldMeasureTheTraining() {
    assertThat(value(trainingScrape, "atelier_training_active")).isEqualTo(1);
    assertThat(value(trainingScrape, "atelier_training_steps_total")).isGreaterThanOrEqualTo(70);
    assertThat(value(trainingScrape, "atelier_training_images_per_second")).isPositive();
    assertThat(value(trainingScrape, "atelier_process_resident_bytes")).isGreaterThan(1e8);
    assertThat(value(lastWorkerScrape, "atelier_training_active")).isZero();
    assertThat(value(lastWorkerScrape, "atelier_checkpoint_load_seconds_count")).isEqualTo(1);
    assertThat(value(lastWorkerScrape, "atelier_checkpoint_save_seconds_count")).isPositive();
    assertThat(value(lastWorkerScrape, "atelier_checkpoint_bytes_total")).isGreaterThan(10_000);
    assertThat(value(lastWorkerScrape, "atelier_sampling_images_total")).isGreaterThan(64);
    assertThat(value(lastWorkerScrape, "atelier_activity_retries_total{activity=\"TrainStudent\"}"))
        .isEqualTo(1);
  }

  @Test
  void shouldLabelMetricsWithNothingThatGrows() {
    assertThat(trainingScrape + lastWorkerScrape + apiScrape)
        .doesNotContain(id)
        .doesNotContain(NAME)
        .doesNotContain("student-1");
  }

  @Test
  void shouldHaveEveryMetricThatDashboardsAndAlertsName() throws Exception {
    Set<String> scraped = new java.util.TreeSet<>(Set.of("up")); // Prometheus's own
    for (String scrape : List.of(trainingScrape, lastWorkerScrape, apiScrape)) {
      scraped.addAll(PromNames.ofScrape(scrape));
    }
    Map<String, String> named = PromNames.ofQueries(ROOT.resolve("deploy"));
    assertThat(named).hasSizeGreaterThan(20);
    assertThat(scraped).containsAll(named.keySet());
    assertThat(scraped)
        .doesNotContain("atelier_nothing_total"); // the lookup tells one from another
  }

  private Map<String, String> connections(Path directory) throws IOException {
    Map<String, String> environment = new HashMap<>();
    environment.put("ATELIER_TEMPORAL_TARGET", servers.temporalTarget());
    environment.put("ATELIER_TEMPORAL_CA_FILE", servers.caFile.toString());
    environment.put("ATELIER_TEMPORAL_CERTIFICATE_FILE", servers.clientCertificate.toString());
    environment.put("ATELIER_TEMPORAL_KEY_FILE", servers.clientKey.toString());
    environment.put("ATELIER_TEMPORAL_API_KEY_FILE", file(directory, "temporal", API_KEY));
    environment.put("ATELIER_S3_ENDPOINT", servers.s3Endpoint());
    environment.put("ATELIER_S3_CA_FILE", servers.caFile.toString());
    environment.put("ATELIER_S3_ACCESS_KEY", SecuredServers.S3_ACCESS_KEY);
    environment.put("ATELIER_S3_SECRET_KEY_FILE", file(directory, "s3key", S3_SECRET_KEY));
    environment.put("ATELIER_S3_BUCKET", SecuredServers.BUCKET);
    environment.put("ATELIER_TRACES_ENDPOINT", traces.endpoint().toString());
    environment.put("ATELIER_LOG_FORMAT", "json");
    environment.put("ATELIER_LOG_LEVEL", "DEBUG");
    environment.put("ATELIER_LOG_LIBRARY_LEVEL", "DEBUG");
    return environment;
  }

  private static String file(Path directory, String name, String secret) throws IOException {
    return Files.writeString(directory.resolve("secret-of-" + name), secret + "\n").toString();
  }

  private ProgramProcess worker(
      Path directory, Map<String, String> connections, String name, int port) throws Exception {
    Map<String, String> environment = new HashMap<>(connections);
    environment.put("ATELIER_DATABASE_URL", servers.postgresUrl(servers.caFile));
    environment.put("ATELIER_DATABASE_USER", "postgres");
    environment.put(
        "ATELIER_DATABASE_PASSWORD_FILE", file(directory, "postgres", POSTGRES_PASSWORD));
    environment.put("ATELIER_WORKER_NAME", name);
    environment.put("ATELIER_WORKER_TASK_QUEUES", "atelier-gpu-a100,atelier-gpu");
    environment.put("ATELIER_WORKER_HTTP_PORT", Integer.toString(port));
    environment.put("ATELIER_WORKER_CACHE_DIR", directory.resolve("cache").toString());
    environment.put("OMP_NUM_THREADS", "1");
    return keep(
        ProgramProcess.start(
            directory.resolve(name + ".log"),
            environment,
            List.of(
                "-Dai.djl.offline=true",
                "-cp",
                new Installation(ROOT).workerClassPath(),
                "dev.atelier.worker.WorkerMain")));
  }

  private <T extends AutoCloseable> T keep(T started) {
    running.add(started);
    return started;
  }

  private static void await(ProgramProcess process, Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.call()) {
      if (!process.alive() || System.nanoTime() > deadline) {
        List<String> log = process.log();
        throw new AssertionError(
            "It did not happen; the program's log ends with:\n"
                + String.join("\n", log.subList(Math.max(0, log.size() - 30), log.size())));
      }
      Thread.sleep(200);
    }
  }

  private static String url(int port, String path) {
    return "http://127.0.0.1:%d%s".formatted(port, path);
  }

  private int status(String url) throws InterruptedException {
    try {
      return http.send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.discarding())
          .statusCode();
    } catch (IOException e) {
      return 0; // not yet
    }
  }

  private String get(String url) throws IOException, InterruptedException {
    return http.send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.ofString())
        .body();
  }

  private String launch() throws IOException, InterruptedException {
    HttpResponse<String> answer =
        http.send(
            HttpRequest.newBuilder(URI.create(api + "/api/v1/experiments"))
                .header("Content-Type", "application/yaml")
                .POST(BodyPublishers.ofString(SPEC))
                .build(),
            BodyHandlers.ofString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(202);
    return JSON.readTree(answer.body()).get("id").asText();
  }

  private JsonNode show() throws IOException, InterruptedException {
    JsonNode shown = JSON.readTree(get(api + "/api/v1/experiments/" + id));
    assertThat(shown.path("stage").asText()).as(shown.toString()).isNotEqualTo("FAILED");
    return shown;
  }

  private static int step(JsonNode experiment, String key) {
    for (JsonNode model : experiment.get("models")) {
      if (model.get("key").asText().equals(key)) {
        return model.path("step").asInt();
      }
    }
    return 0;
  }

  private static double value(String scrape, String sample) {
    return scrape
        .lines()
        .filter(line -> line.startsWith(sample + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
        .findFirst()
        .orElseThrow(() -> new AssertionError("%s is not in\n%s".formatted(sample, scrape)));
  }

  private static List<JsonNode> json(List<String> log) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : log) {
      if (line.startsWith("{")) { // the JVM itself may warn in plain text
        lines.add(JSON.readTree(line));
      }
    }
    assertThat(lines.size()).isGreaterThan(log.size() * 9 / 10);
    return lines;
  }

  private static String hex(byte[] bytes) {
    return java.util.HexFormat.of().formatHex(bytes);
  }

  private static void healthCheck(TemporalConnection connection) {
    WorkflowServiceStubs stubs =
        WorkflowServiceStubs.newServiceStubs(connection.stubsOptions().build());
    try {
      stubs.healthCheck();
    } finally {
      stubs.shutdownNow();
    }
  }

  private static void select(String url) throws SQLException {
    try (java.sql.Connection connection =
        DriverManager.getConnection(url, "postgres", POSTGRES_PASSWORD)) {
      assertThat(connection.isValid(5)).isTrue();
    }
  }

  /** What the server knows of the experiment's workflow. */
  private static final class Temporal implements AutoCloseable {
    private final WorkflowServiceStubs stubs;
    private final WorkflowClient client;

    Temporal(TemporalConnection connection) {
      stubs = WorkflowServiceStubs.newServiceStubs(connection.stubsOptions().build());
      client = WorkflowClient.newInstance(stubs);
    }

    PendingActivityInfo pendingTraining(String id) {
      return client
          .newUntypedWorkflowStub("experiment-" + id)
          .describe()
          .getRawDescription()
          .getPendingActivitiesList()
          .stream()
          .filter(activity -> activity.getActivityType().getName().equals("TrainStudent"))
          .findFirst()
          .orElse(PendingActivityInfo.getDefaultInstance());
    }

    String history(String id) {
      return client
          .fetchHistory("experiment-" + id)
          .getHistory()
          .toByteString()
          .toString(StandardCharsets.ISO_8859_1);
    }

    @Override
    public void close() {
      stubs.shutdownNow();
    }
  }
}
