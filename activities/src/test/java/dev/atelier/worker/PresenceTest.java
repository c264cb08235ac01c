package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.store.HistoryDatabase;
import dev.atelier.store.WorkerPresence;
import dev.atelier.work.Doing;
import dev.atelier.workflows.ModelKey;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactoryOptions;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(600)
class PresenceTest {

  private static final String QUEUE = "queue";

  /** What an activity is asked for, with the names that every task has. */
  public record Task(String experimentId, ModelKey modelKey) {}

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
              ActivityOptions.newBuilder()
                  .setStartToCloseTimeout(Duration.ofMinutes(10))
                  .setHeartbeatTimeout(Duration.ofMinutes(10))
                  .build())
          .train(new Task("e", ModelKey.student(1)));
    }
  }

  @Test
  void shouldSayWhatItServesAndIsAtWhileItIsThere() throws Exception {
    try (HistoryDatabase database = new HistoryDatabase()) {
      database
          .sql()
          .useHandle(
              handle ->
                  handle.execute(
                      """
                      insert into worker (id, name, task_queues, device, threads, started_at,
                        seen_at, doing)
                      values ('long-gone', 'x', '{}', 'cpu', 1, now(), now() - interval '25 h', '[]')
                      """));
      WorkProgress progress = new WorkProgress(System::nanoTime);
      Presence presence =
          new Presence(
              new WorkerPresence(database.source()),
              new WorkerPresence.Worker(
                  "a@7", "a", List.of("atelier-cpu"), "cpu", Optional.empty(), 2, Instant.now()),
              progress);
      CountDownLatch trains = new CountDownLatch(1);
      CountDownLatch ends = new CountDownLatch(1);
      try (TestWorkflowEnvironment environment =
          TestWorkflowEnvironment.newInstance(
              TestEnvironmentOptions.newBuilder()
                  .setWorkerFactoryOptions(
                      WorkerFactoryOptions.newBuilder().setWorkerInterceptors(presence).build())
                  .build())) {
        Worker worker = environment.newWorker(QUEUE);
        worker.registerWorkflowImplementationTypes(RunImpl.class);
        worker.registerActivitiesImplementations(
            (Work)
                task -> {
                  progress.say(
                      Activity.getExecutionContext().getInfo(),
                      () -> new Doing("images encoded", 3, 9));
                  trains.countDown();
                  await(ends);
                });
        environment.start();
        Run run =
            environment
                .getWorkflowClient()
                .newWorkflowStub(
                    Run.class, WorkflowOptions.newBuilder().setTaskQueue(QUEUE).build());
        WorkflowClient.start(run::run);
        trains.await();

        presence.start();
        while (!shown(database).toString().contains("a@7")) {
          Thread.sleep(20);
        }
        assertThat(shown(database))
            .singleElement()
            .asString()
            .matches(
                "a@7 \\{atelier-cpu} \\[\\{\"since\": \"20.*Z\", \"activity\": \"Train\", \"modelKey\": \"student-1\", \"progress\": \\{\"done\": 3, \"what\": \"images encoded\", \"total\": 9}, \"experimentId\": \"e\"}]");
        ends.countDown();
      }
      presence.close();
      assertThat(shown(database)).isEmpty();
    }
  }

  private static List<String> shown(HistoryDatabase database) {
    return database
        .sql()
        .withHandle(
            handle ->
                handle
                    .createQuery(
                        """
                        select id || ' ' || cast(task_queues as text) || ' ' || cast(doing as text)
                        from worker
                        """)
                    .mapTo(String.class)
                    .list());
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
