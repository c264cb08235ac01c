package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.spec.TrainingSpec;
import dev.atelier.spec.TrainingSpec.LearningRateSchedule;
import dev.atelier.spec.TrainingSpecBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LearningRateTest {

  private static TrainingSpec spec(LearningRateSchedule schedule, int warmupSteps) {
    return TrainingSpecBuilder.builder()
        .steps(100)
        .batchSize(4)
        .learningRate(2e-3)
        .warmupSteps(warmupSteps)
        .weightDecay(0.0)
        .clipNorm(1.0)
        .emaDecay(0.9)
        .horizontalFlips(true)
        .checkpointEverySteps(10)
        .metricsEverySteps(1)
        .learningRateSchedule(schedule)
        .finalLearningRate(1e-4)
        .build();
  }

  /**
   * Expected values: {@code torch.optim.lr_scheduler.CosineAnnealingLR(T_max=90, eta_min=1e-4)}.
   */
  @ParameterizedTest
  @CsvSource({
    "0, 0.002",
    "1, 0.001999421285668141",
    "30, 0.001525",
    "45, 0.00105",
    "60, 0.000575",
    "89, 0.00010057871433185903"
  })
  void shouldFollowPyTorchsCosineAfterWarmUp(int stepAfterWarmUp, double expected) {
    assertThat(LearningRate.at(spec(LearningRateSchedule.COSINE, 10), 10 + stepAfterWarmUp))
        .isCloseTo(expected, within(1e-15));
  }

  @ParameterizedTest
  @CsvSource({"0, 2e-4", "4, 1e-3", "9, 2e-3"})
  void shouldGrowLinearlyWhenItWarmsUp(int step, double expected) {
    for (LearningRateSchedule schedule : LearningRateSchedule.values()) {
      assertThat(LearningRate.at(spec(schedule, 10), step)).isCloseTo(expected, within(1e-18));
    }
  }

  @Test
  void shouldStayWhenItIsConstant() {
    assertThat(LearningRate.at(spec(LearningRateSchedule.CONSTANT, 10), 10)).isEqualTo(2e-3);
    assertThat(LearningRate.at(spec(LearningRateSchedule.CONSTANT, 0), 0)).isEqualTo(2e-3);
    assertThat(LearningRate.at(spec(LearningRateSchedule.CONSTANT, 10), 99)).isEqualTo(2e-3);
  }

  @ParameterizedTest
  @CsvSource({"0, 0.1", "1, 0.18181818181818182", "80, 0.9", "1000, 0.9"})
  void shouldAverageAYoungModelOverFewSteps(int step, double expected) {
    assertThat(TrainingLoop.emaDecay(spec(LearningRateSchedule.CONSTANT, 0), step))
        .isCloseTo(expected, within(1e-15)); // (1 + step) / (10 + step), at most 0.9
  }
}
