package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.deploy.RequiresProgram;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.temporal.api.workflowservice.v1.GetSystemInfoRequest;
import io.temporal.api.workflowservice.v1.GetSystemInfoResponse;
import io.temporal.api.workflowservice.v1.WorkflowServiceGrpc;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.flywaydb.core.Flyway;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The programs of production, started while what they need is away, comes later or refuses them.
 */
@RequiresProgram("temporal")
@Timeout(900)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ColdStartIT {

  private static final Path ROOT = Path.of("../..").toAbsolutePath().normalize();
  private static final int AWAY = 69;
  private static final int NO_LIBTORCH = 72;
  private static final int REFUSED = 77;

  /** What a worker needs. */
  enum Needed {
    OBJECT_STORE("The object store at http://127.0.0.1:%d"),
    POSTGRES("Postgres at jdbc:postgresql://127.0.0.1:%d/atelier"),
    TEMPORAL("Temporal at 127.0.0.1:%d");

    private final String shown;

    Needed(String shown) {
      this.shown = shown;
    }
  }

  private final HttpClient http = HttpClient.newHttpClient();
  private final AtomicInteger processes = new AtomicInteger();
  private final List<AutoCloseable> opened = new ArrayList<>();
  private Path folder;
  private DataDirectory directory;
  private Supervisor supervisor;
  private Ports ports;
  private DataDirectory.Credentials credentials;
  private Map<Needed, Door> doors;

  @BeforeAll
  void startServers(@TempDir Path temporary) throws Exception {
    folder = temporary;
    directory = DataDirectory.open(folder.resolve("data"));
    supervisor = new Supervisor(directory, System.out::println);
    supervisor.prepare();
    ports = Ports.ANY.reserve();
    credentials = directory.credentials();
    supervisor.start(InfrastructureProgram.services(directory, ports));
    Flyway.configure()
        .dataSource(url(ports.postgres(), "atelier"), "atelier", credentials.postgresPassword())
        .load()
        .migrate();
  }

  @BeforeEach
  void closeDoors() throws IOException {
    doors =
        Map.of(
            Needed.OBJECT_STORE, new Door(ports.s3()),
            Needed.POSTGRES, new Door(ports.postgres()),
            Needed.TEMPORAL, new Door(ports.temporal()));
  }

  @AfterEach
  void endProcesses() throws Exception {
    for (AutoCloseable each : opened) {
      each.close();
    }
    opened.clear();
    doors.values().forEach(Door::close);
  }

  @AfterAll
  void stopServers() throws IOException {
    supervisor.close();
    directory.close();
  }

  @ParameterizedTest
  @EnumSource
  void shouldWaitWithOneLineAndEndWithACodeWhenAServerStaysAway(Needed away) throws Exception {
    openAllBut(away);

    ProgramProcess worker = worker(Map.of("ATELIER_WORKER_START_PATIENCE", "PT3S"));

    assertThat(worker.exitCode()).as(text(worker)).isEqualTo(AWAY);
    String shown = away.shown.formatted(doors.get(away).port());
    assertThat(worker.log())
        .filteredOn(line -> line.contains("Waiting for"))
        .singleElement()
        .asString()
        .contains("Waiting for " + shown, "onnect", "gives up after 3 s.");
    assertThat(worker.log().get(worker.log().size() - 1))
        .contains("The worker cannot start: " + shown, "3 s (atelier.worker.start-patience)");
    assertThat(text(worker)).doesNotContain("\tat ");
  }

  @ParameterizedTest
  @EnumSource
  void shouldServeOnceAServerComesAndStayAliveWhenItGoes(Needed late) throws Exception {
    openAllBut(late);
    int port = Ports.anyFree();
    ProgramProcess worker = worker(Map.of("ATELIER_WORKER_HTTP_PORT", Integer.toString(port)));
    Waiting.until(() -> get(port, "/health/ready").body().contains("waiting for"));
    String shown = late.shown.formatted(doors.get(late).port());
    assertThat(get(port, "/health/ready").body()).contains("waiting for " + shown);
    assertThat(get(port, "/health/ready").statusCode()).isEqualTo(503);
    assertThat(get(port, "/health/live").statusCode()).isEqualTo(200);

    doors.get(late).open();
    Waiting.until(() -> get(port, "/health/ready").statusCode() == 200);
    assertThat(text(worker)).contains(shown + " answers after", " serves atelier");

    doors.get(late).close();
    Waiting.until(() -> get(port, "/health/ready").statusCode() == 503);
    assertThat(get(port, "/health/ready").body()).contains(shown);
    assertThat(get(port, "/health/live").statusCode()).isEqualTo(200);
    assertThat(worker.alive()).isTrue();
  }

  @Test
  void shouldEndAtOnceWhenThePasswordIsWrong() throws Exception {
    openAll();
    ProgramProcess worker = worker(Map.of("ATELIER_DATABASE_PASSWORD", "not-the-password"));
    assertThat(worker.exitCode()).as(text(worker)).isEqualTo(REFUSED);
    assertThat(text(worker))
        .contains("The worker cannot start: Postgres at", "refuses the user or the password")
        .doesNotContain("Waiting for", "not-the-password", "\tat ");
  }

  @Test
  void shouldEndAtOnceWhenTheSecretKeyIsWrong() throws Exception {
    openAll();
    ProgramProcess worker = worker(Map.of("ATELIER_S3_SECRET_KEY", "not-the-secret-key"));
    assertThat(worker.exitCode()).as(text(worker)).isEqualTo(REFUSED);
    assertThat(text(worker))
        .contains("The worker cannot start: The object store at", "refuses the bucket 'atelier'")
        .doesNotContain("Waiting for", "not-the-secret-key", "\tat ");
  }

  @Test
  void shouldEndAtOnceWhenTemporalRefusesTheWorker() throws Exception {
    openAll();
    Server refusing =
        NettyServerBuilder.forAddress(Ports.loopback(0))
            .addService(
                new WorkflowServiceGrpc.WorkflowServiceImplBase() {
                  @Override
                  public void getSystemInfo( // what a client asks before anything else
                      GetSystemInfoRequest request, StreamObserver<GetSystemInfoResponse> answer) {
                    answer.onError(
                        Status.UNAUTHENTICATED
                            .withDescription("Request unauthorized.")
                            .asRuntimeException());
                  }
                })
            .build()
            .start();
    opened.add(refusing::shutdownNow);
    ProgramProcess worker =
        worker(Map.of("ATELIER_TEMPORAL_TARGET", Ports.HOST + ":" + refusing.getPort()));
    assertThat(worker.exitCode()).as(text(worker)).isEqualTo(REFUSED);
    assertThat(text(worker))
        .contains("The worker cannot start: Temporal at", "refuses this worker", "unauthorized")
        .doesNotContain("Waiting for", "\tat ");
  }

  @Test
  void shouldEndWithTheCauseWhenLibtorchCannotBeLoaded() throws Exception {
    openAll();
    Path noFolder = Files.writeString(folder.resolve("no-folder"), "a file");
    ProgramProcess worker = worker(Map.of("DJL_CACHE_DIR", noFolder.resolve("djl").toString()));
    assertThat(worker.exitCode()).as(text(worker)).isEqualTo(NO_LIBTORCH);
    assertThat(worker.log().get(worker.log().size() - 1))
        .contains("The worker cannot start: libtorch cannot be loaded: ", "no-folder");
  }

  @Test
  void shouldWaitForTheSchemaThatAnotherProgramMakes() throws Exception {
    openAll();
    sql("create database unmade");
    int port = Ports.anyFree();
    Map<String, String> environment = new HashMap<>(environment());
    environment.put("QUARKUS_HTTP_PORT", Integer.toString(port));
    environment.put("QUARKUS_DATASOURCE_JDBC_URL", url(ports.postgres(), "unmade"));
    environment.put("QUARKUS_DATASOURCE_USERNAME", PostgresService.USER);
    environment.put("QUARKUS_DATASOURCE_PASSWORD", credentials.postgresPassword());
    environment.put("QUARKUS_FLYWAY_MIGRATE_AT_START", "false");

    Map<String, String> impatient = new HashMap<>(environment);
    impatient.put("ATELIER_START_PATIENCE", "2s");
    ProgramProcess gaveUp = api(impatient);
    assertThat(gaveUp.exitCode()).isEqualTo(1);
    assertThat(text(gaveUp))
        .contains("Waiting for the database: ", "migrations are not applied yet")
        .contains("The database was waited for, 2 s (atelier.start-patience)");

    ProgramProcess api = api(environment);
    Waiting.until(() -> text(api).contains("Waiting for the database: "));
    assertThat(text(api)).contains("the first is 20261122");
    Flyway.configure()
        .dataSource(url(ports.postgres(), "unmade"), "atelier", credentials.postgresPassword())
        .load()
        .migrate();
    Waiting.until(() -> get(port, "/q/health/ready").statusCode() == 200);
    assertThat(api.log())
        .filteredOn(line -> line.contains("Waiting for the database"))
        .as("one line, not one for each look")
        .hasSizeLessThanOrEqualTo(2); // a look may fall between two migrations
  }

  private void openAll() throws IOException {
    for (Door door : doors.values()) {
      door.open();
    }
  }

  private void openAllBut(Needed away) throws IOException {
    for (Needed each : Needed.values()) {
      if (each != away) {
        doors.get(each).open();
      }
    }
  }

  private Map<String, String> environment() {
    Map<String, String> environment = new HashMap<>();
    environment.put("ATELIER_S3_ENDPOINT", "http://127.0.0.1:" + port(Needed.OBJECT_STORE));
    environment.put("ATELIER_S3_ACCESS_KEY", credentials.s3AccessKey());
    environment.put("ATELIER_S3_SECRET_KEY", credentials.s3SecretKey());
    environment.put("ATELIER_TEMPORAL_TARGET", "127.0.0.1:" + port(Needed.TEMPORAL));
    return environment;
  }

  private int port(Needed needed) {
    return doors.get(needed).port();
  }

  private ProgramProcess worker(Map<String, String> changes) throws IOException {
    Map<String, String> environment = environment();
    environment.put("ATELIER_DATABASE_URL", url(port(Needed.POSTGRES), "atelier"));
    environment.put("ATELIER_DATABASE_USER", PostgresService.USER);
    environment.put("ATELIER_DATABASE_PASSWORD", credentials.postgresPassword());
    environment.put("ATELIER_WORKER_CACHE_DIR", folder.resolve("cache").toString());
    environment.put("OMP_NUM_THREADS", "1");
    environment.putAll(changes);
    return start(
        environment,
        List.of(
            "-Dai.djl.offline=true",
            "-cp",
            new Installation(ROOT).workerClassPath(),
            "dev.atelier.worker.WorkerMain"));
  }

  private ProgramProcess api(Map<String, String> environment) throws IOException {
    return start(
        environment,
        List.of(ApiService.OPEN_BUFFERS, "-jar", new Installation(ROOT).apiJar().toString()));
  }

  private ProgramProcess start(Map<String, String> environment, List<String> arguments)
      throws IOException {
    Path log = folder.resolve("process-%d.log".formatted(processes.incrementAndGet()));
    ProgramProcess process = ProgramProcess.start(log, environment, arguments);
    opened.add(process);
    return process;
  }

  private static String text(ProgramProcess process) throws IOException {
    return String.join("\n", process.log());
  }

  private HttpResponse<String> get(int port, String path) throws Exception {
    URI uri = URI.create("http://127.0.0.1:%d%s".formatted(port, path));
    while (true) {
      try {
        return http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
      } catch (IOException e) {
        Thread.sleep(100); // it does not listen yet; the test's own limit ends this
      }
    }
  }

  private void sql(String statement) throws Exception {
    try (Connection connection =
            DriverManager.getConnection(
                url(ports.postgres(), "atelier"), "atelier", credentials.postgresPassword());
        Statement sql = connection.createStatement()) {
      sql.execute(statement);
    }
  }

  private static String url(int port, String database) {
    return "jdbc:postgresql://127.0.0.1:%d/%s".formatted(port, database);
  }
}
