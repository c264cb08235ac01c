package dev.atelier.api.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class MetricsAccessTest {

  private static final Optional<String> TOKEN = Optional.of("secret");

  @Test
  void shouldShowMetricsToAllWhereTheApiIsOpenAndNoTokenIsSet() {
    assertThat(MetricsAccess.refusal(true, Optional.empty(), Optional.empty())).isEmpty();
  }

  @Test
  void shouldShowMetricsToNobodyWhereTheApiAsksForTokensAndNoneIsSet() {
    assertThat(MetricsAccess.refusal(false, Optional.empty(), Optional.of("Bearer secret")))
        .hasValueSatisfying(text -> assertThat(text).contains("ATELIER_HTTP_METRICS_TOKEN"));
  }

  @Test
  void shouldShowMetricsToWhoHasTheirTokenAlone() {
    for (boolean open : new boolean[] {true, false}) {
      assertThat(MetricsAccess.refusal(open, TOKEN, Optional.of("Bearer secret"))).isEmpty();
      assertThat(MetricsAccess.refusal(open, TOKEN, Optional.of("Bearer secret2"))).isPresent();
      assertThat(MetricsAccess.refusal(open, TOKEN, Optional.of("secret"))).isPresent();
      assertThat(MetricsAccess.refusal(open, TOKEN, Optional.empty())).isPresent();
    }
  }
}
