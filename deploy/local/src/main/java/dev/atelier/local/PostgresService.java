package dev.atelier.local;

import dev.atelier.cli.stack.ProcessIdentity;
import dev.atelier.cli.stack.StopSignal;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A real Postgres server with full durability; its data is in {@code postgres} of the data folder.
 */
final class PostgresService implements Service {

  static final String DATABASE = "atelier";
  static final String USER = "atelier";

  private final Path root;
  private final Path data;
  private final Path bin;
  private final int port;
  private final String password;

  PostgresService(DataDirectory directory, int port, String password) {
    this.root = directory.root();
    this.data = root.resolve("postgres");
    this.bin = directory.bin();
    this.port = port;
    this.password = password;
  }

  @Override
  public String name() {
    return "postgres";
  }

  @Override
  public StopSignal stopSignal() {
    return StopSignal.INT;
  }

  @Override
  public Launch launch() throws IOException, InterruptedException, StackException {
    Path installed = PostgresBinaries.unpack(bin);
    Unprivileged unprivileged = Unprivileged.forThisUser();
    if (!Files.exists(data.resolve("PG_VERSION"))) {
      initialise(installed, unprivileged);
    }
    endStrayServer();
    List<String> command =
        new ArrayList<>(
            unprivileged.wrap(List.of(installed.resolve("bin/postgres").toString()), data));
    command.addAll(List.of("-D", data.toString()));
    for (String setting :
        List.of(
            "listen_addresses=" + Ports.HOST,
            "port=" + port,
            "unix_socket_directories=",
            "fsync=on",
            "synchronous_commit=on",
            "full_page_writes=on",
            "shared_buffers=64MB",
            "max_connections=100")) {
      command.addAll(List.of("-c", setting));
    }
    return new Launch(command, Map.of("LC_ALL", "C"));
  }

  /** Makes a new cluster aside and renames it, so that a half-made one is never started. */
  private void initialise(Path installed, Unprivileged unprivileged)
      throws IOException, InterruptedException, StackException {
    Path fresh = root.resolve("postgres.new");
    if (Files.exists(fresh)) {
      Folders.delete(fresh);
    }
    Files.createDirectory(
        fresh, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    Path passwordFile = fresh.resolveSibling("postgres.password");
    Files.deleteIfExists(passwordFile);
    Files.createFile(
        passwordFile,
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(passwordFile, password);
    try {
      unprivileged.own(passwordFile);
      List<String> command =
          unprivileged.wrap(
              List.of(
                  installed.resolve("bin/initdb").toString(),
                  "-D",
                  fresh.toString(),
                  "-U",
                  USER,
                  "--auth=scram-sha-256",
                  "--pwfile=" + passwordFile,
                  "--encoding=UTF8",
                  "--locale=C"),
              fresh);
      Process initdb =
          new ProcessBuilder(command).directory(root.toFile()).redirectErrorStream(true).start();
      String output = new String(initdb.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (initdb.waitFor() != 0) {
        throw new StackException(
            "Cannot make a Postgres cluster in %s: %s".formatted(data, output));
      }
    } finally {
      Files.deleteIfExists(passwordFile);
    }
    Files.move(fresh, data);
  }

  /**
   * Makes sure that no other server holds the cluster: Postgres refuses to start when the number in
   * {@code postmaster.pid} belongs to any process at all, even one that has nothing to do with it.
   */
  private void endStrayServer() throws IOException, InterruptedException {
    Path pidFile = data.resolve("postmaster.pid");
    if (!Files.exists(pidFile)) {
      return;
    }
    long pid = Long.parseLong(Files.readAllLines(pidFile).get(0).trim());
    var identity = ProcessIdentity.of(pid).filter(process -> servesThisCluster(process.pid()));
    if (identity.isPresent()) {
      identity.get().signal(StopSignal.INT);
      for (int i = 0; i < 200 && identity.get().alive(); i++) {
        Thread.sleep(50);
      }
      identity.get().signal(StopSignal.KILL);
    }
    Files.deleteIfExists(pidFile);
  }

  private boolean servesThisCluster(long pid) {
    try {
      return Files.readString(Path.of("/proc", Long.toString(pid), "cmdline"))
          .contains("\0" + data + "\0");
    } catch (IOException e) {
      return false;
    }
  }

  /** Connects, creates the database when missing, and checks that commits reach the disk. */
  @Override
  public void probe() throws SQLException {
    DriverManager.setLoginTimeout((int) Duration.ofSeconds(5).toSeconds());
    try (Connection connection = connect("postgres");
        Statement statement = connection.createStatement()) {
      for (String setting : List.of("fsync", "synchronous_commit")) {
        try (ResultSet shown = statement.executeQuery("show " + setting)) {
          shown.next();
          if (!shown.getString(1).equals("on")) {
            throw new SQLException(
                "Postgres runs with %s = %s, expected on".formatted(setting, shown.getString(1)));
          }
        }
      }
      try (ResultSet found =
          statement.executeQuery(
              "select from pg_database where datname = '%s'".formatted(DATABASE))) {
        if (found.next()) {
          return;
        }
      }
      statement.execute("create database " + DATABASE);
    }
  }

  private Connection connect(String database) throws SQLException {
    return DriverManager.getConnection(jdbcUrl(database), USER, password);
  }

  String jdbcUrl() {
    return jdbcUrl(DATABASE);
  }

  private String jdbcUrl(String database) {
    return "jdbc:postgresql://%s:%d/%s".formatted(Ports.HOST, port, database);
  }
}
