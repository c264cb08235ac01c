package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.client.WorkflowOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactoryOptions;
import io.temporal.worker.WorkerOptions;
import io.temporal.worker.tuning.CompositeTuner;
import io.temporal.worker.tuning.FixedSizeSlotSupplier;
import io.temporal.workflow.Async;
import io.temporal.workflow.Promise;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** One device that serves two task queues, on a Temporal server. */
@Timeout(600) // ends a hung test: a shared slot would be held by the poll of the queue without work
class DeviceSlotsTest {

  private static final String LIGHT = "atelier";
  private static final String BIG = "atelier-gpu-a100";
  private static final String ANY = "atelier-gpu";

  @ActivityInterface
  public interface Compute {
    void work();
  }

  @WorkflowInterface
  public interface Pieces {
    @WorkflowMethod
    void run(List<String> queues);
  }

  public static final class PiecesImpl implements Pieces {
    @Override
    public void run(List<String> queues) {
      List<Promise<Void>> pieces = new ArrayList<>();
      for (String queue : queues) {
        Compute compute =
            Workflow.newActivityStub(
                Compute.class,
                ActivityOptions.newBuilder()
                    .setTaskQueue(queue)
                    .setStartToCloseTimeout(Duration.ofMinutes(1))
                    .build());
        pieces.add(Async.procedure(compute::work));
      }
      Promise.allOf(pieces).get();
    }
  }

  private final AtomicInteger running = new AtomicInteger();
  private final AtomicInteger most = new AtomicInteger();
  private final AtomicInteger done = new AtomicInteger();

  private void work() {
    most.accumulateAndGet(running.incrementAndGet(), Math::max);
    try {
      new CountDownLatch(1).await(100, TimeUnit.MILLISECONDS); // long enough to overlap
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    running.decrementAndGet();
    done.incrementAndGet();
  }

  private void run(List<String> queues) {
    DeviceSlots device = new DeviceSlots(Set.of(BIG, ANY));
    try (TestWorkflowEnvironment temporal =
        TestWorkflowEnvironment.newInstance(
            io.temporal.testing.TestEnvironmentOptions.newBuilder()
                .setUseTimeskipping(false)
                .setWorkerFactoryOptions(
                    WorkerFactoryOptions.newBuilder().setWorkerInterceptors(device).build())
                .build())) {
      temporal.newWorker(LIGHT).registerWorkflowImplementationTypes(PiecesImpl.class);
      for (String queue : List.of(BIG, ANY)) {
        Worker worker =
            temporal.newWorker(
                queue,
                WorkerOptions.newBuilder()
                    .setMaxConcurrentActivityTaskPollers(1)
                    .setWorkerTuner(
                        new CompositeTuner(
                            new FixedSizeSlotSupplier<>(2),
                            device.slot(),
                            new FixedSizeSlotSupplier<>(1),
                            new FixedSizeSlotSupplier<>(1)))
                    .build());
        worker.registerActivitiesImplementations((Compute) this::work);
      }
      temporal.start();
      temporal
          .getWorkflowClient()
          .newWorkflowStub(Pieces.class, WorkflowOptions.newBuilder().setTaskQueue(LIGHT).build())
          .run(queues);
    }
  }

  @Test
  void shouldDoWorkOfAQueueWhileTheOtherIsEmpty() {
    run(List.of(BIG, BIG));
    assertThat(done).hasValue(2);
  }

  @Test
  void shouldDoOnePieceAtATimeWhenBothQueuesHaveWork() {
    run(List.of(BIG, ANY, BIG, ANY));
    assertThat(done).hasValue(4);
    assertThat(most).hasValue(1);
  }
}
