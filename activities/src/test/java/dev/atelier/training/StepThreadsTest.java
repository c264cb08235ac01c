package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.network.Network;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.spec.TrainingSpecBuilder;
import org.junit.jupiter.api.Test;

class StepThreadsTest {

  /** The network that two threads train more slowly than one, also on an idle machine. */
  @Test
  void shouldTakeOneThreadForATinyStep() {
    Network tiny = EngineBenchmark.unet(16, 8);
    assertThat(StepThreads.of(tiny.macs(), batches(16, 1), 2)).isEqualTo(1);
  }

  /** The smallest one that was seen to gain by two. */
  @Test
  void shouldTakeAllThreadsForAStepThatGainsByThem() {
    Network small = EngineBenchmark.unet(24, 16);
    assertThat(StepThreads.of(small.macs(), batches(16, 1), 2)).isEqualTo(2);
    assertThat(StepThreads.of(35_750_000, batches(128, 1), 16)).isEqualTo(16);
  }

  @Test
  void shouldCountWhatIsComputedAtOnce() {
    long macs = StepThreads.MACS_OF_A_THREAD;
    assertThat(StepThreads.of(macs, batches(4, 1), 64)).isEqualTo(4);
    assertThat(StepThreads.of(macs, batches(4, 2), 64)).isEqualTo(2);
    assertThat(StepThreads.of(macs / 2, batches(1, 1), 64)).isEqualTo(1);
    assertThat(StepThreads.of(0, batches(1, 1), 64)).isEqualTo(1);
  }

  private static TrainingSpec batches(int batchSize, int accumulationSteps) {
    return TrainingSpecBuilder.builder()
        .steps(1)
        .batchSize(batchSize)
        .learningRate(1e-4)
        .warmupSteps(0)
        .weightDecay(0.0)
        .clipNorm(1.0)
        .emaDecay(0.9)
        .horizontalFlips(true)
        .checkpointEverySteps(1)
        .metricsEverySteps(1)
        .accumulationSteps(accumulationSteps)
        .build();
  }
}
