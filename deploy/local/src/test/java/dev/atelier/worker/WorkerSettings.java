package dev.atelier.worker;

import io.smallrye.config.SmallRyeConfigBuilder;
import java.nio.file.Path;
import java.util.Map;

/** A worker's settings for tests that bring their own servers. */
final class WorkerSettings {

  private WorkerSettings() {}

  /** Those that have no default are unused, but for the cache below {@code data}. */
  static WorkerConfig.Worker below(Path data) {
    return new SmallRyeConfigBuilder()
        .withMapping(WorkerConfig.class)
        .withDefaultValues(
            Map.of(
                "atelier.database.url", "unused",
                "atelier.database.user", "unused",
                "atelier.database.password", "unused",
                "atelier.s3.endpoint", "unused",
                "atelier.s3.access-key", "unused",
                "atelier.s3.secret-key", "unused",
                "atelier.worker.cache-dir", data.toString()))
        .build()
        .getConfigMapping(WorkerConfig.class)
        .worker();
  }
}
