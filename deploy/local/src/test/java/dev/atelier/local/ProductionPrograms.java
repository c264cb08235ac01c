package dev.atelier.local;

import dev.atelier.store.objects.ObjectStore;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The programs of production on Postgres, S3 and Temporal, which a test can stop and start. Nothing
 * is set for them but where the others are.
 */
final class ProductionPrograms implements AutoCloseable {

  private static final Duration PATIENCE = Duration.ofMinutes(2); // ends a hung test, no more

  private final HttpClient http = HttpClient.newHttpClient();
  private final Path folder;
  private final DataDirectory directory;
  private final Supervisor supervisor;
  private final Ports ports;
  private final DataDirectory.Credentials credentials;
  private final Map<String, Service> services;
  private final Map<String, Child> servers = new LinkedHashMap<>();
  private final List<ProgramProcess> programs = new ArrayList<>();
  private final Map<URI, ProgramProcess> apis = new HashMap<>();

  /** Starts the three servers. */
  ProductionPrograms(Path folder) throws Exception {
    this.folder = folder;
    directory = DataDirectory.open(folder.resolve("data"));
    supervisor = new Supervisor(directory, System.out::println);
    supervisor.prepare();
    ports = Ports.ANY.reserve();
    credentials = directory.credentials();
    services =
        InfrastructureProgram.services(directory, ports).stream()
            .collect(Collectors.toMap(Service::name, Function.identity()));
    for (String server : services.keySet()) {
      begin(server);
    }
    for (Child server : servers.values()) {
      server.awaitReady();
    }
  }

  private void begin(String server) {
    Child child =
        new Child(services.get(server), directory.logs(), directory.run(), System.out::println);
    servers.put(server, child);
    child.start();
  }

  /** Starts a server that was stopped; returns once it answers. */
  void start(String server) throws Exception {
    begin(server);
    servers.get(server).awaitReady();
  }

  /** Ends a server as its operator does; returns once it is gone. */
  void stop(String server) {
    servers.get(server).stop();
    servers.get(server).awaitStopped();
  }

  /** Ends a server with SIGKILL; returns once it is gone. */
  void kill(String server) {
    Child child = servers.get(server);
    child.stop();
    child.pid().flatMap(ProcessHandle::of).ifPresent(ProcessHandle::destroyForcibly);
    child.awaitStopped();
  }

  /** The process of a server that runs. */
  long pid(String server) {
    return servers.get(server).pid().orElseThrow();
  }

  /** The process of an api. */
  long pid(URI api) {
    return apis.get(api).pid();
  }

  Ports ports() {
    return ports;
  }

  String s3() {
    return "http://%s:%d".formatted(Ports.HOST, ports.s3());
  }

  ObjectStore store() {
    return new ObjectStore(
        s3(), credentials.s3AccessKey(), credentials.s3SecretKey(), S3Service.BUCKET);
  }

  String postgres() {
    return "jdbc:postgresql://%s:%d/%s"
        .formatted(Ports.HOST, ports.postgres(), PostgresService.DATABASE);
  }

  String postgresPassword() {
    return credentials.postgresPassword();
  }

  Connection database() throws SQLException {
    return DriverManager.getConnection(
        postgres(), PostgresService.USER, credentials.postgresPassword());
  }

  void execute(String sql) throws SQLException {
    try (Connection database = database();
        Statement statement = database.createStatement()) {
      statement.execute(sql);
    }
  }

  private Map<String, String> environment() {
    Map<String, String> environment = new HashMap<>();
    environment.put("ATELIER_S3_ENDPOINT", s3());
    environment.put("ATELIER_S3_ACCESS_KEY", credentials.s3AccessKey());
    environment.put("ATELIER_S3_SECRET_KEY", credentials.s3SecretKey());
    environment.put("ATELIER_TEMPORAL_TARGET", Ports.HOST + ":" + ports.temporal());
    return environment;
  }

  /** Starts an api; returns its address once it answers there. */
  URI api(Map<String, String> settings) throws Exception {
    return api(Ports.anyFree(), settings);
  }

  URI api(int port, Map<String, String> settings) throws Exception {
    Map<String, String> environment = environment();
    environment.put("QUARKUS_HTTP_PORT", Integer.toString(port));
    environment.put("ATELIER_S3_PUBLIC_ENDPOINT", s3());
    environment.put("QUARKUS_DATASOURCE_JDBC_URL", postgres());
    environment.put("QUARKUS_DATASOURCE_USERNAME", PostgresService.USER);
    environment.put("QUARKUS_DATASOURCE_PASSWORD", credentials.postgresPassword());
    environment.putAll(settings);
    ProgramProcess api =
        program(
            "api",
            environment,
            List.of(
                ApiService.OPEN_BUFFERS,
                "-jar",
                new Installation(StackUnderTest.ROOT).apiJar().toString()));
    URI address = URI.create("http://%s:%d".formatted(Ports.HOST, port));
    Waiting.until(
        () -> {
          if (!api.alive()) {
            throw new AssertionError(String.join("\n", api.log()));
          }
          return answers(address.resolve("/q/health/live"));
        },
        PATIENCE);
    apis.put(address, api);
    return address;
  }

  private boolean answers(URI address) throws InterruptedException {
    try {
      HttpRequest request = HttpRequest.newBuilder(address).build();
      return http.send(request, BodyHandlers.discarding()).statusCode() == 200;
    } catch (IOException e) {
      return false; // not yet
    }
  }

  /** Starts a worker of both roles, whose cache lies in a folder of its own; it serves later. */
  ProgramProcess worker(String name, Map<String, String> settings) throws IOException {
    Map<String, String> environment = environment();
    environment.put("ATELIER_DATABASE_URL", postgres());
    environment.put("ATELIER_DATABASE_USER", PostgresService.USER);
    environment.put("ATELIER_DATABASE_PASSWORD", credentials.postgresPassword());
    environment.put("ATELIER_WORKER_NAME", name);
    environment.put("ATELIER_WORKER_ROLES", "light,compute");
    environment.put("ATELIER_WORKER_CACHE_DIR", folder.resolve("cache-" + name).toString());
    environment.put("OMP_NUM_THREADS", "1");
    environment.putAll(settings);
    return program(
        name,
        environment,
        List.of(
            "-Dai.djl.offline=true",
            "-cp",
            new Installation(StackUnderTest.ROOT).workerClassPath(),
            "dev.atelier.worker.WorkerMain"));
  }

  private ProgramProcess program(
      String name, Map<String, String> environment, List<String> arguments) throws IOException {
    Path log = folder.resolve("%s-%d.log".formatted(name, programs.size()));
    ProgramProcess program = ProgramProcess.start(log, environment, arguments);
    programs.add(program);
    return program;
  }

  @Override
  public void close() throws IOException {
    programs.forEach(ProgramProcess::close);
    for (Child server : servers.values()) {
      server.stop();
      server.awaitStopped();
    }
    supervisor.close();
    directory.close();
  }
}
