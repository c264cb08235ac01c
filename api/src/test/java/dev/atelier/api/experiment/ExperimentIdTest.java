package dev.atelier.api.experiment;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import org.junit.jupiter.api.Test;

class ExperimentIdTest {

  private static final Instant SECOND = Instant.parse("2026-11-22T22:15:30Z");

  @Test
  void shouldBeginWithTheTimeAndSortByIt() {
    assertThat(ExperimentId.next(SECOND)).matches("20261122-221530-[2-9a-z]{6}");
    assertThat(ExperimentId.next(SECOND.plusSeconds(1))).isGreaterThan(ExperimentId.next(SECOND));
  }
}
