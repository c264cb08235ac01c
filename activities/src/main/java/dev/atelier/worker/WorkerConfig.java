package dev.atelier.worker;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The settings of a worker process, from system properties ({@code atelier.worker.threads}) or the
 * environment ({@code ATELIER_WORKER_THREADS}).
 */
@ConfigMapping(prefix = "atelier")
public interface WorkerConfig {

  Temporal temporal();

  Database database();

  S3 s3();

  Worker worker();

  /** The Temporal cluster. */
  interface Temporal {
    @WithDefault("127.0.0.1:7233")
    String target(); // host:port

    @WithDefault("default")
    String namespace();
  }

  /** Postgres. */
  interface Database {
    String url(); // jdbc:postgresql://…

    String user();

    String password();
  }

  /** The object store. */
  interface S3 {
    String endpoint(); // http://host:port

    String accessKey();

    String secretKey();

    @WithDefault("atelier")
    String bucket();
  }

  /** This process. */
  interface Worker {
    @WithDefault("worker")
    String name(); // shown beside the models that it trains

    @WithDefault("cpu")
    String deviceClass(); // serves the task queue atelier-<deviceClass>

    @WithDefault("cpu")
    String device(); // cpu or cuda:<n>

    @WithDefault("1")
    int threads(); // of libtorch

    OptionalLong samplingMemoryBytes(); // absent: half of what is available, on cuda no bound

    Path cacheDir(); // datasets, models and extractors fetched from the store

    Optional<Duration> exitWhenIdle(); // PT15M: ends after so long without work; absent: never

    Deployment deployment();
  }

  /** Worker versioning, for rollouts; a Temporal cluster of 1.28 or later. */
  interface Deployment {
    Optional<String> name(); // such as atelier; absent: workers have no version

    Optional<String> buildId(); // absent: the code's own version
  }

  /**
   * Reads the settings.
   *
   * @throws io.smallrye.config.ConfigValidationException naming each missing or malformed one
   */
  static WorkerConfig load() {
    return new SmallRyeConfigBuilder()
        .addDefaultInterceptors()
        .addDefaultSources()
        .addDiscoveredConverters()
        .withMapping(WorkerConfig.class)
        .build()
        .getConfigMapping(WorkerConfig.class);
  }
}
