package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class IntervalFiguresTest {

  private static double[] step(double loss, double gradNorm) {
    return new double[] {loss, loss, 0, gradNorm};
  }

  /** Alternates 0.9 and 1.1: mean 1, standard deviation 0.1. */
  private static void warmUp(IntervalFigures figures, int steps) {
    for (int i = 0; i < steps; i++) {
      figures.add(step(i % 2 == 0 ? 0.9 : 1.1, 1));
    }
  }

  @Test
  void shouldCountTheStepsFarAboveTheRunningMean() {
    IntervalFigures figures = new IntervalFigures(1000, 4, true);
    warmUp(figures, 100);
    assertThat(figures.report(100, 1e-3).outliers()).isZero();

    figures.add(step(1.38, 1)); // 3.8 standard deviations
    assertThat(figures.report(101, 1e-3).outliers()).isZero();
    figures.add(step(2, 7));
    figures.add(step(1, 1));
    TrainingMetrics metrics = figures.report(103, 1e-3);
    assertThat(metrics.outliers()).isEqualTo(1);
    assertThat(metrics.maxLoss()).isEqualTo(2);
    assertThat(metrics.maxGradNorm()).isEqualTo(7);
    assertThat(metrics.loss()).isEqualTo(1.5);

    figures.add(step(1, 1));
    TrainingMetrics next = figures.report(104, 1e-3); // an interval of its own
    assertThat(next.outliers()).isZero();
    assertThat(next.maxLoss()).isEqualTo(1);
  }

  @Test
  void shouldCountNoOutlierBeforeItKnowsTheSpread() {
    IntervalFigures figures = new IntervalFigures(1000, 4, true);
    warmUp(figures, 99);
    figures.add(step(50, 1));
    assertThat(figures.report(100, 1e-3).outliers()).isZero();
  }

  @Test
  void shouldMeasureNativeMemoryWhereTensorsAreInThisProcess() {
    IntervalFigures host = new IntervalFigures(1000, 4, true);
    host.add(step(1, 1));
    assertThat(host.report(1, 1e-3).nativeBytes()).isPresent();
    IntervalFigures elsewhere = new IntervalFigures(1000, 4, false);
    elsewhere.add(step(1, 1));
    assertThat(elsewhere.report(1, 1e-3).nativeBytes()).isEmpty();

    assertThat(NativeMemory.bytes(List.of("VmHWM:\t 900 kB", "VmRSS:\t 300 kB"), 100 * 1024))
        .hasValue(200 * 1024);
    assertThat(NativeMemory.bytes(List.of("VmRSS:\t 300 kB"), 400 * 1024)).hasValue(0);
    assertThat(NativeMemory.bytes(List.of(), 1)).isEmpty();
  }
}
