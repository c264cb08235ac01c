package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.network.StepFigures;
import dev.atelier.workflows.vocabulary.Series;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class IntervalFiguresTest {

  private static StepFigures step(double loss, double gradientNorm) {
    return new StepFigures(loss, loss / 2, 0, gradientNorm, 0, new double[2]);
  }

  private static StepFigures samples(double... losses) {
    return new StepFigures(1, 1, 0, 1, 0, losses);
  }

  private static final long[] T = {399, 400}; // of 1000

  private static IntervalFigures figures(boolean onHost) {
    return new IntervalFigures(
        1000,
        2,
        onHost,
        1000,
        EnumSet.of(Series.LOSS, Series.DIFFUSION_LOSS, Series.GRADIENT_NORM));
  }

  /** Alternates 0.9 and 1.1: mean 1, standard deviation 0.1. */
  private static void warmUp(IntervalFigures figures, int steps) {
    for (int i = 0; i < steps; i++) {
      figures.add(step(i % 2 == 0 ? 0.9 : 1.1, 1), T);
    }
  }

  @Test
  void shouldCountTheStepsFarAboveTheRunningMean() {
    IntervalFigures figures = figures(true);
    warmUp(figures, 100);
    assertThat(figures.report(100, 1e-3).outliers()).isZero();

    figures.add(step(1.38, 1), T); // 3.8 standard deviations
    assertThat(figures.report(101, 1e-3).outliers()).isZero();
    figures.add(step(2, 7), T);
    figures.add(step(1, 1), T);
    TrainingMetrics metrics = figures.report(103, 1e-3);
    assertThat(metrics.outliers()).isEqualTo(1);
    assertThat(metrics.maxLoss()).isEqualTo(2);
    assertThat(metrics.maxGradientNorm()).isEqualTo(7);
    assertThat(metrics.loss()).isEqualTo(1.5);

    figures.add(step(1, 1), T);
    TrainingMetrics next = figures.report(104, 1e-3); // an interval of its own
    assertThat(next.outliers()).isZero();
    assertThat(next.maxLoss()).isEqualTo(1);
  }

  @Test
  void shouldTellTheSpreadOfEachSeries() {
    IntervalFigures figures = figures(true);
    warmUp(figures, 100);
    figures.report(100, 1e-3);

    figures.add(step(1, 1), T);
    assertThat(figures.report(101, 1e-3).spread().get(Series.LOSS).variance()).isEmpty();
    figures.add(step(1, 1), T);
    figures.add(step(2, 3), T);
    figures.add(step(6, 50), T);
    TrainingMetrics metrics = figures.report(104, 1e-3);
    assertThat(metrics.spread())
        .containsOnlyKeys(Series.LOSS, Series.DIFFUSION_LOSS, Series.GRADIENT_NORM);
    assertThat(metrics.spread().get(Series.LOSS).variance().orElseThrow())
        .isCloseTo(7, within(1e-12)); // of 1, 2 and 6
    assertThat(metrics.spread().get(Series.DIFFUSION_LOSS).variance().orElseThrow())
        .isCloseTo(1.75, within(1e-12));
    assertThat(metrics.spread().get(Series.GRADIENT_NORM).outliers()).isEqualTo(2);
    assertThat(metrics.distillationLoss()).isZero();
  }

  @Test
  void shouldAverageTheSamplesOfEachTenthOfTheTimesteps() {
    IntervalFigures figures = figures(true);
    figures.add(samples(0.25, 0.5), new long[] {0, 399});
    figures.add(samples(0.75, 4), new long[] {99, 999});
    assertThat(figures.report(2, 1e-3).lossByTenth()).isEqualTo(Map.of(0, 0.5, 3, 0.5, 9, 4.0));
    figures.add(samples(1, 3), new long[] {100, 199});
    assertThat(figures.report(3, 1e-3).lossByTenth()).isEqualTo(Map.of(1, 2.0));
  }

  @Test
  void shouldCountNoOutlierBeforeItKnowsTheSpread() {
    IntervalFigures figures = figures(true);
    warmUp(figures, 99);
    figures.add(step(50, 1), T);
    assertThat(figures.report(100, 1e-3).outliers()).isZero();
  }

  @Test
  void shouldMeasureNativeMemoryWhereTensorsAreInThisProcess() {
    IntervalFigures host = figures(true);
    host.add(step(1, 1), T);
    assertThat(host.report(1, 1e-3).nativeBytes()).isPresent();
    IntervalFigures elsewhere = figures(false);
    elsewhere.add(step(1, 1), T);
    assertThat(elsewhere.report(1, 1e-3).nativeBytes()).isEmpty();

    assertThat(NativeMemory.bytes(List.of("VmHWM:\t 900 kB", "VmRSS:\t 300 kB"), 100 * 1024))
        .hasValue(200 * 1024);
    assertThat(NativeMemory.bytes(List.of("VmRSS:\t 300 kB"), 400 * 1024)).hasValue(0);
    assertThat(NativeMemory.bytes(List.of(), 1)).isEmpty();
  }
}
