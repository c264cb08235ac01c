package dev.atelier.api;

import dev.atelier.workflows.TaskQueues;
import dev.atelier.workflows.WebhookDeliveryWorkflowImpl;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import io.temporal.client.WorkflowClient;
import io.temporal.internal.testservice.GRPCServerHelper;
import io.temporal.internal.testservice.TestServicesStarter;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.worker.WorkerFactory;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.gaul.s3proxy.S3Proxy;
import org.gaul.s3proxy.auth.AuthenticationType;
import org.gaul.s3proxy.nio2blob.FilesystemNio2BlobStore;

/**
 * A real Postgres, a real S3 server, and the in-JVM Temporal server with a worker, on loopback for
 * tests.
 */
public class LocalServers implements QuarkusTestResourceLifecycleManager {

  static final String BUCKET = "atelier";
  private static final String ACCESS_KEY = "atelier";
  private static final String SECRET_KEY = "atelier-secret";

  private static final String SETTINGS = "postgresql.auto.conf";
  private static final String HELD = "held";

  private static final AtomicReference<String> REFUSED = new AtomicReference<>("");
  private static Path postgresData = Path.of("");
  private static Path postgresPrograms = Path.of("");
  private static EmbeddedPostgres postgres; // one stack serves all tests of a run
  private TestServicesStarter temporal;
  private Server temporalServer;
  private WorkflowServiceStubs stubs;
  private S3Proxy s3;
  private static Path objects;
  private WorkerFactory workers;

  @Override
  public Map<String, String> start() {
    try {
      postgres = EmbeddedPostgres.builder().start();
      temporal = new TestServicesStarter(true, 0L);
      NettyServerBuilder builder =
          NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      builder.intercept(new Overload());
      GRPCServerHelper.registerServicesAndHealthChecks(temporal.getServices(), builder);
      temporalServer = builder.build().start();
      objects = Files.createTempDirectory("s3");
      s3 = startS3(objects);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    String target = "127.0.0.1:" + temporalServer.getPort();
    stubs =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder().setTarget(target).build());
    workers = WorkerFactory.newInstance(WorkflowClient.newInstance(stubs));
    workers
        .newWorker(TaskQueues.LIGHT)
        .registerWorkflowImplementationTypes(
            WaitingDistillation.class, WaitingStudy.class, WebhookDeliveryWorkflowImpl.class);
    workers.start();
    return Map.ofEntries(
        Map.entry("quarkus.datasource.jdbc.url", postgres.getJdbcUrl("postgres", "postgres")),
        Map.entry("quarkus.datasource.username", "postgres"),
        Map.entry("quarkus.datasource.password", "postgres"),
        Map.entry("atelier.temporal.target", target),
        Map.entry("atelier.temporal.ui", "http://127.0.0.1:8233/"),
        Map.entry("atelier.reconcile-every", "1s"),
        Map.entry("atelier.s3.endpoint", "http://127.0.0.1:" + s3.getPort()),
        Map.entry("atelier.s3.public-endpoint", "http://127.0.0.1:" + s3.getPort()),
        Map.entry("atelier.s3.access-key", ACCESS_KEY),
        Map.entry("atelier.s3.secret-key", SECRET_KEY),
        Map.entry("atelier.s3.bucket", BUCKET),
        Map.entry("atelier.maintenance.check-every", "off"),
        Map.entry("atelier.maintenance.grace", "1h"));
  }

