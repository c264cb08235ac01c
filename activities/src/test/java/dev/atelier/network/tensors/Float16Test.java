package dev.atelier.network.tensors;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Float16Test {

  @Test
  void shouldNarrowEachHalfToItself() {
    for (int half = 0; half < 1 << 16; half++) {
      float wide = Float16.widen((short) half);
      if (!Float.isNaN(wide)) {
        assertThat(Float16.narrow(wide)).isEqualTo((short) half);
      }
    }
  }

  // Values of numpy.float16(x).
  @ParameterizedTest
  @CsvSource({
    "0.1, 0.0999755859375",
    "-2.71828, -2.71875",
    "65519, 65504",
    "65520, Infinity",
    "1e-8, 0",
    "3e-8, 5.9604645e-08",
    "6.1e-5, 6.097555e-05",
    "1.00048828125, 1.0",
    "1.00146484375, 1.001953125"
  })
  void shouldRoundToTheNearestAndOfTwoToTheEven(float value, float rounded) {
    assertThat(Float16.widen(Float16.narrow(value))).isEqualTo(rounded);
  }

  @Test
  void shouldKeepWhatIsNotANumber() {
    assertThat(Float16.widen(Float16.narrow(Float.NaN))).isNaN();
  }
}
