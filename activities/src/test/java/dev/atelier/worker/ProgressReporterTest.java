package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.store.ExperimentHistory.MetricPoint;
import dev.atelier.training.TrainingMetrics;
import dev.atelier.training.TrainingMetrics.Series;
import dev.atelier.training.TrainingMetrics.Spread;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class ProgressReporterTest {

  private static TrainingMetrics metrics(Map<Series, Spread> spread) {
    return new TrainingMetrics(
        20,
        100,
        1.5,
        0.5,
        0.25,
        3,
        1e-3,
        7,
        2,
        9,
        1,
        OptionalLong.empty(),
        0.75,
        spread,
        Map.of(0, 0.4, 9, 0.1));
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
