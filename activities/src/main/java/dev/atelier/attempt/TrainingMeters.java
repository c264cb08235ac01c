package dev.atelier.attempt;

import dev.atelier.training.Checkpoint;
import dev.atelier.training.CheckpointStore;
import dev.atelier.training.TrainingListener;
import dev.atelier.training.TrainingMetrics;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Metrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/** Counts the steps and checkpoints of the training that this process does. */
public final class TrainingMeters implements TrainingListener, AutoCloseable {

  // One training at a time; gauges outlive each.
  private static final AtomicInteger ACTIVE = new AtomicInteger();
  private static final AtomicReference<Double> IMAGES_PER_SECOND = new AtomicReference<>(0.0);
  private static final AtomicLong LAST_CHECKPOINT_MILLIS = new AtomicLong();

  private final TrainingListener next;
  private final int batchSize;
  private final Counter steps = stepCounter();
  private final Counter images = imageCounter();
  private int lastStep;

  /** Counts, and passes on to {@code next}, until closed. */
  public TrainingMeters(TrainingListener next, int batchSize) {
    this.next = next;
    this.batchSize = batchSize;
    LAST_CHECKPOINT_MILLIS.set(System.currentTimeMillis()); // age counts from here at first
    ACTIVE.incrementAndGet();
  }

  /** Makes the meters known before the first training, so that a rate over them has a start. */
  public static void register() {
    stepCounter();
    imageCounter();
    checkpointBytes();
    Metrics.timer("atelier.checkpoint.save");
    Metrics.timer("atelier.checkpoint.load");
    Gauge.builder("atelier.training.active", ACTIVE, AtomicInteger::get)
        .description("Trainings that run in this process, 0 or 1")
        .register(Metrics.globalRegistry);
    Gauge.builder("atelier.training.images.per.second", IMAGES_PER_SECOND, AtomicReference::get)
        .description("Images per second of the training over its last interval; 0: none runs")
        .register(Metrics.globalRegistry);
    Gauge.builder("atelier.training.checkpoint.age", TrainingMeters::checkpointAgeSeconds)
        .description(
            "Seconds since the last checkpoint of the training, or its start; 0: none runs")
        .baseUnit("seconds")
        .register(Metrics.globalRegistry);
  }

  private static double checkpointAgeSeconds() {
    return ACTIVE.get() == 0
        ? 0
        : (System.currentTimeMillis() - LAST_CHECKPOINT_MILLIS.get()) / 1000.0;
  }

  private static Counter stepCounter() {
    return Metrics.counter("atelier.training.steps");
  }

  private static Counter imageCounter() {
    return Metrics.counter("atelier.training.images");
  }

  private static Counter checkpointBytes() {
    return Metrics.counter("atelier.checkpoint.bytes");
  }

  @Override
  public void onStart(int step, int totalSteps) {
    lastStep = step;
    next.onStart(step, totalSteps);
  }

  @Override
  public void onMetrics(TrainingMetrics metrics) {
    steps.increment(metrics.step() - lastStep);
    images.increment((double) (metrics.step() - lastStep) * batchSize);
    lastStep = metrics.step();
    IMAGES_PER_SECOND.set(metrics.imagesPerSecond());
    next.onMetrics(metrics);
  }

  @Override
  public void onCheckpoint(int step) {
    LAST_CHECKPOINT_MILLIS.set(System.currentTimeMillis());
    next.onCheckpoint(step);
  }

  /** Times the checkpoints of a store and counts their bytes. */
  public static CheckpointStore timed(CheckpointStore store) {
    return new CheckpointStore() {
      @Override
      public Optional<Checkpoint> latest() throws IOException {
        long start = System.nanoTime();
        Optional<Checkpoint> latest = store.latest();
        if (latest.isPresent()) {
          Metrics.timer("atelier.checkpoint.load")
              .record(Duration.ofNanos(System.nanoTime() - start));
        }
        return latest;
      }

      @Override
      public void save(Checkpoint checkpoint) throws IOException {
        long bytes = 0;
        for (Path file : checkpoint.files()) {
          bytes += Files.size(file);
        }
        long start = System.nanoTime();
        store.save(checkpoint);
        Metrics.timer("atelier.checkpoint.save")
            .record(Duration.ofNanos(System.nanoTime() - start));
        checkpointBytes().increment((double) bytes);
      }
    };
  }

  @Override
  public void close() {
    ACTIVE.decrementAndGet();
    IMAGES_PER_SECOND.set(0.0);
  }
}
