package dev.atelier.api.access;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.api.AtelierConfig.AuthMode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OpenNetworkTest {

  @ParameterizedTest
  @ValueSource(strings = {"0.0.0.0", "192.168.1.5", "::", "no.such.host.invalid"})
  void shouldRefuseToListenToANetworkWithoutAuthentication(String host) {
    assertThatThrownBy(() -> OpenNetwork.requireClosed(AuthMode.OPEN, host, false))
        .hasMessageContaining("would listen on %s without authentication".formatted(host));
    assertThatCode(() -> OpenNetwork.requireClosed(AuthMode.TOKENS, host, false))
        .doesNotThrowAnyException();
    assertThatCode(() -> OpenNetwork.requireClosed(AuthMode.OPEN, host, true))
        .doesNotThrowAnyException();
  }

  @Test
  void shouldBeOpenOnLoopback() {
    for (String host : new String[] {"127.0.0.1", "localhost", "::1"}) {
      assertThatCode(() -> OpenNetwork.requireClosed(AuthMode.OPEN, host, false))
          .doesNotThrowAnyException();
    }
  }
}
