package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.atelier.artifacts.RunningWork;
import dev.atelier.network.libtorch.EndlessCall;
import dev.atelier.network.libtorch.NativeCalls;
import dev.atelier.store.HistoryDatabase;
import dev.atelier.store.KilledWorkers;
import dev.atelier.workflows.ErrorType;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityInfo;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.workflowservice.v1.DescribeWorkflowExecutionRequest;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.RetryOptions;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityInput;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor.ActivityOutput;
import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactoryOptions;
import io.temporal.worker.WorkerOptions;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of an attempt whose process stands still. */
@Timeout(600)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StandstillEndTest {

  private static final String QUEUE = "queue";
  private static final Duration SECOND = Duration.ofSeconds(1);

  @ActivityInterface
  public interface Work {
    void work();
  }

  @WorkflowInterface
  public interface Run {
    @WorkflowMethod
    void run();
  }

  public static final class RunImpl implements Run {
    @Override
    public void run() {
      Workflow.newActivityStub(
              Work.class,
              ActivityOptions.newBuilder()
                  .setStartToCloseTimeout(Duration.ofDays(60))
                  .setHeartbeatTimeout(Duration.ofMinutes(5)) // shall not be what ends it
                  .setRetryOptions(
                      RetryOptions.newBuilder()
                          .setInitialInterval(Duration.ofSeconds(2)) // after its process's end
                          .setBackoffCoefficient(1)
                          .build())
                  .build())
          .work();
    }
  }

  @TempDir Path directory;
  private HistoryDatabase database;
  private KilledWorkers killed;
  private final AtomicReference<String> activity = new AtomicReference<>();
  private Semaphore turn; // of an attempt
  private CountDownLatch over; // ends the threads of processes that have ended

  @BeforeAll
  void start() throws IOException {
    database = new HistoryDatabase();
    killed = new KilledWorkers(database.source());
  }

  @AfterAll
  void stop() throws IOException {
    database.close();
  }

  @Test
  void shouldGiveTheAttemptBackAsStalledAndGoOnInAnotherProcess() throws Exception {
    assertThat(run(2)).isNull();
  }

  @Test
  void shouldEndWorkThatStandsStillThreeTimesInARow() throws Exception {
    ApplicationFailure said = (ApplicationFailure) run(3).getCause().getCause();
    assertThat(said.getType()).isEqualTo(ErrorType.WORKER_KILLED.name());
    assertThat(said.isNonRetryable()).isTrue();
    assertThat(said.getOriginalMessage())
        .startsWith("Work ended the process of its worker 3 times in a row")
        .contains("a native call that does not return");
  }

  /** Runs work that hangs so often, each time in a process that ends; the next one lives. */
  private Throwable run(int hangs) throws Exception {
    turn = new Semaphore(0);
    over = new CountDownLatch(1);
    Path notes = Files.createTempDirectory(directory, "notes");
    RunningWork running = new RunningWork(notes);
    AtomicReference<LivenessWatch> process = new AtomicReference<>();
    try (EndlessCall endless = new EndlessCall(notes);
        TestWorkflowEnvironment server =
            TestWorkflowEnvironment.newInstance(
                TestEnvironmentOptions.newBuilder()
                    .setUseTimeskipping(false)
                    .setWorkerFactoryOptions(
                        WorkerFactoryOptions.newBuilder()
                            .setWorkerInterceptors(
                                new WatchedBy(process), new LossBound(killed, running))
                            .build())
                    .build())) {
      serve(server, endless);
      CountDownLatch lives = new CountDownLatch(hangs);
      start(process, server, running, lives);
      endless.hang();
      turn.release();
      WorkflowStub workflow =
          server
              .getWorkflowClient()
              .newUntypedWorkflowStub(
                  Run.class.getSimpleName(),
                  WorkflowOptions.newBuilder().setTaskQueue(QUEUE).build());
      WorkflowExecution execution = workflow.start();
      try {
        while (lives.getCount() > 0) {
          long left = lives.getCount();
          running.begin("another/1", Optional.empty(), Optional.empty());
          while (lives.getCount() == left) {
            process.get().check();
            Thread.sleep(5);
          }
          assertThat(RunningWork.leftIn(notes)).as("counted once, and this one alone").isEmpty();
          assertThat(killed.inARow(activity.get())).isEqualTo((int) (hangs - lives.getCount()));
          assertThat(lastFailure(server, execution)).isEqualTo(ErrorType.STALLED.name());
          endless.release(); // the thread of the process that has ended
          awaitReturn();
          if (lives.getCount() > 0) {
            endless.hang();
          }
          turn.release();
        }
        return catchThrowable(() -> workflow.getResult(Void.class));
      } finally {
        endless.release();
        over.countDown();
      }
    }
  }

  private void serve(TestWorkflowEnvironment server, EndlessCall endless) {
    Worker worker =
        server.newWorker(
            QUEUE,
            WorkerOptions.newBuilder()
                .setDefaultDeadlockDetectionTimeout(60_000) // ms; on a busy machine
                .build());
    worker.registerWorkflowImplementationTypes(RunImpl.class);
    worker.registerActivitiesImplementations(
        (Work)
            () -> {
              activity.set(LossBound.nameOf(Activity.getExecutionContext().getInfo()));
              turn.acquireUninterruptibly();
              if (endless.hangs()) {
                endless.call();
                awaitOver();
              }
            });
    server.start();
  }

  /** Begins a process, which is another one once it has ended. */
  private void start(
      AtomicReference<LivenessWatch> process,
      TestWorkflowEnvironment server,
      RunningWork running,
      CountDownLatch lives) {
    Runnable halt =
        () -> {
          start(process, server, running, lives);
          lives.countDown();
        };
    process.set(
        new LivenessWatch(
            SECOND,
            SECOND,
            new StandstillEnd(
                running, killed, server.getWorkflowClient().newActivityCompletionClient(), halt)));
  }

  /** The interceptor of the process that runs when an attempt begins. */
  private static final class WatchedBy extends AroundActivities {
    private final AtomicReference<LivenessWatch> process;

    WatchedBy(AtomicReference<LivenessWatch> process) {
      this.process = process;
    }

    @Override
    ActivityOutput around(ActivityInfo info, ActivityInput input, Attempt attempt) {
      return process.get().around(info, input, attempt);
    }
  }

  private static void awaitReturn() throws InterruptedException {
    while (NativeCalls.running().findAny().isPresent()) {
      Thread.sleep(5);
    }
  }

  /** In a process that has ended nothing goes on. */
  private void awaitOver() {
    while (over.getCount() > 0) {
      try {
        over.await();
      } catch (InterruptedException e) {
        // its worker is shut down
      }
    }
  }

  private static String lastFailure(TestWorkflowEnvironment server, WorkflowExecution execution) {
    return server
        .getWorkflowServiceStubs()
        .blockingStub()
        .describeWorkflowExecution(
            DescribeWorkflowExecutionRequest.newBuilder()
                .setNamespace(server.getNamespace())
                .setExecution(execution)
                .build())
        .getPendingActivities(0)
        .getLastFailure()
        .getApplicationFailureInfo()
        .getType();
  }

  @Test
  void shouldBlameNoWorkForThreadsThatWaitForEachOther() throws Exception {
    Path notes = Files.createTempDirectory(directory, "notes");
    new RunningWork(notes).begin("w/1", Optional.empty(), Optional.empty());
    CountDownLatch halted = new CountDownLatch(1);
    try (TestWorkflowEnvironment server = TestWorkflowEnvironment.newInstance()) {
      new StandstillEnd(
              new RunningWork(notes),
              killed,
              server.getWorkflowClient().newActivityCompletionClient(),
              halted::countDown)
          .of(new LivenessWatch.Standstill("deadlock", Optional.empty()));
    }
    assertThat(halted.getCount()).isZero();
    assertThat(RunningWork.leftIn(notes)).isEmpty();
  }
}
