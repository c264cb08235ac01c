package dev.atelier.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.atelier.spec.LossSpec;
import org.junit.jupiter.api.Test;

class JsonColumnTest {

  @Test
  void shouldReadARowThatALaterVersionHasWritten() {
    assertThat(
            JsonColumn.read(
                "{\"diffusion\": 1.0, \"distillation\": 0.5, \"laterField\": {\"a\": 1}}",
                LossSpec.class))
        .isEqualTo(new LossSpec(1.0, 0.5));
  }

  @Test
  void shouldSayWhatCannotBeRead() {
    assertThatIllegalStateException()
        .isThrownBy(() -> JsonColumn.read("{\"diffusion\": [1]}", LossSpec.class))
        .withMessageContaining("diffusion");
  }
}
