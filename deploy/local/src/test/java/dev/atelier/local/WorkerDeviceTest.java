package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Map;
import org.junit.jupiter.api.Test;

class WorkerDeviceTest {

  @Test
  void shouldBeTheCpuWhenNothingIsSaid() {
    assertThat(WorkerDevice.of(Map.of()).environment())
        .isEqualTo(Map.of("ATELIER_WORKER_DEVICE", "cpu"));
  }

  @Test
  void shouldPinAWorkerToItsGpu() {
    assertThat(WorkerDevice.of(Map.of("ATELIER_WORKER_DEVICE", "cuda:1")).environment())
        .isEqualTo(
            Map.of(
                "ATELIER_WORKER_DEVICE",
                "cuda:0",
                "CUDA_VISIBLE_DEVICES",
                "1",
                "NVIDIA_TF32_OVERRIDE",
                "0"));
    assertThat(
            WorkerDevice.of(
                    Map.of("ATELIER_WORKER_DEVICE", "cuda:0", "ATELIER_WORKER_TF32", "true"))
                .environment())
        .containsEntry("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "1")
        .doesNotContainKey("NVIDIA_TF32_OVERRIDE");
  }

  @Test
  void shouldNameTheVariableThatIsWrong() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> WorkerDevice.of(Map.of("ATELIER_WORKER_DEVICE", "gpu")))
        .withMessage("ATELIER_WORKER_DEVICE must be cpu or cuda:<n>, found 'gpu'.");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> WorkerDevice.of(Map.of("ATELIER_WORKER_TF32", "1")))
        .withMessage("ATELIER_WORKER_TF32 must be true or false, found '1'.");
  }
}
