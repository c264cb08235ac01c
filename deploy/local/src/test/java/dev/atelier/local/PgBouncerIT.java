package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.deploy.Programs;
import dev.atelier.deploy.RequiresProgram;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The api and workers behind a PgBouncer that lends them three connections, each for one
 * transaction.
 */
@RequiresProgram("temporal")
@Timeout(900)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PgBouncerIT {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofMinutes(5); // ends a hung test, no more
  private static final String EXPERIMENTS = "/api/v1/experiments";
  private static final int CONNECTIONS = 3;

  private static final String SPEC =
      """
      name: pooled-%d
      reuse: never
      dataset: {source: "shapes?count=256", resolution: 8}
      diffusion: {timesteps: 100}
      teacher:
        network: {channels: 8, multipliers: [1], resBlocks: 1, attentionResolutions: []}
        training: {steps: 20, batchSize: 4, warmupSteps: 5, emaDecay: 0.9, metricsEverySteps: 1}
      students:
        count: 2
        network: {channels: 8, multipliers: [1], resBlocks: 1, attentionResolutions: []}
        training: {steps: 20, batchSize: 4, warmupSteps: 5, emaDecay: 0.9, metricsEverySteps: 1,
          checkpointEverySteps: 5}
      evaluation: {samples: 200, batchSize: 50, gridRows: 2, gridColumns: 2,
        sampler: {steps: 2, spacing: uniform}}
      """;

  private final HttpClient http = HttpClient.newHttpClient();
  private ProductionPrograms programs;
  private Path log;
  private Process pooler;
  private int port;

  @BeforeAll
  void start(@TempDir Path folder) throws Exception {
    Optional<Path> program = Programs.find("pgbouncer");
    assumeTrue(program.isPresent(), "PgBouncer cannot be had here");
    programs = new ProductionPrograms(folder);
    port = Ports.anyFree();
    Path own = Files.createDirectory(folder.resolve("pgbouncer"));
    log = folder.resolve("pgbouncer.log");
    Path users = own.resolve("users.txt");
    Files.writeString(
        users, "\"%s\" \"%s\"%n".formatted(PostgresService.USER, programs.postgresPassword()));
    Path settings = own.resolve("pgbouncer.ini");
    Files.writeString(
        settings,
        """
        [databases]
        %1$s = host=%2$s port=%3$d dbname=%1$s
        [pgbouncer]
        listen_addr = %2$s
        listen_port = %4$d
        unix_socket_dir =
        auth_type = scram-sha-256
        auth_file = %5$s
        pool_mode = transaction
        default_pool_size = %6$d
        max_client_conn = 100
        ignore_startup_parameters = extra_float_digits
        """
            .formatted(
                PostgresService.DATABASE,
                Ports.HOST,
                programs.ports().postgres(),
                port,
                users,
                CONNECTIONS));
    pooler =
        new ProcessBuilder(
                Unprivileged.forThisUser()
                    .wrap(List.of(program.get().toString(), settings.toString()), own))
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    Waiting.until(
        () -> {
          assertThat(pooler.isAlive()).as(Files.readString(log)).isTrue();
          try (Connection connection = connect("prepareThreshold=0")) {
            return connection.isValid(1);
          } catch (SQLException e) {
            return false;
          }
        });
  }

  @AfterAll
  void stop() throws Exception {
    if (pooler != null) {
      pooler.destroy();
      pooler.waitFor(10, TimeUnit.SECONDS);
    }
    if (programs != null) {
      programs.close();
    }
  }

  private String url(String parameters) {
    return "jdbc:postgresql://%s:%d/%s?%s"
        .formatted(Ports.HOST, port, PostgresService.DATABASE, parameters);
  }

  private Connection connect(String parameters) throws SQLException {
    return DriverManager.getConnection(
        url(parameters), PostgresService.USER, programs.postgresPassword());
  }

  @Test
  void shouldRunExperimentsOfTwoWorkersOnThreeConnections() throws Exception {
    URI api =
        programs.api(
            Map.of(
                "QUARKUS_DATASOURCE_JDBC_URL",
                url("prepareThreshold=0"),
                "ATELIER_RECONCILE_EVERY",
                "1s"));
    List<ProgramProcess> workers = new ArrayList<>();
    for (int number = 1; number <= 2; number++) {
      workers.add(
          programs.worker(
              "worker-" + number, Map.of("ATELIER_DATABASE_URL", url("prepareThreshold=0"))));
    }

    List<String> ids = new ArrayList<>();
    for (int number = 1; number <= 3; number++) {
      ids.add(launch(api, SPEC.formatted(number)));
    }
    // One of our own for all: the server still shows one that was closed just now.
    try (Connection own = programs.database()) {
      for (String id : ids) {
        Waiting.until(
            () -> {
              assertThat(connectionsBeside(own)).isLessThanOrEqualTo(CONNECTIONS);
              String stage = JSON.readTree(get(api, EXPERIMENTS + "/" + id)).get("stage").asText();
              assertThat(stage).isNotIn("FAILED", "PARTIAL");
              return stage.equals("DONE");
            },
            PATIENCE);
      }
    }

    for (int time = 0; time < 20; time++) { // a driver prepares what it sends for the fifth time
      JsonNode list = JSON.readTree(get(api, EXPERIMENTS + "?q=spec.students.count=2"));
      assertThat(list.get("items")).hasSize(3);
      assertThat(get(api, EXPERIMENTS + "?format=csv").lines()).hasSize(4);
      assertThat(get(api, EXPERIMENTS + "/" + ids.get(0) + "/models/student-1/metrics"))
          .contains("loss");
    }
    HttpResponse<String> begun =
        http.send(
            HttpRequest.newBuilder(api.resolve("/api/v1/maintenance/checks"))
                .POST(BodyPublishers.noBody())
                .build(),
            BodyHandlers.ofString());
    assertThat(begun.statusCode()).as(begun.body()).isEqualTo(202);
    String check = begun.headers().firstValue("Location").orElseThrow();
    Waiting.until(() -> JSON.readTree(get(api, check)).hasNonNull("finishedAt"), PATIENCE);
    assertThat(JSON.readTree(get(api, check)).hasNonNull("error")).isFalse();

    for (ProgramProcess worker : workers) {
      assertThat(worker.log()).noneMatch(line -> line.contains("prepared statement"));
    }
  }

  @Test
  void shouldFailWithoutTheParameterWhereThePoolerKnowsNoPreparedStatements() throws Exception {
    assumeTrue(
        Files.readString(log).contains("PgBouncer 1.18"), "PgBouncer cannot be had here as 1.18");
    assertThatThrownBy(() -> askInTurn("prepareThreshold=1"))
        .isInstanceOf(SQLException.class)
        .hasMessageContaining("prepared statement");
    askInTurn("prepareThreshold=0");
  }

  /** More clients than the pooler has connections, one statement each in turn. */
  private void askInTurn(String parameters) throws SQLException {
    List<Connection> clients = new ArrayList<>();
    try {
      for (int client = 0; client < 2 * CONNECTIONS; client++) {
        clients.add(connect(parameters));
      }
      for (int time = 0; time < 5; time++) {
        for (Connection client : clients) {
          try (PreparedStatement statement = client.prepareStatement("select ?::int")) {
            statement.setInt(1, time);
            statement.executeQuery().close();
          }
        }
      }
    } finally {
      for (Connection client : clients) {
        client.close();
      }
    }
  }

  /** Connections to Postgres, but for the test's own. */
  private static int connectionsBeside(Connection own) throws SQLException {
    try (Statement statement = own.createStatement();
        ResultSet row =
            statement.executeQuery(
                "select count(*) from pg_stat_activity"
                    + " where backend_type = 'client backend' and pid <> pg_backend_pid()")) {
      row.next();
      return row.getInt(1);
    }
  }

  private String launch(URI api, String spec) throws Exception {
    HttpResponse<String> answer =
        http.send(
            HttpRequest.newBuilder(api.resolve(EXPERIMENTS))
                .header("Content-Type", "application/yaml")
                .POST(BodyPublishers.ofString(spec))
                .build(),
            BodyHandlers.ofString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(202);
    return JSON.readTree(answer.body()).get("id").asText();
  }

  private String get(URI api, String path) throws Exception {
    HttpResponse<String> answer =
        http.send(HttpRequest.newBuilder(api.resolve(path)).build(), BodyHandlers.ofString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    return answer.body();
  }
}
