package dev.atelier.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class SpreadTest {

  @Test
  void shouldGiveMeanAndSampleStandardDeviation() {
    Spread spread = Spread.of(List.of(2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0));
    assertThat(spread.mean()).isEqualTo(5);
    assertThat(spread.deviation()).isCloseTo(Math.sqrt(32.0 / 7), within(1e-12));
    assertThat(spread).hasToString("5.0 ± 2.1");
  }

  @Test
  void shouldClaimNoSpreadOfASingleValue() {
    assertThat(Spread.of(List.of(3.5))).hasToString("3.500");
    assertThat(Spread.of(List.of(1.79, 1.79, 1.79))).hasToString("1.790");
  }

  @Test
  void shouldCountParametersAndBytesInsteadOfWritingPowersOfTen() {
    assertThat(Spread.of(List.of(-123e6, -124e6))).hasToString("-123.50 ± 0.71 M");
    assertThat(Spread.of(List.of(400.0, 600.0))).hasToString("500 ± 141");
  }
}