  /** Puts an object into the store, past its server. */
  public static void putObject(String key, byte[] content) {
    try {
      Path file = objects.resolve(BUCKET).resolve(key);
      Files.createDirectories(file.getParent());
      Files.write(file, content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Temporal refuses every call of this method, as when it has too many; empty: none. */
  public static void refuseCallsOf(String method) {
    REFUSED.set(method);
  }

  private static final class Overload implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      if (!REFUSED.get().equals(call.getMethodDescriptor().getBareMethodName())) {
        return next.startCall(call, headers);
      }
      call.close(Status.RESOURCE_EXHAUSTED.withDescription("Workflow is busy."), new Metadata());
      return new ServerCall.Listener<>() {};
    }
  }

  /** Ends Postgres with every connection; {@link #startPostgres} starts the same one again. */
  public static void stopPostgres() {
    String data;
    try (Connection connection = postgres.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("show data_directory")) {
      row.next();
      data = row.getString(1);
      String pid = Files.readAllLines(Path.of(data, "postmaster.pid")).get(0);
      postgresPrograms = Path.of("/proc", pid, "exe").toRealPath().getParent();
    } catch (SQLException | IOException e) {
      throw new IllegalStateException(e);
    }
    postgresData = Path.of(data);
    pgCtl("-w", "stop");
  }

  /** Starts Postgres with the options that it had. */
  public static void startPostgres() {
    pgCtl("-w", "restart"); // "start" would take others
  }

  /**
   * Begins to start a stopped Postgres as one that recovers from an archive, whose first file does
   * not come: it refuses everybody (57P03) until {@link #letPostgresStart}.
   */
  public static void beginToStartPostgres() {
    try {
      Files.createFile(postgresData.resolve(HELD));
      Files.createFile(postgresData.resolve("recovery.signal"));
      Files.writeString(
          postgresData.resolve(SETTINGS),
          "restore_command = 'while [ -e %s ]; do sleep 0.05; done; false'%n".formatted(HELD));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    pgCtl("-W", "restart");
  }

  /** Lets it start, and returns once it answers. */
  public static void letPostgresStart() throws InterruptedException {
    try {
      Files.delete(postgresData.resolve(HELD));
      while (!postgresFailure().isEmpty()) {
        Thread.sleep(50);
      }
      Files.writeString(postgresData.resolve(SETTINGS), ""); // as initdb leaves it
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The SQL state of what Postgres says to who comes now; empty: it answers. */
  public static String postgresFailure() {
    try (Connection connection = postgres.getPostgresDatabase().getConnection()) {
      return connection.isValid(5) ? "" : "08000";
    } catch (SQLException e) {
      return e.getSQLState();
    }
  }

  private static void pgCtl(String waiting, String what) {
    List<String> command = new ArrayList<>();
    if (System.getProperty("user.name").equals("root")) {
      command.addAll(List.of("unshare", "-U")); // as it was started
    }
    String program = postgresPrograms.resolve("pg_ctl").toString();
    command.addAll(List.of(program, "-D", postgresData.toString(), "-m", "fast", waiting, what));
    Path log = postgresData.resolve("pg_ctl.log");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      if (process.waitFor() != 0) {
        throw new IllegalStateException(Files.readString(log));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Makes every object of the store as old as that. */
  public static void setAge(Instant modified) {
    try (Stream<Path> files = Files.walk(objects.resolve(BUCKET))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.setLastModifiedTime(file, FileTime.from(modified));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static S3Proxy startS3(Path directory) {
    FilesystemNio2BlobStore store = new FilesystemNio2BlobStore(directory.toString());
    store.createContainer(BUCKET);
    S3Proxy proxy =
        S3Proxy.builder()
            .blobStore(store)
            .endpoint(URI.create("http://127.0.0.1:0"))
            .awsAuthentication(AuthenticationType.AWS_V2_OR_V4, ACCESS_KEY, SECRET_KEY)
            .ignoreUnknownHeaders(true)
            .build();
    try {
      proxy.start();
    } catch (Exception e) {
      throw new IllegalStateException("The S3 server does not start.", e);
    }
    return proxy;
  }

  @Override
  public void stop() {
    try {
      if (s3 != null) {
        s3.stop();
      }
      if (workers != null) {
        workers.shutdownNow();
        stubs.shutdownNow();
      }
      if (temporalServer != null) {
        temporalServer.shutdownNow();
        temporal.close();
      }
      if (postgres != null) {
        postgres.close();
      }
    } catch (Exception e) {
      throw new IllegalStateException("A server does not stop.", e);
    }
  }
}
