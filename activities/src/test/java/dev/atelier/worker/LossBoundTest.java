package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.atelier.artifacts.RunningWork;
import dev.atelier.store.HistoryDatabase;
import dev.atelier.store.KilledWorkers;
import dev.atelier.workflows.ErrorType;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.client.WorkflowOptions;
import io.temporal.common.RetryOptions;
import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactoryOptions;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(600)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LossBoundTest {

  private static final String QUEUE = "queue";

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
                  .setStartToCloseTimeout(Duration.ofMinutes(1))
                  .setHeartbeatTimeout(Duration.ofSeconds(20))
                  .setRetryOptions(
                      RetryOptions.newBuilder().setInitialInterval(Duration.ofMillis(10)).build())
                  .build())
          .work();
    }
  }

  @TempDir Path directory;
  private HistoryDatabase database;
  private KilledWorkers killed;

  @BeforeAll
  void start() throws IOException {
    database = new HistoryDatabase();
    killed = new KilledWorkers(database.source());
  }

  @BeforeEach
  void clear() {
    database.holdOneStudent();
    database.sql().useHandle(handle -> handle.execute("delete from killed_worker"));
  }

  @AfterAll
  void stop() throws IOException {
    database.close();
  }

  @Test
  void shouldCountWhatEndsItsWorkerInARow() {
    for (int i = 1; i <= 3; i++) {
      kill();
      assertThat(killed.inARow("w/1")).isEqualTo(i);
    }
    assertThat(killed.inARow("w/2")).isZero();
    killed.forget("w/1");
    assertThat(killed.inARow("w/1")).isZero();
  }

  @Test
  void shouldBeginANewRowWithANewerStep() {
    kill();
    kill();
    reach(1, 40);
    kill();
    assertThat(killed.inARow("w/1")).isEqualTo(1);
    reach(2, 40); // no newer one: it trained the same steps again
    kill();
    assertThat(killed.inARow("w/1")).isEqualTo(2);
    reach(3, 41);
    kill();
    assertThat(killed.inARow("w/1")).isEqualTo(1);
  }

  @Test
  void shouldEndWorkThatWasKilledThreeTimesInARow() throws Exception {
    AtomicInteger attempts = new AtomicInteger();
    Throwable failure = run(attempts, 3);
    assertThat(attempts).hasValue(1); // the second attempt is refused
    ApplicationFailure said = (ApplicationFailure) failure.getCause().getCause();
    assertThat(said.getType()).isEqualTo(ErrorType.WORKER_KILLED.name());
    assertThat(said.isNonRetryable()).isTrue();
    assertThat(said.getOriginalMessage())
        .startsWith("Work ended the process of its worker 3 times in a row");
    assertThat(killed.inARow("the-workflow/x")).isZero();
  }

  @Test
  void shouldGoOnForAsLongAsItTakesWhenWorkFailsOrWasKilledTwice() throws Exception {
    AtomicInteger attempts = new AtomicInteger();
    assertThat(run(attempts, 2)).isNull();
    assertThat(attempts).hasValue(6); // a store that is away has no bound
  }

  /** Runs work that finds the store away five times, after it was killed so often. */
  private Throwable run(AtomicInteger attempts, int killedBefore) throws Exception {
    Path notes = Files.createTempDirectory(directory, "notes");
    try (TestWorkflowEnvironment server =
        TestWorkflowEnvironment.newInstance(
            TestEnvironmentOptions.newBuilder()
                .setWorkerFactoryOptions(
                    WorkerFactoryOptions.newBuilder()
                        .setWorkerInterceptors(new LossBound(killed, new RunningWork(notes)))
                        .build())
                .build())) {
      Worker worker = server.newWorker(QUEUE);
      worker.registerWorkflowImplementationTypes(RunImpl.class);
      worker.registerActivitiesImplementations(
          (Work)
              () -> {
                var info = Activity.getExecutionContext().getInfo();
                String activity = info.getWorkflowId() + "/" + info.getActivityId();
                assertThat(left(notes)).extracting(RunningWork.Note::activity).contains(activity);
                if (attempts.incrementAndGet() == 1) {
                  for (int i = 0; i < killedBefore; i++) {
                    killed.recordKilled(activity, Optional.empty(), Optional.empty());
                  }
                }
                if (attempts.get() < 6) {
                  throw ErrorType.STORE_UNAVAILABLE.failure("away", info.getAttempt());
                }
              });
      server.start();
      Run run =
          server
              .getWorkflowClient()
              .newWorkflowStub(Run.class, WorkflowOptions.newBuilder().setTaskQueue(QUEUE).build());
      Throwable failure = catchThrowable(run::run);
      assertThat(left(notes)).isEmpty(); // it ended as it should
      return failure;
    }
  }

  @Test
  void shouldFindWhatAProcessLeftUnlessItDrainedOrTheMachineWasStartedAnew() throws Exception {
    Path folder = Files.createTempDirectory(directory, "left");
    RunningWork running = new RunningWork(folder);
    running.begin("w/1", Optional.of("e"), Optional.of("student-1"));
    running.begin("w/2", Optional.empty(), Optional.empty());
    running.end("w/2");
    assertThat(left(folder)).extracting(RunningWork.Note::activity).containsExactly("w/1");

    Path note;
    try (Stream<Path> files = Files.list(folder)) {
      note = files.findFirst().orElseThrow();
    }
    String text = Files.readString(note);
    Files.writeString(note, text.replaceFirst("\"boot\":\"[^\"]*", "\"boot\":\"another"));
    assertThat(left(folder)).isEmpty();
    Files.writeString(note, text.substring(0, 20)); // the disk was full
    assertThat(left(folder)).isEmpty();

    running.begin("w/3", Optional.empty(), Optional.empty());
    running.endAll();
    assertThat(folder).isEmptyDirectory();
  }

  private static List<RunningWork.Note> left(Path directory) {
    try {
      return RunningWork.leftIn(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void kill() {
    killed.recordKilled("w/1", Optional.of("e"), Optional.of("student-1"));
  }

  private void reach(int fence, int step) {
    database
        .sql()
        .useHandle(
            handle ->
                handle.execute(
                    "insert into attempt (model_id, fence, worker, first_step, last_step)"
                        + " select id, ?, 'w', 0, ? from model",
                    fence,
                    step));
  }
}
