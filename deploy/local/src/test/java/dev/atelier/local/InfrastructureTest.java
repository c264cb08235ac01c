package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.cli.stack.ProcessIdentity;
import dev.atelier.cli.stack.StopSignal;
import dev.atelier.store.objects.ObjectStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real servers under a supervisor in a process of its own, which is killed in every way. */
class InfrastructureTest {

  @TempDir private Path folder;
  private Path data;
  private Ports ports;
  private Process supervisor;

  @BeforeEach
  void choosePorts() throws StackException {
    data = folder.resolve("data");
    ports = Ports.ANY.reserve();
  }

  @AfterEach
  void end() throws InterruptedException {
    supervisor.destroy();
    supervisor.waitFor();
  }

  @Test
  void shouldKeepStateAndLeaveNoProcessHoweverItEnds() throws Exception {
    start();
    sql("create table kept (id int); insert into kept values (17)");
    putObject("kept.txt", "as it was");
    Map<String, ProcessIdentity> first = children();
    assertThat(first).containsOnlyKeys("postgres", "s3", "temporal");

    first.get("postgres").signal(StopSignal.KILL);
    Waiting.until(() -> answers("select id from kept", "17"));
    ProcessIdentity postgres = children().get("postgres");
    assertThat(postgres).isNotEqualTo(first.get("postgres"));

    supervisor.destroyForcibly().waitFor();
    Waiting.until(
        () -> !postgres.alive() && !first.get("s3").alive() && !first.get("temporal").alive());

    start();
    assertThat(answers("select id from kept", "17")).isTrue();
    assertThat(answers("show fsync", "on")).isTrue();
    assertThat(answers("show synchronous_commit", "on")).isTrue();
    assertThat(object("kept.txt")).isEqualTo("as it was");
    Map<String, ProcessIdentity> second = children();

    supervisor.destroy();
    supervisor.waitFor();
    assertThat(second.values()).hasSize(3).noneMatch(ProcessIdentity::alive);
    assertThat(data.resolve("run")).isEmptyDirectory();
  }

  private void start() throws Exception {
    Path output = folder.resolve("supervisor.out");
    Files.deleteIfExists(output);
    supervisor =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-Dlogback.configurationFile=logback-cli.xml",
                "-cp",
                System.getProperty("java.class.path"),
                InfrastructureProgram.class.getName(),
                data.toString(),
                Integer.toString(ports.postgres()),
                Integer.toString(ports.s3()),
                Integer.toString(ports.temporal()),
                Integer.toString(ports.temporalUi()))
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    Waiting.until(
        () -> {
          assertThat(supervisor.isAlive()).as(Files.readString(output)).isTrue();
          return Files.readString(output).lines().anyMatch(InfrastructureProgram.READY::equals);
        });
  }

  private Map<String, ProcessIdentity> children() throws IOException {
    Map<String, ProcessIdentity> children = new HashMap<>();
    try (Stream<Path> files = Files.walk(data.resolve("run"), 2)) {
      for (Path file : files.filter(path -> path.toString().endsWith(".pid")).toList()) {
        List<String> fields = List.of(Files.readString(file).trim().split(" ", -1));
        children.put(
            file.getFileName().toString().replace(".pid", ""),
            new ProcessIdentity(Long.parseLong(fields.get(0)), Long.parseLong(fields.get(1))));
      }
    }
    return children;
  }

  private void sql(String statements) throws Exception {
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      statement.execute(statements);
    }
  }

  private boolean answers(String query, String expected) throws Exception {
    try (Connection connection = connect();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(query)) {
      return rows.next() && rows.getString(1).equals(expected);
    } catch (SQLException e) {
      return false; // not up yet
    }
  }

  private Connection connect() throws Exception {
    return DriverManager.getConnection(
        "jdbc:postgresql://127.0.0.1:%d/atelier".formatted(ports.postgres()),
        "atelier",
        credentials().getProperty("postgres.password"));
  }

  private void putObject(String name, String content) throws Exception {
    s3().put(name, content.getBytes(StandardCharsets.UTF_8), "text/plain");
  }

  private String object(String name) throws Exception {
    return new String(s3().get(name).orElseThrow(), StandardCharsets.UTF_8);
  }

  private ObjectStore s3() throws IOException {
    return new ObjectStore(
        "http://127.0.0.1:%d".formatted(ports.s3()),
        credentials().getProperty("s3.access-key"),
        credentials().getProperty("s3.secret-key"),
        S3Service.BUCKET);
  }

  private Properties credentials() throws IOException {
    Properties credentials = new Properties();
    try (var reader = Files.newBufferedReader(data.resolve("credentials.properties"))) {
      credentials.load(reader);
    }
    return credentials;
  }
}
