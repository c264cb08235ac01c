package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.store.HistoryDatabase;
import dev.atelier.store.TurnHistory;
import dev.atelier.store.TurnHistory.DeviceKind;
import dev.atelier.workflows.DistillationWorkflow;
import dev.atelier.workflows.ErrorType;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactoryOptions;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

@Timeout(600)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DeviceMeterTest {

  private static final String QUEUE = "atelier-gpu";

  /** A task whose class is all that names it. */
  public record Task(String experimentId) {}

  @ActivityInterface
  public interface Work {
    void train(Task task);
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
              ActivityOptions.newBuilder().setStartToCloseTimeout(Duration.ofHours(1)).build())
          .train(new Task("e"));
    }
  }

  private HistoryDatabase database;
  private TurnHistory turns;
  private final AtomicLong now = new AtomicLong();

  @BeforeAll
  void start() throws IOException {
    database = new HistoryDatabase();
    turns = new TurnHistory(database.source());
  }

  @BeforeEach
  void clear() {
    database.holdOneStudent();
    database.sql().useHandle(handle -> handle.execute("delete from project_usage"));
  }

  @AfterAll
  void stop() throws IOException {
    database.close();
  }

  private DeviceMeter meter(Set<String> queues) {
    return new DeviceMeter(turns, queues, DeviceKind.GPU, now::get, Optional.of(Runnable::run));
  }

  private void pass(int seconds) {
    now.addAndGet(TimeUnit.SECONDS.toNanos(seconds));
  }

  private void run(DeviceMeter meter, Work work) {
    try (TestWorkflowEnvironment environment =
        TestWorkflowEnvironment.newInstance(
            TestEnvironmentOptions.newBuilder()
                .setWorkerFactoryOptions(
                    WorkerFactoryOptions.newBuilder().setWorkerInterceptors(meter).build())
                .build())) {
      Worker worker = environment.newWorker(QUEUE);
      worker.registerWorkflowImplementationTypes(RunImpl.class);
      worker.registerActivitiesImplementations(work);
      environment.start();
      Run run =
          environment
              .getWorkflowClient()
              .newWorkflowStub(
                  Run.class,
                  WorkflowOptions.newBuilder()
                      .setTaskQueue(QUEUE)
                      .setWorkflowId(DistillationWorkflow.workflowId("e"))
                      .build());
      WorkflowClient.start(run::run);
      WorkflowStub.fromTyped(run).getResult(Void.class);
    }
  }

  private double seconds() {
    return number("select coalesce(sum(amount), 0) from project_usage where kind = 'GPU'");
  }

  private double turnsTaken() {
    return number("select count(*) from device_turn where awaits is null");
  }

  private double number(String query) {
    return database.sql().withHandle(handle -> handle.createQuery(query).mapTo(Double.class).one());
  }

  @Test
  void shouldCountAllAttemptsAndKeepTheTurnUntilTheWorkIsOver() {
    DeviceMeter meter = meter(Set.of(QUEUE));
    AtomicInteger attempts = new AtomicInteger();
    run(
        meter,
        task -> {
          assertThat(turnsTaken()).isEqualTo(1);
          pass(30);
          meter.count();
          assertThat(seconds()).as("while it works").isEqualTo(attempts.get() * 40 + 30);
          pass(10);
          if (attempts.incrementAndGet() < 3) {
            throw ErrorType.STORE_UNAVAILABLE.failure("Away.", 1);
          }
        });
    assertThat(attempts).hasValue(3);
    assertThat(seconds()).isEqualTo(120);
    assertThat(turnsTaken()).isZero();
  }

  @Test
  void shouldGiveTheTurnBackWhenTheWorkFailsForGoodAndNotBefore() {
    AtomicInteger attempts = new AtomicInteger();
    try {
      run(
          meter(Set.of(QUEUE)),
          task -> {
            pass(5);
            assertThat(turnsTaken()).isEqualTo(1);
            throw attempts.incrementAndGet() == 1
                ? ErrorType.WORKER_LOST.failure("Lost.", 1)
                : ErrorType.DIVERGED.failure("Diverged.", 2);
          });
    } catch (WorkflowFailedException expected) {
      assertThat(expected).hasStackTraceContaining("Diverged.");
    }
    assertThat(attempts).hasValue(2);
    assertThat(seconds()).isEqualTo(10);
    assertThat(turnsTaken()).isZero();
  }

  @Test
  void shouldCountWhatEndedWhileTheDatabaseWasAwayOnceItIsBack() {
    DeviceMeter meter = meter(Set.of(QUEUE));
    run(
        meter,
        task -> {
          pass(5);
          rename("project_usage", "hidden");
        });
    rename("hidden", "project_usage");
    assertThat(turnsTaken()).isEqualTo(1);
    pass(1000);
    meter.count();
    assertThat(seconds()).isEqualTo(5);
    assertThat(turnsTaken()).isZero();
    meter.count();
    assertThat(seconds()).isEqualTo(5);
  }

  private void rename(String from, String to) {
    database
        .sql()
        .useHandle(handle -> handle.execute("alter table %s rename to %s".formatted(from, to)));
  }

  @Test
  void shouldCountNothingOfWorkThatNeedsNoDevice() {
    run(meter(Set.of("atelier-other")), task -> pass(5));
    assertThat(seconds()).isZero();
  }
}
