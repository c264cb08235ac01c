package dev.atelier.workflows.connection;

import static org.assertj.core.api.Assertions.assertThat;

import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.WorkerFactory;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Base64;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Work that a worker without the key cannot read waits for one that has it. */
@Timeout(300)
class MissingKeyTest {

  private static final String WORKFLOWS = "workflows";
  private static final String ACTIVITIES = "activities";

  @TempDir private Path directory;
  private TestWorkflowEnvironment environment;
  private Optional<Path> key;

  /** Says a word again. */
  @WorkflowInterface
  public interface Echo {
    @WorkflowMethod
    String say(String word);
  }

  /** The same, as an activity. */
  @ActivityInterface
  public interface Voice {
    String speak(String word);
  }

  /** Lets the activity say it. */
  public static final class EchoImpl implements Echo {
    private final Voice voice =
        Workflow.newActivityStub(
            Voice.class,
            ActivityOptions.newBuilder()
                .setTaskQueue(ACTIVITIES)
                .setStartToCloseTimeout(Duration.ofMinutes(1)) // bounds nothing that takes time
                .build());

    @Override
    public String say(String word) {
      return voice.speak(word);
    }
  }

  @BeforeEach
  void start() throws Exception {
    environment = TestWorkflowEnvironment.newInstance();
    Path file = directory.resolve("keys");
    Files.writeString(file, "k1 " + Base64.getEncoder().encodeToString(new byte[32]));
    key =
        Optional.of(
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------")));
  }

  @AfterEach
  void stop() {
    environment.close();
  }

  private WorkflowClient client(Optional<Path> keys) {
    return WorkflowClient.newInstance(
        environment.getWorkflowServiceStubs(),
        WorkflowClientOptions.newBuilder()
            .setNamespace(environment.getNamespace())
            .setDataConverter(PayloadEncryption.of(keys).dataConverter())
            .build());
  }

  private WorkerFactory serve(String queue, Optional<Path> keys) {
    WorkerFactory factory = WorkerFactory.newInstance(client(keys));
    if (queue.equals(WORKFLOWS)) {
      factory.newWorker(queue).registerWorkflowImplementationTypes(EchoImpl.class);
    } else {
      factory.newWorker(queue).registerActivitiesImplementations((Voice) word -> word);
    }
    factory.start();
    return factory;
  }

  private WorkflowStub begin() {
    WorkflowStub echo =
        client(key)
            .newUntypedWorkflowStub(
                "Echo", WorkflowOptions.newBuilder().setTaskQueue(WORKFLOWS).build());
    echo.start("a word");
    return echo;
  }

  private String history(WorkflowExecution execution) {
    return client(Optional.empty()).fetchHistory(execution.getWorkflowId()).getHistory().toString();
  }

  private static void end(WorkerFactory workers) {
    workers.shutdownNow();
    workers.awaitTermination(30, TimeUnit.SECONDS);
  }

  @Test
  void shouldFailNoWorkflowThatAWorkerCannotRead() throws Exception {
    WorkerFactory activities = serve(ACTIVITIES, key);
    WorkerFactory keyless = serve(WORKFLOWS, Optional.empty());
    WorkflowStub echo = begin();
    while (!history(echo.getExecution()).contains("EVENT_TYPE_WORKFLOW_TASK_FAILED")) {
      Thread.sleep(50);
    }
    assertThat(history(echo.getExecution())).contains("and this program has no keys");
    end(keyless);
    WorkerFactory keyed = serve(WORKFLOWS, key);
    assertThat(echo.getResult(String.class)).isEqualTo("a word");
    end(keyed);
    end(activities);
  }

  @Test
  void shouldAskForAnActivityAgainThatAWorkerCannotRead() throws Exception {
    WorkerFactory workflows = serve(WORKFLOWS, key);
    WorkerFactory keyless = serve(ACTIVITIES, Optional.empty());
    WorkflowStub echo = begin();
    while (echo.describe().getRawDescription().getPendingActivitiesList().stream()
        .noneMatch(activity -> activity.toString().contains("this program has no keys"))) {
      Thread.sleep(50);
    }
    end(keyless);
    WorkerFactory keyed = serve(ACTIVITIES, key);
    assertThat(echo.getResult(String.class)).isEqualTo("a word");
    end(keyed);
    end(workflows);
  }
}
