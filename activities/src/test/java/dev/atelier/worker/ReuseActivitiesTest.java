package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class ReuseActivitiesTest {

  @Test
  void shouldAskLessOftenTheLongerItHasWaited() {
    assertThat(ReuseActivitiesImpl.askAgainAfter(1)).isEqualTo(Duration.ofSeconds(5));
    assertThat(ReuseActivitiesImpl.askAgainAfter(3)).isEqualTo(Duration.ofSeconds(15));
    assertThat(ReuseActivitiesImpl.askAgainAfter(12)).isEqualTo(Duration.ofMinutes(1));
    assertThat(ReuseActivitiesImpl.askAgainAfter(Integer.MAX_VALUE))
        .isEqualTo(Duration.ofMinutes(1));
  }
}
