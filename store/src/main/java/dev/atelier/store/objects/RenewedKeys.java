package dev.atelier.store.objects;

import io.minio.credentials.Credentials;
import io.minio.credentials.Provider;
import java.security.ProviderException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Keys that end, asked for anew while the old ones still have a quarter of an hour: links stay
 * usable, and whoever gives keys may be away meanwhile.
 */
final class RenewedKeys implements Provider {

  private static final Duration EARLY = Duration.ofMinutes(15);
  private static final Duration LAST = Duration.ofSeconds(10); // a request is on its way
  private static final Duration PAUSE =
      Duration.ofMinutes(1); // an instance gives the same for long
  private static final Duration PAUSE_WITHOUT_KEYS = Duration.ofSeconds(2);

  private final String named;
  private final Supplier<Provider> source;
  private final Clock clock;
  private Optional<Credentials> keys = Optional.empty();
  private Optional<Exception> failure = Optional.empty();
  private Instant askAgain = Instant.MIN;

  /**
   * @param named what gives the keys, for messages
   * @param source makes one that remembers no keys yet
   */
  RenewedKeys(String named, Supplier<Provider> source, Clock clock) {
    this.named = named;
    this.source = source;
    this.clock = clock;
  }

  /**
   * Keys that are valid now.
   *
   * @throws ProviderException if there are none; its cause is a {@link KeysRefusedException} where
   *     they are refused
   */
  @Override
  public synchronized Credentials fetch() {
    Instant now = clock.instant();
    Optional<Credentials> usable = keys.filter(held -> lasts(held, now.plus(LAST)));
    boolean early = usable.filter(held -> lasts(held, now.plus(EARLY))).isPresent();
    boolean waits = now.isBefore(askAgain) && (usable.isPresent() || failure.isPresent());
    if (!early && !waits) {
      ask(now, usable.isPresent() ? PAUSE : PAUSE_WITHOUT_KEYS);
      usable = keys.filter(held -> lasts(held, now.plus(LAST)));
    }
    return usable.orElseThrow(
        () ->
            failure
                .map(e -> new ProviderException("no keys from " + named + ": " + reason(e), e))
                .orElseGet(
                    () -> new ProviderException("the keys from " + named + " have expired")));
  }

  private void ask(Instant now, Duration pauseAfterFailure) {
    try {
      keys = Optional.of(source.get().fetch());
      failure = Optional.empty();
      askAgain = now.plus(PAUSE);
    } catch (RuntimeException e) { // answers that make no sense too
      failure = Optional.of(e);
      askAgain = now.plus(pauseAfterFailure);
    }
  }

  private static boolean lasts(Credentials keys, Instant moment) {
    return keys.expiration() == null || moment.isBefore(keys.expiration().toInstant());
  }

  private static String reason(Exception failure) {
    Throwable deepest = failure;
    while (deepest.getCause() != null) {
      deepest = deepest.getCause();
    }
    return Optional.ofNullable(deepest.getMessage())
        .flatMap(message -> message.lines().findFirst())
        .orElse(deepest.getClass().getSimpleName());
  }
}
