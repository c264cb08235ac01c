package dev.atelier.local;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.deploy.Programs;
import dev.atelier.store.CheckpointManifest;
import dev.atelier.store.CheckpointManifest.StoredFile;
import dev.atelier.store.ExperimentKeys;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.workflows.ModelKey;
import io.temporal.api.workflowservice.v1.ListWorkflowExecutionsRequest;
import io.temporal.api.workflowservice.v1.ListWorkflowExecutionsResponse;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** The local stack with a {@link FaultProxy} before each server, and what fault tests do to it. */
final class ChaosStack implements AutoCloseable {

  static final List<String> SERVICES =
      List.of("postgres", "s3", "temporal", "api", "worker-1", "worker-2");

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final URI NOWHERE = URI.create("http://" + Ports.HOST + ":1");
  private static final Duration PATIENCE = Duration.ofMinutes(5); // ends a hung run, no more

  private final HttpClient http =
      HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();
  private final Path data;
  private final FaultProxy s3;
  private final FaultProxy postgres;
  private final FaultProxy temporalServer;
  private final boolean smallCache; // the workers' cache has a disk of its own, and a small one
  private final Optional<Path> temporal;
  private LocalStack stack;
  private Endpoints endpoints;

  ChaosStack(Path data) throws Exception {
    this(data, Programs.find("temporal"));
  }

  /**
   * @param temporal the {@code temporal} program; empty: Temporal runs in memory
   */
  ChaosStack(Path data, Optional<Path> temporal) throws Exception {
    this.data = data;
    this.temporal = temporal;
    this.s3 = new FaultProxy(NOWHERE);
    this.postgres = new FaultProxy(NOWHERE);
    this.temporalServer = new FaultProxy(NOWHERE);
    this.smallCache = mountSmallCache();
    start();
  }

  private void start() throws Exception {
    stack =
        LocalStack.prepare(
            new StackOptions(
                data,
                Ports.ANY,
                2,
                1,
                temporal,
                ApiAccess.OPEN,
                ApiProgram.BUILT,
                Optional.empty()),
            new Installation(StackUnderTest.ROOT),
            line -> System.out.println("  stack: " + line));
    stack.route(this::throughProxies);
    endpoints = stack.start();
  }

  private Connections throughProxies(Connections direct) {
    URI database = URI.create(direct.postgresUrl().replaceFirst("^jdbc:", ""));
    s3.target(URI.create(direct.s3Endpoint()));
    postgres.target(database);
    temporalServer.target(URI.create("http://" + direct.temporalTarget()));
    return new Connections(
        temporalServer.endpoint().getAuthority(),
        direct.postgresUrl().replace(database.getAuthority(), postgres.endpoint().getAuthority()),
        direct.postgresUser(),
        s3.endpoint().toString(),
        direct.credentials(),
        direct.codecKeys());
  }

  /** Mounting takes root: {@code false} without. */
  private boolean mountSmallCache() throws Exception {
    Files.createDirectories(data);
    Files.setPosixFilePermissions(data, PosixFilePermissions.fromString("rwx------"));
    Path cache = Files.createDirectories(data.resolve("cache"));
    return run("mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", cache.toString());
  }

  private static boolean run(String... command) throws IOException, InterruptedException {
    return new ProcessBuilder(command).redirectErrorStream(true).start().waitFor() == 0;
  }

  boolean canFillCache() {
    return smallCache;
  }

  /** Leaves the workers' cache no room until the file that is returned is deleted. */
  Path fillCache() throws IOException {
    Path filler = data.resolve("cache").resolve("filler");
    try (OutputStream out = Files.newOutputStream(filler)) {
      while (true) {
        out.write(new byte[64 * 1024]);
      }
    } catch (IOException e) {
      return filler; // no room is left
    }
  }

