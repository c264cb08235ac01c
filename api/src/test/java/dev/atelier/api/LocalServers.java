package dev.atelier.api;

import dev.atelier.workflows.TaskQueues;
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
import java.util.Map;

/** A real Postgres, and the in-JVM Temporal server with a worker, on loopback for tests. */
public class LocalServers implements QuarkusTestResourceLifecycleManager {

  private EmbeddedPostgres postgres;
  private TestServicesStarter temporal;
  private Server temporalServer;
  private WorkflowServiceStubs stubs;
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
        .registerWorkflowImplementationTypes(WaitingDistillation.class, WaitingStudy.class);
    workers.start();
    return Map.of(
        "quarkus.datasource.jdbc.url", postgres.getJdbcUrl("postgres", "postgres"),
        "quarkus.datasource.username", "postgres",
        "quarkus.datasource.password", "postgres",
        "atelier.temporal.target", target,
        "atelier.temporal.ui", "http://127.0.0.1:8233/",
        "atelier.reconcile-every", "1s");
  }

  @Override
  public void stop() {
    try {
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
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
