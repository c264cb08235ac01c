package dev.atelier.network.libtorch;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LibtorchTest {

  @ParameterizedTest
  @ValueSource(strings = {"cuda", "gpu0", "cuda:", "cuda:-1", "CPU", ""})
  void shouldRefuseADeviceThatIsNone(String device) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Libtorch.requireDevice(device))
        .withMessage("device must be cpu or cuda:<n>, found '%s'.", device);
  }

  @Test
  @DisabledIfEnvironmentVariable(named = "CUDA_VISIBLE_DEVICES", matches = ".+")
  void shouldSayThatThereIsNoCudaWhenADeviceIsMissing() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Libtorch.requireDevice("cuda:99"))
        .withMessageStartingWith("device cuda:99: this libtorch has no CUDA, or no such GPU;");
    assertThatCode(() -> Libtorch.requireDevice("cpu")).doesNotThrowAnyException();
  }
}
