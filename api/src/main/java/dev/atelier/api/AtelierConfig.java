package dev.atelier.api;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** Where the API finds the other servers; the database is {@code quarkus.datasource}. */
@ConfigMapping(prefix = "atelier")
public interface AtelierConfig {

  S3 s3();

  Temporal temporal();

  Traces traces();

  Log log();

  /** How often unfinished experiments are compared with Temporal. */
  @WithDefault("10s")
  Duration reconcileEvery();

  Maintenance maintenance();

  Webhooks webhooks();

  /** Messages to others' servers. */
  interface Webhooks {

    /** Whether a receiver may have a loopback, link-local or private address; as of the workers. */
    @WithDefault("false")
    boolean privateAddresses();

    /** How often new messages are handed to their workflows. */
    @WithDefault("1s")
    Duration dispatchEvery();

    /** How long the records of finished deliveries are kept. */
    @WithDefault("P30D")
    Duration keep();
  }

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

    /** The same server as users reach it, for links to files; absent: {@code endpoint}. */
    Optional<URI> publicEndpoint();

    /** How long a link to a file is valid, 7 days at most. */
    @WithDefault("1h")
    Duration linkValidity();

    /** Certificates (PEM) that sign the server's; absent: those that Java trusts. */
    Optional<Path> caFile();

    /** Access key; a secret. */
    @WithDefault("atelier")
    String accessKey();

    /** File that holds the access key, in its place. */
    Optional<Path> accessKeyFile();

    /** Secret key; a secret. */
    @WithDefault("atelier-secret")
    String secretKey();

    /** File that holds the secret key, in its place. */
    Optional<Path> secretKeyFile();

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

    /** Namespace that holds the workflows. */
    @WithDefault("default")
    String namespace();

    /** Whether to use TLS; also on when one of the files below is named. */
    @WithDefault("false")
    boolean tls();

    /** Certificates (PEM) that sign the server's; absent: those that Java trusts. */
    Optional<Path> caFile();

    /** This program's own certificate chain (PEM), for mTLS. */
    Optional<Path> certificateFile();

    /** The key of that certificate (PEM, PKCS#8). */
    Optional<Path> keyFile();

    /** Name that the server's certificate must have; absent: the target's host. */
    Optional<String> serverName();

    /** Key that is sent with each call, over TLS alone; a secret. */
    Optional<String> apiKey();

    /** File that holds the API key, in its place. */
    Optional<Path> apiKeyFile();

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
  }

  /** Who makes search attributes known to Temporal. */
  enum SearchAttributeUse {
    /** The API, before the first start; where that is not permitted, workflows carry none. */
    REGISTER,
    /** An operator has done so. */
    REGISTERED,
    /** Nobody: workflows carry none. */
    NONE
  }

  /** OpenTelemetry traces. */
  interface Traces {

    /** Base URL of an OTLP receiver (HTTP, protobuf); absent: no traces. */
    Optional<URI> endpoint();
  }

  /** The log on standard output. */
  interface Log {

    /** {@code text} for people, {@code json} for programs: one object per line. */
    @WithDefault("text")
    Format format();

    /** Least severe level that is written: {@code DEBUG}, {@code INFO}, {@code WARN}. */
    @WithDefault("INFO")
    String level();

    /** The same for what Temporal's client writes. */
    @WithDefault("WARN")
    String libraryLevel();
  }

  /** How a log is written. */
  enum Format {
    TEXT,
    JSON
  }
}
