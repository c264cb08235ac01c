package dev.atelier.store.objects;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.minio.Time;
import io.minio.credentials.Credentials;
import java.net.ConnectException;
import java.security.ProviderException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RenewedKeysTest {

  private final MovableClock clock = new MovableClock(Instant.parse("2026-01-01T00:00:00Z"));
  private Optional<Duration> life = Optional.of(Duration.ofHours(1));
  private boolean away;
  private int asked;

  private final RenewedKeys keys =
      new RenewedKeys(
          "the role",
          () ->
              () -> {
                asked++;
                if (away) {
                  throw new ProviderException(
                      "Unable to parse response", new ConnectException("Connection refused"));
                }
                return new Credentials(
                    "key-" + asked,
                    "secret",
                    "session",
                    life.map(
                            time ->
                                new Time.S3Time(clock.instant().plus(time).atZone(ZoneOffset.UTC)))
                        .orElse(null));
              },
          clock);

  private String key() {
    return keys.fetch().accessKey();
  }

  @Test
  void shouldKeepKeysUntilAQuarterOfAnHourBeforeTheyEnd() {
    assertThat(key()).isEqualTo("key-1");
    clock.pass(Duration.ofMinutes(44));
    assertThat(key()).isEqualTo("key-1");
    clock.pass(Duration.ofMinutes(2));
    assertThat(key()).isEqualTo("key-2");
    assertThat(asked).isEqualTo(2);
  }

  @Test
  void shouldKeepKeysThatDoNotEnd() {
    life = Optional.empty();
    key();
    clock.pass(Duration.ofDays(400));
    assertThat(key()).isEqualTo("key-1");
  }

  @Test
  void shouldGoOnWithTheOldKeysWhileNobodyGivesNewOnes() {
    key();
    clock.pass(Duration.ofMinutes(50));
    away = true;
    assertThat(key()).isEqualTo("key-1");
    assertThat(key()).isEqualTo("key-1");
    assertThat(asked).as("not at each request").isEqualTo(2);
    clock.pass(Duration.ofMinutes(5));
    away = false;
    assertThat(key()).isEqualTo("key-3");
  }

  @Test
  void shouldSayWhyThereAreNoneAndTryAgain() {
    away = true;
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(keys::fetch)
          .isInstanceOf(ProviderException.class)
          .hasMessage("no keys from the role: Connection refused");
    }
    assertThat(asked).as("not at each request").isEqualTo(1);
    away = false;
    clock.pass(Duration.ofSeconds(3));
    assertThat(key()).isEqualTo("key-2");
  }

  @Test
  void shouldNotGiveKeysThatHaveEnded() {
    key();
    away = true;
    clock.pass(Duration.ofMinutes(61));
    assertThatThrownBy(keys::fetch).hasMessageContaining("Connection refused");
  }

  @Test
  void shouldAskAgainForKeysThatLastNoLongerThanThePause() {
    life = Optional.of(Duration.ofSeconds(30));
    assertThat(key()).isEqualTo("key-1");
    clock.pass(Duration.ofSeconds(15));
    assertThat(key()).isEqualTo("key-1");
    clock.pass(Duration.ofSeconds(10));
    assertThat(key()).isEqualTo("key-2");
  }
}
