package dev.atelier.attempt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.store.AttemptHistory;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.AttemptHistory.MetricPoint;
import dev.atelier.store.HistoryDatabase;
import dev.atelier.training.Checkpoint;
import dev.atelier.training.CheckpointStore;
import dev.atelier.training.TrainingMetrics;
import dev.atelier.training.TrainingMetrics.Spread;
import dev.atelier.training.TrainingMetricsBuilder;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.vocabulary.Series;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProgressReporterTest {

  @TempDir static Path directory;
  private static HistoryDatabase database;
  private static Jdbi sql;
  private static AttemptHistory attempts;
  private Attempt attempt;

  @BeforeAll
  static void startPostgres() throws IOException {
    database = new HistoryDatabase();
    sql = database.sql();
    attempts = new AttemptHistory(database.source());
    // Slow enough that two writes of the same points overlap.
    sql.useHandle(
        handle ->
            handle.execute(
                """
                create function slow() returns trigger language plpgsql as $$
                begin perform pg_sleep(0.3); return null; end $$;
                create trigger slow before insert on metric_report
                for each statement execute function slow();
                """));
  }

  @AfterAll
  static void stopPostgres() throws IOException {
    database.close();
  }

  @BeforeEach
  void holdOneStudent() {
    database.holdOneStudent();
    attempt = attempts.start("e", ModelKey.student(1), 100, 5, Optional.of(7L), "worker");
  }

  @Test
  void shouldHaveWrittenTheMetricsOfTheStepsBeforeACheckpointWhenItIsSaved() throws IOException {
    try (ProgressReporter progress = new ProgressReporter(attempts, attempt, false)) {
      List<List<Integer>> stepsAtSave = new ArrayList<>();
      CheckpointStore store =
          progress.before(
              new CheckpointStore() {
                @Override
                public Optional<Checkpoint> latest() {
                  return Optional.empty();
                }

                @Override
                public void save(Checkpoint checkpoint) {
                  stepsAtSave.add(stepsOfLoss());
                }
              });
      progress.onMetrics(metrics(10, Map.of()));
      progress.onMetrics(metrics(20, Map.of()));
      store.save(new Checkpoint(20, "spec", "code", directory));

      assertThat(stepsAtSave).containsExactly(List.of(10, 20));
    }
  }

  @Test
  void shouldLoseNoPointWhenTwoThreadsWriteAtOnce() throws InterruptedException {
    try (ProgressReporter progress = new ProgressReporter(attempts, attempt, false)) {
      progress.onMetrics(metrics(10, Map.of()));
      Thread first = new Thread(progress::flush);
      Thread second = new Thread(progress::flush);
      first.start();
      second.start();
      Thread.sleep(100); // both are at it
      progress.onMetrics(metrics(20, Map.of()));
      first.join();
      second.join();
    }
    assertThat(stepsOfLoss()).containsExactly(10, 20);
  }

  private static List<Integer> stepsOfLoss() {
    return sql.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select r.step from metric_report r join model m on m.curves = r.curves
                    order by r.step
                    """)
                .mapTo(Integer.class)
                .list());
  }

  private static TrainingMetrics metrics(Map<Series, Spread> spread) {
    return metrics(20, spread);
  }

  private static TrainingMetrics metrics(int step, Map<Series, Spread> spread) {
    return TrainingMetricsBuilder.builder()
        .step(step)
        .totalSteps(100)
        .loss(1.5)
        .diffusionLoss(0.5)
        .distillationLoss(0.25)
        .gradientNorm(3)
        .learningRate(1e-3)
        .imagesPerSecond(7)
        .maxLoss(2)
        .maxGradientNorm(9)
        .outliers(1)
        .nativeBytes(OptionalLong.empty())
        .featureLoss(0.75)
        .spread(spread)
        .lossByTenth(Map.of(0, 0.4, 9, 0.1))
        .build();
  }

  @Test
  void shouldKeepTheSpreadOfEachSeriesThatTheTrainingHas() {
    assertThat(
            ProgressReporter.points(
                metrics(
                    Map.of(
                        Series.LOSS,
                        new Spread(OptionalDouble.of(0.01), 1),
                        Series.FEATURE_LOSS,
                        new Spread(OptionalDouble.of(0.02), 3)))))
        .contains(
            new MetricPoint("loss", 20, 1.5),
            new MetricPoint("diffusion_loss", 20, 0.5),
            new MetricPoint("distillation_loss", 20, 0.25),
            new MetricPoint("feature_loss", 20, 0.75),
            new MetricPoint("loss_variance", 20, 0.01),
            new MetricPoint("loss_outliers", 20, 1),
            new MetricPoint("feature_loss_variance", 20, 0.02),
            new MetricPoint("feature_loss_outliers", 20, 3),
            new MetricPoint("max_gradient_norm", 20, 9),
            new MetricPoint("diffusion_loss_tenth_0", 20, 0.4),
            new MetricPoint("diffusion_loss_tenth_9", 20, 0.1))
        .extracting(MetricPoint::series)
        .doesNotHaveDuplicates(); // a point is keyed by series and step
  }

  @Test
  void shouldKeepNoPointOfWhatWasNotMeasured() {
    assertThat(
            ProgressReporter.points(
                metrics(Map.of(Series.LOSS, new Spread(OptionalDouble.empty(), 0)))))
        .extracting(MetricPoint::series)
        .doesNotContain("feature_loss", "loss_variance", "native_bytes", "diffusion_loss_tenth_1");
  }
}
