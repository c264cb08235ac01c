package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.deploy.Programs;
import dev.atelier.deploy.RequiresProgram;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowStub;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.worker.WorkerFactory;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A data folder that an older Atelier left: its Temporal was 1.5.1 (resources: temporal-1.5.1.sh).
 */
@RequiresProgram("temporal")
@Timeout(600)
class OldTemporalDatabaseTest {

  @TempDir private Path folder;

  @Test
  void shouldGoOnWithAWorkflowThatAnOlderServerWrote() throws Exception {
    try (DataDirectory directory = DataDirectory.open(folder);
        Supervisor supervisor = new Supervisor(directory, notice -> {})) {
      supervisor.prepare();
      unpack(directory.root().resolve("temporal").resolve("temporal.db"));
      TemporalService server =
          new TemporalService(
              Programs.find("temporal"), directory, Ports.anyFree(), Ports.HOST, Ports.anyFree());
      supervisor.start(List.of(server));
      WorkflowServiceStubs temporal = StickyQueueTest.connect(server.target());
      WorkflowClient client = WorkflowClient.newInstance(temporal);
      WorkerFactory worker = WorkerFactory.newInstance(client);
      try {
        assertThat(client.listExecutions("AtelierName = 'old'"))
            .singleElement()
            .satisfies(
                found ->
                    assertThat(found.getExecution().getWorkflowId()).isEqualTo("written-by-1.5.1"));

        worker
            .newWorker("old")
            .registerWorkflowImplementationTypes(StickyQueueTest.WaitingImpl.class);
        worker.start();
        WorkflowStub workflow = client.newUntypedWorkflowStub("written-by-1.5.1");
        workflow.signal("end");
        workflow.getResult(60, TimeUnit.SECONDS, Void.class);
      } finally {
        worker.shutdownNow();
        temporal.shutdownNow();
      }
    }
  }

  private static void unpack(Path database) throws IOException {
    Files.createDirectories(database.getParent());
    try (InputStream packed =
            Objects.requireNonNull(
                OldTemporalDatabaseTest.class.getResourceAsStream("/temporal-1.5.1.db.gz"));
        InputStream content = new GZIPInputStream(packed)) {
      Files.copy(content, database);
    }
  }
}
