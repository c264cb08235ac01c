package dev.atelier.network.libtorch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class MemoryRanOutExceptionTest {

  @Test
  void shouldNameBatchAndResolutionWhenMemoryRunsOut() {
    TorchException failure =
        new TorchException("teach_step", "DefaultCPUAllocator: can't allocate memory");
    assertThatThrownBy(
            () ->
                MemoryRanOutException.naming(
                    "A step of student-1",
                    64,
                    256,
                    () -> {
                      throw failure;
                    }))
        .isInstanceOf(MemoryRanOutException.class)
        .hasMessage(
            "A step of student-1 ran out of memory with 64 samples of 256×256 at once: TorchScript method 'teach_step' failed: DefaultCPUAllocator: can't allocate memory");
  }

  @Test
  void shouldLeaveOtherFailuresAsTheyAre() {
    TorchException failure = new TorchException("teach_step", "expected a tensor");
    assertThatThrownBy(
            () ->
                MemoryRanOutException.naming(
                    "Sampling",
                    1,
                    8,
                    () -> {
                      throw failure;
                    }))
        .isSameAs(failure);
    assertThat(MemoryRanOutException.isBehind(failure)).isFalse();
  }
}
