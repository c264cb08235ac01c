package dev.atelier.webhook;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DeliveryScheduleTest {

  @Test
  void shouldWaitTwiceAsLongAfterEachRequestThatFailedAndAtMostTwoHours() {
    assertThat(IntStream.rangeClosed(1, 12).mapToObj(DeliverySchedule::afterFailure))
        .extracting(Duration::toSeconds)
        .containsExactly(5L, 10L, 20L, 40L, 80L, 160L, 320L, 640L, 1280L, 2560L, 5120L, 7200L);
    assertThat(DeliverySchedule.afterFailure(1_000)).hasHours(2);
  }

  @Test
  void shouldAskForATurnEverMoreSeldomAndOnceAMinuteInTheEnd() {
    for (int time = 1; time < 2_000; time++) {
      Duration pause = DeliverySchedule.untilTurn(time);
      long most = Math.min(5_000L * time, 60_000);
      assertThat(pause).isBetween(Duration.ofMillis(most / 2), Duration.ofMillis(most));
    }
  }
}
