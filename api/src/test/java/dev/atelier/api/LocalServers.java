package dev.atelier.api;

import dev.atelier.workflows.TaskQueues;
import dev.atelier.workflows.WebhookDeliveryWorkflowImpl;
import io.grpc.Server;
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
import java.time.Instant;
import java.util.Map;
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

  private EmbeddedPostgres postgres;
  private TestServicesStarter temporal;
  private Server temporalServer;
  private WorkflowServiceStubs stubs;
  private S3Proxy s3;
  private static Path objects; // one stack serves all tests of a run
  private WorkerFactory workers;

  @Override
  public Map<String, String> start() {
    try {
      postgres = EmbeddedPostgres.builder().start();
      temporal = new TestServicesStarter(true, 0L);
      NettyServerBuilder builder =
          NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
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
        Map.entry("atelier.s3.access-key", ACCESS_KEY),
        Map.entry("atelier.s3.secret-key", SECRET_KEY),
        Map.entry("atelier.s3.bucket", BUCKET),
        Map.entry("atelier.maintenance.check-every", "off"),
        Map.entry("atelier.maintenance.grace", "1h"));
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
