package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class WorkerConfigTest {
  private static final String MEMORY = "atelier.worker.sampling-memory-bytes";
  private static final Map<String, String> REQUIRED =
      Map.of(
          "atelier.database.url", "jdbc:postgresql://127.0.0.1/a",
          "atelier.database.user", "a",
          "atelier.database.password", "a",
          "atelier.s3.endpoint", "http://127.0.0.1:1",
          "atelier.s3.access-key", "a",
          "atelier.s3.secret-key", "a",
          "atelier.worker.cache-dir", "cache");

  @AfterEach
  void forget() {
    REQUIRED.keySet().forEach(System::clearProperty);
    System.clearProperty(MEMORY);
  }

  @Test
  void shouldBoundSamplingMemoryOnlyWhenConfigured() {
    REQUIRED.forEach(System::setProperty);
    assertThat(WorkerConfig.load().worker().samplingMemoryBytes()).isEmpty();
    System.setProperty(MEMORY, "1000000000");
    assertThat(WorkerConfig.load().worker().samplingMemoryBytes()).hasValue(1_000_000_000L);
  }
}
