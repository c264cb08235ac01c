package dev.atelier.api;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;

/** Where the API finds the other servers; the database is {@code quarkus.datasource}. */
@ConfigMapping(prefix = "atelier")
public interface AtelierConfig {

  S3 s3();

  Temporal temporal();

  /** How often unfinished experiments are compared with Temporal. */
  @WithDefault("10s")
  Duration reconcileEvery();

  Maintenance maintenance();

  /** What keeps the store and the database clean. */
  interface Maintenance {

    /** How often objects of deleted experiments are removed. */
    @WithDefault("30s")
    Duration deletionsEvery();

    /** How often the store is compared with the database; {@code off}: never. */
    @WithDefault("24h")
    String checkEvery();

    /** How long after the start the first comparison begins. */
    @WithDefault("1h")
    String firstCheckAfter();

    /** Whether the scheduled comparison removes objects that no row refers to. */
    @WithDefault("false")
    boolean repair();

    /** Younger objects are never taken for orphans: their row may be on its way. */
    @WithDefault("24h")
    Duration grace();
  }

  /** The object store. */
  interface S3 {

    /** Base URL of an S3 server. */
    @WithDefault("http://127.0.0.1:9000")
    URI endpoint();

    @WithDefault("atelier")
    String accessKey();

    @WithDefault("atelier-secret")
    String secretKey();

    /** Bucket that holds every object. */
    @WithDefault("atelier")
    String bucket();

    /** Region that requests are signed for. */
    @WithDefault("us-east-1")
    String region();
  }

  /** The workflow server. */
  interface Temporal {

    /** Host and port of its gRPC front end. */
    @WithDefault("127.0.0.1:7233")
    String target();

    @WithDefault("default")
    String namespace();

    /** Base URL of its Web UI, for links; absent: there is none. */
    Optional<URI> ui();

    /** How long a call may take before the answer is that Temporal cannot be reached. */
    @WithDefault("3s")
    Duration timeout();

    /** How long an update may wait for a worker. */
    @WithDefault("15s")
    Duration updateTimeout();

    /** Whether workflows carry search attributes, and who makes them known to Temporal. */
    @WithDefault("register")
    SearchAttributeUse searchAttributes();

    /** Who makes search attributes known to Temporal. */
    enum SearchAttributeUse {
      /** The API, before the first start; where that is not permitted, workflows carry none. */
      REGISTER,
      /** An operator has done so. */
      REGISTERED,
      /** Nobody: workflows carry none. */
      NONE
    }
  }
}
