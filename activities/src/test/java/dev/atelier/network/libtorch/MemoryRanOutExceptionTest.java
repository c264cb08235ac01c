package dev.atelier.network.libtorch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
  void shouldNameTextsWhenMemoryRunsOutAmongThem() {
    assertThatThrownBy(
            () ->
                MemoryRanOutException.naming(
                    "The text encoder",
                    "64 texts of 77 tokens",
                    () -> {
                      throw new OutOfMemoryError("Cannot reserve direct buffer memory");
                    }))
        .isInstanceOf(MemoryRanOutException.class)
        .hasMessage(
            "The text encoder ran out of memory with 64 texts of 77 tokens at once: Cannot reserve direct buffer memory");
  }

  @Test
  void shouldGiveBackWhatTheWorkMakes() {
    assertThat(MemoryRanOutException.naming("Sampling", 1, 8, () -> "made")).isEqualTo("made");
  }

  @ParameterizedTest
  @CsvSource({
    "DefaultCPUAllocator: can't allocate memory: you tried to allocate 16 bytes., true",
    "DefaultCPUAllocator: not enough memory: you tried to allocate 16 bytes., true",
    "CUDA out of memory. Tried to allocate 2.00 GiB., true",
    "std::bad_alloc, true",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle), true",
    "CUDA error: an illegal memory access was encountered, false",
    "Unsupported memory format option Preserve, false",
    "some elements of the input tensor refer to a single memory location, false"
  })
  void shouldKnowWhatLibtorchSaysOfMemoryThatRanOut(String message, boolean ranOut) {
    assertThat(MemoryRanOutException.isBehind(new TorchException("forward", message)))
        .isEqualTo(ranOut);
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
