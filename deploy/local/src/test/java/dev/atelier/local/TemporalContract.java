package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.temporal.activity.Activity;
import io.temporal.activity.ActivityCancellationType;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.client.ActivityCompletionException;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.common.RetryOptions;
import io.temporal.failure.CanceledFailure;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerOptions;
import io.temporal.workflow.Async;
import io.temporal.workflow.ChildWorkflowOptions;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.UpdateMethod;
import io.temporal.workflow.UpdateValidatorMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What Atelier asks of a Temporal server; each server that it runs on must pass. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class TemporalContract {

  private static final String QUEUE = "contract";

  private final CountDownLatch released = new CountDownLatch(1); // ends what fell silent
  private DataDirectory directory;
  private Supervisor supervisor;
  private WorkflowServiceStubs stubs;
  private WorkflowClient client;
  private WorkerFactory factory;

  /** The program of the server under test; empty: the server in memory. */
  abstract Optional<Path> program() throws Exception;

  /** An experiment in small: it works, waits for a retry when that fails, and may have a child. */
  @WorkflowInterface
  public interface Story {
    @WorkflowMethod
    String tell(Kind kind);

    @UpdateMethod
    int retry(int rate);

    @UpdateValidatorMethod(updateName = "retry")
    void checkRate(int rate);

    @QueryMethod
    String stage();
  }

  /** What a story is about. */
  public enum Kind {
    WAITS_FOR_RETRY,
    WORKER_FALLS_SILENT,
    RUNS_UNTIL_CANCELLED,
    HAS_A_CHILD
  }

  /** Work with a heartbeat. */
  @ActivityInterface
  public interface Work {
    int attemptAfterSilence();

    String untilCancelled();
  }

  public static final class StoryImpl implements Story {
    private final Work work =
        Workflow.newActivityStub(
            Work.class,
            ActivityOptions.newBuilder()
                .setStartToCloseTimeout(Duration.ofMinutes(5))
                .setHeartbeatTimeout(Duration.ofSeconds(2))
                .setCancellationType(ActivityCancellationType.WAIT_CANCELLATION_COMPLETED)
                .setRetryOptions(
                    RetryOptions.newBuilder().setInitialInterval(Duration.ofMillis(100)).build())
                .build());
    private int rate;
    private String stage = "BEGUN";

    @Override
    public String tell(Kind kind) {
      return switch (kind) {
        case WAITS_FOR_RETRY -> {
          stage = "AWAITING_RETRY";
          Workflow.await(() -> rate > 0);
          yield "retried at " + rate;
        }
        case WORKER_FALLS_SILENT -> "attempt " + work.attemptAfterSilence();
        case RUNS_UNTIL_CANCELLED -> work.untilCancelled();
        case HAS_A_CHILD -> {
          String id = Workflow.getInfo().getWorkflowId() + "-child";
          Story child =
              Workflow.newChildWorkflowStub(
                  Story.class, ChildWorkflowOptions.newBuilder().setWorkflowId(id).build());
          yield "child " + Async.function(child::tell, Kind.WORKER_FALLS_SILENT).get();
        }
      };
    }

    @Override
    public int retry(int newRate) {
      rate = newRate;
      return rate;
    }

    @Override
    public void checkRate(int newRate) {
      if (newRate <= 0) {
        throw new IllegalArgumentException("rate must be positive, found " + newRate);
      }
    }

    @Override
    public String stage() {
      return stage;
    }
  }

  /** Falls silent in its first attempt, as a worker that was stopped. */
  record WorkImpl(CountDownLatch released) implements Work {
    @Override
    public int attemptAfterSilence() {
      int attempt = Activity.getExecutionContext().getInfo().getAttempt();
      if (attempt == 1) {
        awaitRelease();
      }
      return attempt;
    }

    @Override
    public String untilCancelled() {
      try {
        while (true) {
          Activity.getExecutionContext().heartbeat(null);
          Thread.sleep(100);
        }
      } catch (ActivityCompletionException e) {
        throw e; // the cancellation
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return "interrupted";
      }
    }

    private void awaitRelease() {
      try {
        released.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @BeforeAll
  void start(@TempDir Path folder) throws Exception {
    directory = DataDirectory.open(folder);
    supervisor = new Supervisor(directory, notice -> {});
    supervisor.prepare();
    TemporalService service =
        new TemporalService(program(), directory, Ports.anyFree(), Ports.HOST, Ports.anyFree());
    supervisor.start(List.of(service));
    stubs =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder().setTarget(service.target()).build());
    client = WorkflowClient.newInstance(stubs);
    factory = WorkerFactory.newInstance(client);
    var worker =
        factory.newWorker(
            QUEUE,
            WorkerOptions.newBuilder()
                .setMaxHeartbeatThrottleInterval(Duration.ofMillis(500))
                .build());
    worker.registerWorkflowImplementationTypes(StoryImpl.class);
    worker.registerActivitiesImplementations(new WorkImpl(released));
    factory.start();
  }

  @AfterAll
  void stop() throws Exception {
    released.countDown();
    factory.shutdownNow();
    stubs.shutdownNow();
    supervisor.close();
    directory.close();
  }

  @Test
  void shouldRunOneWorkflowOfAnId() {
    Story story = story("once");
    WorkflowClient.start(story::tell, Kind.WAITS_FOR_RETRY);
    assertThatThrownBy(() -> WorkflowClient.start(sameIdAs(story)::tell, Kind.WAITS_FOR_RETRY))
        .isInstanceOf(WorkflowExecutionAlreadyStarted.class);
    assertThat(story.retry(1)).isOne();
  }

  @Test
  void shouldAnswerQueriesAndUpdatesAndRefuseAnUpdateThatTheWorkflowRefuses() {
    Story story = story("update");
    WorkflowClient.start(story::tell, Kind.WAITS_FOR_RETRY);
    assertThatThrownBy(() -> story.retry(-1))
        .isInstanceOf(WorkflowUpdateException.class)
        .hasStackTraceContaining("rate must be positive, found -1");
    assertThat(story.stage()).isEqualTo("AWAITING_RETRY");
    assertThat(story.retry(3)).isEqualTo(3);
    assertThat(result(story)).isEqualTo("retried at 3");
  }

  @Test
  void shouldTryAnActivityAgainWhenItsWorkerFallsSilent() {
    Story story = story("silent");
    WorkflowClient.start(story::tell, Kind.WORKER_FALLS_SILENT);
    assertThat(result(story)).isEqualTo("attempt 2");
  }

  @Test
  void shouldRunChildren() {
    Story story = story("parent");
    WorkflowClient.start(story::tell, Kind.HAS_A_CHILD);
    assertThat(result(story)).isEqualTo("child attempt 2");
  }

  @Test
  void shouldCarryACancellationToARunningActivity() throws Exception {
    Story story = story("cancel");
    WorkflowClient.start(story::tell, Kind.RUNS_UNTIL_CANCELLED);
    WorkflowStub stub = WorkflowStub.fromTyped(story);
    Waiting.until(() -> stub.describe().getRawDescription().getPendingActivitiesCount() == 1);
    stub.cancel();
    assertThatThrownBy(() -> result(story))
        .isInstanceOf(WorkflowFailedException.class)
        .hasRootCauseInstanceOf(CanceledFailure.class);
  }

  private Story story(String name) {
    return client.newWorkflowStub(Story.class, options(name + "-" + UUID.randomUUID()));
  }

  private Story sameIdAs(Story story) {
    return client.newWorkflowStub(
        Story.class, options(WorkflowStub.fromTyped(story).getExecution().getWorkflowId()));
  }

  private static WorkflowOptions options(String id) {
    return WorkflowOptions.newBuilder().setTaskQueue(QUEUE).setWorkflowId(id).build();
  }

  private static String result(Story story) {
    return WorkflowStub.fromTyped(story).getResult(String.class);
  }
}
