package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerOptions;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A task that waits for a worker that has died, on the server in memory. */
@Timeout(600)
@Tag("slow")
class StickyQueueTest {

  private static final String TASK_QUEUE = "sticky";
  private static final Duration DEFAULT = Duration.ofSeconds(5);
  private static final int TRIES = 5;
  private static final int STUCK_SECONDS = 15; // a real server gives such a task up after 5

  @TempDir private Path folder;
  private DataDirectory directory;
  private Supervisor supervisor;
  private TemporalService server;
  private WorkflowServiceStubs temporal;
  private WorkflowClient client;

  /** Ends at a signal. */
  @WorkflowInterface
  public interface Waiting {
    @WorkflowMethod
    void run();

    @SignalMethod
    void end();
  }

  /** Waits in memory, where it is cached. */
  public static final class WaitingImpl implements Waiting {
    private boolean ended;

    @Override
    public void run() {
      Workflow.await(() -> ended);
    }

    @Override
    public void end() {
      ended = true;
    }
  }

  /** A worker as a program of its own. Arguments: the server, its sticky timeout. */
  static final class WorkerProgram {

    private WorkerProgram() {}

    public static void main(String[] args) {
      WorkerFactory factory = worker(connect(args[0]), Duration.parse(args[1]));
      factory.start();
      factory.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS);
    }
  }

  static WorkflowServiceStubs connect(String target) {
    return WorkflowServiceStubs.newServiceStubs(
        WorkflowServiceStubsOptions.newBuilder().setTarget(target).build());
  }

  private static WorkerFactory worker(WorkflowServiceStubs temporal, Duration stickyTimeout) {
    WorkerFactory factory = WorkerFactory.newInstance(WorkflowClient.newInstance(temporal));
    factory
        .newWorker(
            TASK_QUEUE,
            WorkerOptions.newBuilder().setStickyQueueScheduleToStartTimeout(stickyTimeout).build())
        .registerWorkflowImplementationTypes(WaitingImpl.class);
    return factory;
  }

  @BeforeEach
  void start() throws Exception {
    directory = DataDirectory.open(folder);
    supervisor = new Supervisor(directory, notice -> {});
    supervisor.prepare();
    server = new TemporalService(Optional.empty(), directory, Ports.anyFree(), Ports.HOST, 0);
    supervisor.start(List.of(server));
    temporal = connect(server.target());
    client = WorkflowClient.newInstance(temporal);
  }

  @AfterEach
  void stop() throws Exception {
    temporal.shutdownNow();
    supervisor.close();
    directory.close();
  }

  @Test
  void shouldGoToAnotherWorkerWhenWorkersDoAsTheServiceAsks() throws Exception {
    Duration timeout =
        Duration.parse(server.workerEnvironment().get(TemporalService.STICKY_TIMEOUT));
    WorkflowStub workflow = startAndKillItsWorker(timeout);

    WorkerFactory other = worker(temporal, timeout);
    try {
      other.start();
      workflow.getResult(60, TimeUnit.SECONDS, Void.class);
    } finally {
      other.shutdownNow();
    }
  }

  /**
   * The control: what happened to every experiment whose worker died. A server that has not seen
   * yet that the connection is gone gives the task to the dead worker, and after its timeout to
   * another one: then it is tried again.
   */
  @Test
  void shouldWaitForEverWhenWorkersDoAsUsual() throws Exception {
    int ended = 0;
    while (ended < TRIES && !staysWithItsDeadWorker()) {
      ended++;
    }
    assertThat(ended).as("workflows that ended").isLessThan(TRIES);
  }

  private boolean staysWithItsDeadWorker() throws Exception {
    WorkflowStub workflow = startAndKillItsWorker(DEFAULT);
    WorkerFactory other = worker(temporal, DEFAULT);
    try {
      other.start();
      workflow.getResult(STUCK_SECONDS, TimeUnit.SECONDS, Void.class);
      return false;
    } catch (TimeoutException e) {
      return true;
    } finally {
      other.shutdownNow();
    }
  }

  /**
   * The workflow waits in a worker, which is killed; then comes the signal that is its next task.
   */
  private WorkflowStub startAndKillItsWorker(Duration stickyTimeout) throws Exception {
    Process worker = startWorker(stickyTimeout);
    WorkflowStub workflow =
        client.newUntypedWorkflowStub(
            "Waiting", WorkflowOptions.newBuilder().setTaskQueue(TASK_QUEUE).build());
    try {
      workflow.start();
      while (!hasCompletedATask(workflow)) {
        Thread.sleep(50);
      }
    } finally {
      worker.destroyForcibly();
    }
    assertThat(worker.waitFor()).isEqualTo(128 + 9);
    workflow.signal("end");
    return workflow;
  }

  private boolean hasCompletedATask(WorkflowStub workflow) {
    return client.fetchHistory(workflow.getExecution().getWorkflowId()).getEvents().stream()
        .anyMatch(event -> event.hasWorkflowTaskCompletedEventAttributes());
  }

  private Process startWorker(Duration stickyTimeout) throws IOException {
    ProcessBuilder worker =
        new ProcessBuilder(
            ProcessHandle.current().info().command().orElse("java"),
            "-cp",
            System.getProperty("java.class.path"),
            WorkerProgram.class.getName(),
            server.target(),
            stickyTimeout.toString());
    worker.environment().putAll(Map.of("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1"));
    return worker
        .redirectErrorStream(true)
        .redirectOutput(folder.resolve("worker.log").toFile())
        .start();
  }
}
