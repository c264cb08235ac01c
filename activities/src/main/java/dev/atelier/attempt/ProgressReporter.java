package dev.atelier.attempt;

import dev.atelier.store.AttemptHistory;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.AttemptHistory.MetricPoint;
import dev.atelier.store.AttemptHistory.Usage;
import dev.atelier.store.SupersededException;
import dev.atelier.store.objects.StoreUnavailableException;
import dev.atelier.training.Checkpoint;
import dev.atelier.training.CheckpointStore;
import dev.atelier.training.TrainingListener;
import dev.atelier.training.TrainingMetrics;
import dev.atelier.workflows.vocabulary.Notation;
import dev.atelier.workflows.vocabulary.Series;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * Brings a training's metrics to the database once a second, from a thread of its own, so that a
 * slow or absent database does not slow the steps. What could not be written is kept for the next
 * time.
 */
public final class ProgressReporter implements TrainingListener, AutoCloseable {

  private static final Logger LOG = LoggerFactory.getLogger(ProgressReporter.class);

  private final AttemptHistory attempts;
  private final Attempt attempt;
  private final boolean onGpu;
  private final long startedNanos = System.nanoTime();
  private final double cpuSecondsBefore = processCpuSeconds();
  private volatile int firstStep;
  private final ScheduledExecutorService timer;
  private final List<MetricPoint> pending = new ArrayList<>(); // guarded by this
  private Optional<TrainingMetrics> newest = Optional.empty(); // guarded by this
  private final Object flushing = new Object();
  private volatile Optional<SupersededException> superseded = Optional.empty();

  public ProgressReporter(AttemptHistory attempts, Attempt attempt, boolean onGpu) {
    this.attempts = attempts;
    this.attempt = attempt;
    this.onGpu = onGpu;
    Map<String, String> names = Optional.ofNullable(MDC.getCopyOfContextMap()).orElse(Map.of());
    timer =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread thread =
                  new Thread(
                      () -> {
                        MDC.setContextMap(names); // its log lines too say whose they are
                        task.run();
                      },
                      "progress");
              thread.setDaemon(true);
              return thread;
            });
    var unused = timer.scheduleWithFixedDelay(this::flushQuietly, 1, 1, TimeUnit.SECONDS);
  }

  @Override
  public void onStart(int step, int totalSteps) {
    firstStep = step;
  }

  /** A process trains one model at a time, so that what it has used since is this attempt's. */
  private Usage usage() {
    double wallSeconds = (System.nanoTime() - startedNanos) / 1e9;
    return new Usage(firstStep, processCpuSeconds() - cpuSecondsBefore, onGpu ? wallSeconds : 0);
  }

  private static double processCpuSeconds() {
    return ProcessHandle.current()
        .info()
        .totalCpuDuration()
        .map(cpu -> cpu.toNanos() / 1e9)
        .orElse(0.0);
  }

  @Override
  public synchronized void onMetrics(TrainingMetrics metrics) {
    newest = Optional.of(metrics);
    pending.addAll(points(metrics));
  }

  /** What is kept of the metrics, series by series. */
  public static List<MetricPoint> points(TrainingMetrics metrics) {
    List<MetricPoint> points = new ArrayList<>();
    int step = metrics.step();
    points.add(point(Series.LOSS, step, metrics.loss()));
    points.add(point(Series.DIFFUSION_LOSS, step, metrics.diffusionLoss()));
    points.add(point(Series.DISTILLATION_LOSS, step, metrics.distillationLoss()));
    points.add(point(Series.GRADIENT_NORM, step, metrics.gradientNorm()));
    points.add(point(Series.LEARNING_RATE, step, metrics.learningRate()));
    points.add(point(Series.IMAGES_PER_SECOND, step, metrics.imagesPerSecond()));
    points.add(point(Series.MAX_LOSS, step, metrics.maxLoss()));
    points.add(point(Series.MAX_GRADIENT_NORM, step, metrics.maxGradientNorm()));
    points.add(new MetricPoint(Series.LOSS.outliers(), step, metrics.outliers()));
    if (metrics.spread().containsKey(Series.FEATURE_LOSS)) {
      points.add(point(Series.FEATURE_LOSS, step, metrics.featureLoss()));
    }
    metrics
        .spread()
        .forEach(
            (series, spread) -> {
              spread
                  .variance()
                  .ifPresent(v -> points.add(new MetricPoint(series.variance(), step, v)));
              if (series != Series.LOSS) { // whose outliers are there already
                points.add(new MetricPoint(series.outliers(), step, spread.outliers()));
              }
            });
    metrics
        .lossByTenth()
        .forEach(
            (k, loss) -> points.add(new MetricPoint(Series.DIFFUSION_LOSS.ofTenth(k), step, loss)));
    metrics
        .nativeBytes()
        .ifPresent(bytes -> points.add(point(Series.NATIVE_BYTES, step, (double) bytes)));
    return points;
  }

  private static MetricPoint point(Series series, int step, double value) {
    return new MetricPoint(series.word(), step, value);
  }

  /** Set once the database says that a newer attempt owns the model. */
  public Optional<SupersededException> superseded() {
    return superseded;
  }

  /** One line for people who look at the activity in the Temporal Web UI. */
  public synchronized String summary() {
    return newest
        .map(
            m ->
                "step %d of %d, loss %s, %s images/s"
                    .formatted(
                        m.step(),
                        m.totalSteps(),
                        Notation.figure(m.loss()),
                        Notation.rate(m.imagesPerSecond())))
        .orElse("starting");
  }

  private void flushQuietly() {
    try {
      flush();
    } catch (SupersededException e) {
      superseded = Optional.of(e);
    } catch (StoreUnavailableException e) {
      LOG.warn("{} The metrics are kept and written later.", e.getMessage());
    }
  }

  /** Writes what is pending; it stays pending when that fails. */
  public void flush() {
    synchronized (flushing) { // the timer and the training would else forget the same points twice
      TrainingMetrics metrics;
      List<MetricPoint> points;
      synchronized (this) {
        if (newest.isEmpty() || pending.isEmpty()) {
          return;
        }
        metrics = newest.get();
        points = List.copyOf(pending);
      }
      attempts.recordProgress(
          attempt, metrics.step(), metrics.loss(), metrics.imagesPerSecond(), points, usage());
      synchronized (this) {
        pending.subList(0, points.size()).clear();
      }
    }
  }

  /**
   * Writes the metrics that are pending before each checkpoint: whoever goes on from it does not
   * repeat the steps that they are of.
   */
  public CheckpointStore before(CheckpointStore store) {
    return new CheckpointStore() {
      @Override
      public Optional<Checkpoint> latest() throws IOException {
        return store.latest();
      }

      @Override
      public void save(Checkpoint checkpoint) throws IOException {
        flush();
        store.save(checkpoint);
      }
    };
  }

  /** Also writes what is pending, as after a training that was handed back. */
  @Override
  public void close() {
    timer.shutdownNow();
    flushQuietly();
  }
}