  /** How many lines of the workers' logs hold {@code text}. */
  int logLines(String text) {
    int lines = 0;
    for (String worker : List.of("worker-1", "worker-2")) {
      try (Stream<String> log = Files.lines(endpoints.logs().resolve(worker + ".log"))) {
        lines += (int) log.filter(line -> line.contains(text)).count();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return lines;
  }

  FaultProxy s3() {
    return s3;
  }

  FaultProxy postgres() {
    return postgres;
  }

  FaultProxy temporal() {
    return temporalServer;
  }

  /** The base URL of the API. */
  String api() {
    return endpoints.api();
  }

  Path data() {
    return data;
  }

  /** Whether Temporal keeps its state in a file. */
  boolean hasDurableTemporal() {
    return endpoints.temporalWebUi().isPresent();
  }

  long pid(String service) throws InterruptedException {
    for (Instant end = Instant.now().plus(PATIENCE); Instant.now().isBefore(end); ) {
      Optional<Long> pid = stack.pid(service);
      if (pid.isPresent()) {
        return pid.get();
      }
      Thread.sleep(50);
    }
    throw new AssertionError(service + " does not run.");
  }

  /** Sends a signal such as {@code KILL} to the process of a service. */
  void signal(String service, String signal) throws Exception {
    signal(pid(service), signal);
  }

  static void signal(long pid, String signal) throws Exception {
    Process kill = new ProcessBuilder("kill", "-" + signal, Long.toString(pid)).start();
    if (kill.waitFor() != 0) {
      throw new AssertionError("Cannot send %s to %d.".formatted(signal, pid));
    }
  }

  /** Kills every process of the stack at once, and starts another stack on what they left. */
  void stopMachine() throws Exception {
    for (String service : SERVICES) {
      Optional<Long> pid = stack.pid(service);
      if (pid.isPresent()) {
        signal(pid.get(), "KILL");
      }
    }
    stack.close();
    start();
  }

  /** The resident set of a service's process, in bytes. */
  long residentBytes(String service) throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/" + pid(service) + "/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
      }
    }
    return 0;
  }

  /** Launches until the api has acknowledged, as a patient client does. */
  String launch(String spec, String idempotencyKey) throws Exception {
    HttpResponse<String> answer =
        patiently(
            HttpRequest.newBuilder(URI.create(endpoints.api() + "/api/v1/experiments"))
                .header("Content-Type", "application/yaml")
                .header("Idempotency-Key", idempotencyKey)
                .timeout(Duration.ofSeconds(30))
                .POST(BodyPublishers.ofString(spec))
                .build());
    if (answer.statusCode() != 202) {
      throw new AssertionError("Launch refused: " + answer.body());
    }
    return JSON.readTree(answer.body()).get("id").asText();
  }

  /** Cancels; nothing changes when the experiment has ended already. */
  void cancel(String id) throws Exception {
    HttpResponse<String> answer =
        patiently(
            HttpRequest.newBuilder(
                    URI.create(endpoints.api() + "/api/v1/experiments/" + id + "/cancel"))
                .timeout(Duration.ofSeconds(30))
                .POST(BodyPublishers.noBody())
                .build());
    if (answer.statusCode() / 100 != 2 && answer.statusCode() != 409) {
      throw new AssertionError("Cancel refused: " + answer.body());
    }
  }

  /** Sends again while the api or what it needs is away. */
  private HttpResponse<String> patiently(HttpRequest request) throws Exception {
    Instant end = Instant.now().plus(PATIENCE);
    while (true) {
      try {
        HttpResponse<String> answer = http.send(request, BodyHandlers.ofString());
        if (answer.statusCode() < 500 || Instant.now().isAfter(end)) {
          return answer;
        }
      } catch (IOException e) {
        if (Instant.now().isAfter(end)) {
          throw e;
        }
      }
      Thread.sleep(200);
    }
  }

  /** Waits, through outages of the api, until an experiment is as wanted or has ended. */
  JsonNode await(String id, Predicate<JsonNode> condition) throws Exception {
    Instant end = Instant.now().plus(PATIENCE);
    String last = "nothing";
    while (Instant.now().isBefore(end)) {
      try {
        HttpResponse<String> answer =
            http.send(
                HttpRequest.newBuilder(URI.create(endpoints.api() + "/api/v1/experiments/" + id))
                    .timeout(Duration.ofSeconds(30))
                    .build(),
                BodyHandlers.ofString());
        last = answer.body();
        if (answer.statusCode() == 200) {
          JsonNode experiment = JSON.readTree(last);
          if (condition.test(experiment) || ended(experiment)) {
            return experiment;
          }
        }
      } catch (IOException e) {
        last = e.toString();
      }
      Thread.sleep(100);
    }
    throw new AssertionError("Experiment %s is not as wanted: %s".formatted(id, last));
  }

  JsonNode awaitEnd(String id) throws Exception {
    return await(id, experiment -> false);
  }

  /** Waits until a model is being trained and has come to {@code step}, or its experiment ended. */
  JsonNode awaitStep(String id, String key, int step) throws Exception {
    return await(
        id,
        experiment ->
            (model(experiment, key).get("state").asText().equals("RUNNING")
                    && model(experiment, key).get("step").asInt() >= step)
                || model(experiment, key).get("state").asText().equals("DONE"));
  }

  static String stage(JsonNode experiment) {
    return experiment.get("stage").asText();
  }

  private static boolean ended(JsonNode experiment) {
    return List.of("DONE", "FAILED", "CANCELED").contains(stage(experiment));
  }

  static JsonNode model(JsonNode experiment, String key) {
    return StreamSupport.stream(experiment.get("models").spliterator(), false)
        .filter(m -> m.get("key").asText().equals(key))
        .findFirst()
        .orElseThrow();
  }

  /** The hashes of weights, averages and both moments at the end of a student's training. */
  Map<String, String> finalState(String id, int student) throws Exception {
    List<List<String>> rows =
        query(
            """
            select manifest_key, manifest_sha256 from checkpoint c join model m on m.id = c.model_id
            where m.experiment_id = '%s' and m.key = 'student-%d' and c.step = m.total_steps
            """
                .formatted(id, student));
    if (rows.size() != 1) {
      return Map.of();
    }
    CheckpointManifest manifest =
        CheckpointManifest.read(store(), rows.get(0).get(0), rows.get(0).get(1));
    Map<String, String> hashes = new TreeMap<>();
    for (StoredFile file : manifest.objects()) {
      store().fetch(file.key(), file.sha256(), data.resolve("verify").resolve(file.name()));
      hashes.put(file.name(), file.sha256());
    }
    return hashes;
  }

  /** The bucket, past the proxy. */
  ObjectStore store() throws IOException {
    return new ObjectStore(
        endpoints.s3Endpoint(),
        credentials().getProperty("s3.access-key"),
        credentials().getProperty("s3.secret-key"),
        endpoints.s3Bucket());
  }

  private Properties credentials() throws IOException {
    return StackUnderTest.credentials(endpoints);
  }

  /** Rows of Postgres as text, once it answers. */
  List<List<String>> query(String sql) throws Exception {
    Instant end = Instant.now().plus(PATIENCE);
    while (true) {
      try {
        return queryOnce(sql);
      } catch (SQLException e) {
        // 08: no connection; 57: it shuts down or starts
        boolean away = String.valueOf(e.getSQLState()).matches("(08|57).*");
        if (!away || Instant.now().isAfter(end)) {
          throw e;
        }
      }
      Thread.sleep(200);
    }
  }

  private List<List<String>> queryOnce(String sql) throws SQLException, IOException {
    try (Connection database = connect();
        Statement statement = database.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      List<List<String>> rows = new ArrayList<>();
      while (row.next()) {
        List<String> columns = new ArrayList<>();
        for (int i = 1; i <= row.getMetaData().getColumnCount(); i++) {
          columns.add(String.valueOf(row.getString(i)));
        }
        rows.add(columns);
      }
      return rows;
    }
  }

  long number(String sql) throws Exception {
    return Long.parseLong(query(sql).get(0).get(0));
  }

  void execute(String sql) throws Exception {
    try (Connection database = connect();
        Statement statement = database.createStatement()) {
      statement.execute(sql);
    }
  }

  private Connection connect() throws SQLException, IOException {
    return DriverManager.getConnection(
        endpoints.postgresUrl(),
        endpoints.postgresUser(),
        credentials().getProperty("postgres.password"));
  }

  /** What does not fit together in Postgres and S3; empty: each knows what the other has. */
  List<String> orphans() throws Exception {
    Set<String> named = new HashSet<>();
    ObjectStore store = store();
    for (List<String> row :
        query(
            """
            select c.manifest_key, c.manifest_sha256, m.experiment_id, m.key
            from checkpoint c join model m on m.id = c.model_id
            """)) {
      CheckpointManifest manifest = CheckpointManifest.read(store, row.get(0), row.get(1));
      named.add(row.get(0));
      manifest.objects().forEach(file -> named.add(file.key()));
      named.add(ExperimentKeys.checkpoints(row.get(2), new ModelKey(row.get(3))) + "latest");
    }
    query("select object_key from artifact").forEach(row -> named.add(row.get(0)));
    query("select start_key from model where start_key is not null")
        .forEach(row -> named.add(row.get(0)));
    Set<String> stored = new HashSet<>(store.list("experiments/"));
    // Lists of models, by content, stay as long as their experiment does.
    query("select id from experiment")
        .forEach(
            row ->
                stored.removeIf(
                    key -> key.startsWith("experiments/%s/models/".formatted(row.get(0)))));
    List<String> orphans = new ArrayList<>();
    named.stream().filter(key -> !stored.contains(key)).forEach(k -> orphans.add("missing " + k));
    stored.stream().filter(key -> !named.contains(key)).forEach(k -> orphans.add("unknown " + k));
    return orphans;
  }

  /** Directories of work that nobody does any more; for use while nothing is being done. */
  List<Path> workDirectories() throws IOException {
    Path work = data.resolve("cache").resolve("work");
    if (!Files.exists(work)) {
      return List.of();
    }
    try (Stream<Path> found = Files.walk(work, 2)) {
      return found
          .filter(path -> work.relativize(path).getNameCount() == 2)
          .filter(Files::isDirectory)
          .filter(
              path -> !path.endsWith("used") || path.toFile().list().length > 0) // links, if any
          .toList();
    }
  }

  /** How the workflow of each experiment that Temporal knows has ended, by its id. */
  Map<String, String> workflows() throws InterruptedException {
    WorkflowServiceStubs stubs =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder()
                .setTarget(endpoints.temporalTarget())
                .validateAndBuildWithDefaults());
    try {
      Map<String, String> statuses = new TreeMap<>();
      ListWorkflowExecutionsRequest.Builder request =
          ListWorkflowExecutionsRequest.newBuilder()
              .setNamespace(TemporalService.NAMESPACE)
              .setQuery("WorkflowType = 'DistillationWorkflow'");
      ListWorkflowExecutionsResponse page;
      do {
        page = stubs.blockingStub().listWorkflowExecutions(request.build());
        page.getExecutionsList()
            .forEach(
                e ->
                    statuses.put(
                        e.getExecution().getWorkflowId(),
                        e.getStatus().name().replace("WORKFLOW_EXECUTION_STATUS_", "")));
        request.setNextPageToken(page.getNextPageToken());
      } while (!page.getNextPageToken().isEmpty());
      return statuses;
    } finally {
      stubs.shutdownNow();
    }
  }

  @Override
  public void close() throws IOException {
    stack.close();
    s3.close();
    postgres.close();
    temporalServer.close();
    if (smallCache) {
      try {
        run("umount", data.resolve("cache").toString());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
