package dev.atelier.worker;

import dev.atelier.workflows.ErrorType;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptor;
import io.temporal.common.interceptors.ActivityInboundCallsInterceptorBase;
import io.temporal.common.interceptors.WorkerInterceptorBase;
import io.temporal.worker.tuning.ActivitySlotInfo;
import io.temporal.worker.tuning.SlotMarkUsedContext;
import io.temporal.worker.tuning.SlotPermit;
import io.temporal.worker.tuning.SlotReleaseContext;
import io.temporal.worker.tuning.SlotReserveContext;
import io.temporal.worker.tuning.SlotSupplier;
import io.temporal.worker.tuning.SlotSupplierFuture;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * One device that several task queues have work for, one piece at a time. While it is idle every
 * queue is polled; while it works none is.
 *
 * <p>A poll that was under way when another queue's work came may still bring some: that goes back
 * to its queue at once. A slot that the queues share would not do: a poll, which may last a minute,
 * would hold it, and work in the other queues would wait for an empty one.
 */
final class DeviceSlots extends WorkerInterceptorBase {

  private static final Duration BACK_AFTER = Duration.ofSeconds(1);

  private final Set<String> taskQueues;

  private final List<QueueSlot> slots = new ArrayList<>(); // guarded by this
  private boolean busy; // guarded by this

  /**
   * @param taskQueues whose activities need the device
   */
  DeviceSlots(Set<String> taskQueues) {
    this.taskQueues = Set.copyOf(taskQueues);
  }

  /** The slot of one more of the queues. */
  synchronized SlotSupplier<ActivitySlotInfo> slot() {
    QueueSlot slot = new QueueSlot();
    slots.add(slot);
    return slot;
  }

  private synchronized boolean begin() {
    if (busy) {
      return false;
    }
    busy = true;
    return true;
  }

  private void end() {
    synchronized (this) {
      busy = false;
    }
    grant();
  }

  /** Lets the queues poll that wait for it. */
  private void grant() {
    List<CompletableFuture<SlotPermit>> granted = new ArrayList<>();
    synchronized (this) {
      if (!busy) {
        for (QueueSlot slot : slots) {
          if (!slot.reserved && !slot.waiting.isEmpty()) {
            slot.reserved = true;
            granted.add(slot.waiting.remove());
          }
        }
      }
    }
    granted.forEach(future -> future.complete(new SlotPermit()));
  }

  private final class QueueSlot implements SlotSupplier<ActivitySlotInfo> {

    // Both guarded by the device.
    private final Queue<CompletableFuture<SlotPermit>> waiting = new ArrayDeque<>();
    private boolean reserved;

    @Override
    public SlotSupplierFuture reserveSlot(SlotReserveContext<ActivitySlotInfo> context) {
      CompletableFuture<SlotPermit> future = new CompletableFuture<>();
      synchronized (DeviceSlots.this) {
        waiting.add(future);
      }
      grant();
      return SlotSupplierFuture.fromCompletableFuture(future, () -> forget(future));
    }

    private void forget(CompletableFuture<SlotPermit> future) {
      synchronized (DeviceSlots.this) {
        waiting.removeIf(each -> each == future);
      }
    }

    @Override
    public Optional<SlotPermit> tryReserveSlot(SlotReserveContext<ActivitySlotInfo> context) {
      return Optional
          .empty(); // for eager starts of activities, which run on their workflow's worker
    }

    @Override
    public void markSlotUsed(SlotMarkUsedContext<ActivitySlotInfo> context) {}

    @Override
    public void releaseSlot(SlotReleaseContext<ActivitySlotInfo> context) {
      synchronized (DeviceSlots.this) {
        reserved = false;
      }
      grant();
    }

    @Override
    public Optional<Integer> getMaximumSlots() {
      return Optional.of(1);
    }
  }

  @Override
  public ActivityInboundCallsInterceptor interceptActivity(ActivityInboundCallsInterceptor next) {
    return new ActivityInboundCallsInterceptorBase(next) {
      private boolean needsDevice;

      @Override
      public void init(ActivityExecutionContext context) {
        needsDevice = taskQueues.contains(context.getInfo().getActivityTaskQueue());
        super.init(context);
      }

      @Override
      public ActivityOutput execute(ActivityInput input) {
        if (!needsDevice) {
          return super.execute(input);
        }
        if (!begin()) {
          throw ErrorType.WORKER_LOST.retriedAfter(
              BACK_AFTER,
              "The device works for another task queue; the work goes back to its own.");
        }
        try {
          return super.execute(input);
        } finally {
          end();
        }
      }
    };
  }
}
