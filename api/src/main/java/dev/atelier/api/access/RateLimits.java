package dev.atelier.api.access;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import io.github.bucket4j.Bucket;
import io.github.bucket4j.ConsumptionProbe;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** How often a caller may ask: a token bucket for each, in this process. */
@ApplicationScoped
class RateLimits {

  private static final int CALLERS = 10_000; // of whom a bucket is kept

  private final int perSecond;
  private final int burst;
  private final Map<String, Bucket> buckets =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Bucket> longestUnused) {
          return size() > CALLERS;
        }
      };

  RateLimits(AtelierConfig config) {
    this.perSecond = config.limits().requestsPerSecond();
    this.burst = Math.max(1, config.limits().burst());
  }

  /**
   * Counts a request.
   *
   * @throws ProblemException 429 when the caller has to wait, with how long
   */
  void count(String caller) {
    if (perSecond <= 0) {
      return;
    }
    ConsumptionProbe probe = bucketOf(caller).tryConsumeAndReturnRemaining(1);
    if (!probe.isConsumed()) {
      long nanos = probe.getNanosToWaitForRefill();
      long seconds = Math.max(1, (nanos + 999_999_999) / TimeUnit.SECONDS.toNanos(1));
      throw new ProblemException(
          ProblemType.TOO_MANY_REQUESTS,
          "More than %d requests a second: ask again in %d s.".formatted(perSecond, seconds),
          Map.of("Retry-After", Long.toString(seconds)));
    }
  }

  private Bucket bucketOf(String caller) {
    synchronized (buckets) {
      return buckets.computeIfAbsent(
          caller,
          name ->
              Bucket.builder()
                  .addLimit(
                      limit -> limit.capacity(burst).refillGreedy(perSecond, Duration.ofSeconds(1)))
                  .build());
    }
  }
}
