package dev.atelier.dataset;

import dev.atelier.dataset.image.DecodingMemory;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Runs decoding on all cores. A bounded number of images waits at a time; the first failure stops
 * the rest and reaches the caller, who also hears the progress on its own thread.
 */
final class DecodingPool implements AutoCloseable {

  private static final int WAITING_PER_CORE = 4;
  private static final long REPORT_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final PreparationListener listener;
  private final String verb;
  private final int total;
  private final int permits;
  private final Semaphore free;
  private final ExecutorService threads;
  private final AtomicInteger done = new AtomicInteger();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private long reported = System.nanoTime();

  DecodingPool(PreparationListener listener, String verb, int total) {
    this.listener = listener;
    this.verb = verb;
    this.total = total;
    int cores = Runtime.getRuntime().availableProcessors();
    permits = cores * WAITING_PER_CORE;
    free = new Semaphore(permits);
    threads =
        Executors.newFixedThreadPool(
            cores,
            task -> {
              Thread thread = new Thread(task, "dataset-decoder");
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Waits until the process has memory for a file of so many bytes. */
  DecodingMemory.Claim claim(long fileBytes) {
    try {
      while (true) {
        Optional<DecodingMemory.Claim> claim =
            DecodingMemory.FILES.tryClaim(fileBytes, REPORT_INTERVAL_NANOS);
        if (claim.isPresent()) {
          return claim.get();
        }
        report();
      }
    } catch (InterruptedException e) {
      throw interrupted();
    }
  }

  /** Runs a task that brings {@code images} images; waits while too many are under way. */
  void run(int images, Runnable task) {
    run(images, () -> {}, task);
  }

  /** Like {@link #run(int, Runnable)}; what is held is closed after the task, or without it. */
  void run(int images, DecodingMemory.Claim held, Runnable task) {
    try {
      acquire(1);
    } catch (RuntimeException | Error e) {
      held.close();
      throw e;
    }
    threads.execute(
        () -> {
          try {
            if (failure.get() == null) {
              task.run();
              done.addAndGet(images);
            }
          } catch (RuntimeException | Error e) {
            failure.compareAndSet(null, e);
          } finally {
            held.close();
            free.release();
          }
        });
    if (System.nanoTime() - reported >= REPORT_INTERVAL_NANOS) {
      report();
    }
  }

  /** Waits until all tasks are done. */
  void await() {
    acquire(permits);
    free.release(permits);
    report();
  }

  private void acquire(int count) {
    try {
      while (!free.tryAcquire(count, REPORT_INTERVAL_NANOS, TimeUnit.NANOSECONDS)) {
        report();
      }
    } catch (InterruptedException e) {
      throw interrupted();
    }
    Throwable failed = failure.get();
    if (failed instanceof Error error) {
      throw error;
    }
    if (failed != null) {
      throw (RuntimeException) failed;
    }
  }

  private static UncheckedIOException interrupted() {
    Thread.currentThread().interrupt();
    return new UncheckedIOException(new InterruptedIOException("The preparation was interrupted."));
  }

  private void report() {
    reported = System.nanoTime();
    listener.onProgress("%s %d of %d images".formatted(verb, done.get(), total));
  }

  /** Waits for the running tasks, since they write to what the caller closes next. */
  @Override
  public void close() {
    failure.compareAndSet(null, new IllegalStateException("The preparation has ended."));
    threads.shutdown();
    boolean interrupted = false;
    while (true) {
      try {
        if (threads.awaitTermination(1, TimeUnit.MINUTES)) {
          break;
        }
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
