package dev.atelier.worker;

import dev.atelier.webhook.MailServer.Security;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.SmallRyeConfigBuilder;
import io.smallrye.config.WithConverter;
import io.smallrye.config.WithDefault;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;

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

  Sources sources();

  Opener opener();

  Webhooks webhooks();

  Mail mail();

  Traces traces();

  Log log();

  /** The Temporal cluster. */
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

    /**
     * File of keys, a line {@code ID BASE64} of 32 bytes each, that encrypt what histories hold;
     * the first encrypts, all decrypt; absent: nothing is encrypted.
     */
    Optional<Path> codecKeysFile();
  }

  /** Postgres. */
  interface Database {

    /**
     * JDBC URL; TLS is asked for in it: {@code
     * jdbc:postgresql://host/db?sslmode=verify-full&sslrootcert=ca.pem}.
     */
    String url();

    /** User name. */
    String user();

    /** Password; a secret. */
    String password();

    /** File that holds the password, in its place. */
    Optional<Path> passwordFile();
  }

  /** The object store. */
  interface S3 {

    /** Base URL of an S3 server, {@code http://} or {@code https://}. */
    String endpoint();

    /** Certificates (PEM) that sign the server's; absent: those that Java trusts. */
    Optional<Path> caFile();

    /**
     * Access key; a secret. Absent, as the secret key: keys come from the environment ({@code
     * AWS_*}), a web identity, the container or the instance.
     */
    Optional<String> accessKey();

    /** File that holds the access key, in its place. */
    Optional<Path> accessKeyFile();

    /** Secret key; a secret. */
    Optional<String> secretKey();

    /** File that holds the secret key, in its place. */
    Optional<Path> secretKeyFile();

    /** Bucket that holds every object. */
    @WithDefault("atelier")
    String bucket();

    /**
     * Region that requests are signed for; absent: {@code AWS_REGION} where no keys are set, else
     * what the server says.
     */
    Optional<String> region();
  }

  /** Where the sources of specs may lie: datasets, teachers, extractors, statistics. */
  interface Sources {

    /** Hosts, {@code *.example.org} for all below it; absent: every public one. */
    Optional<List<String>> hosts();

    /** Whether a host may have a loopback, link-local or private address. */
    @WithDefault("false")
    boolean privateAddresses();

    /** Directories below which files may lie, links followed; absent: none. */
    Optional<List<String>> directories();

    /** Buckets of the object store; absent: every one but the platform's own. */
    Optional<List<String>> buckets();

    /** Credentials for web servers, by the names that sources give them; absent: none. */
    Optional<Path> credentialsFile();

    /** Base URL of the Hub that {@code hf:} sources name; its host is one of {@code hosts}. */
    @WithDefault("https://huggingface.co")
    URI hub();

    /** Files in an archive, at most. */
    @WithDefault("20000000")
    long archiveEntries();

    /** Bytes of an archive unpacked, and of a download, at most. */
    @WithDefault("2000000000000")
    long archiveBytes();

    /** Bytes unpacked for each byte of an archive, at most; above 256 MB. */
    @WithDefault("200")
    int archiveRatio();
  }

  /** The process that opens a user's file before the worker does, or in its place. */
  interface Opener {

    /** Host and port of an opener that is a container or pod of its own; absent: a child. */
    Optional<String> address();

    /** Bytes of a teacher's files of weights, at most: memory, files and time grow with them. */
    @WithDefault("8000000000")
    long weightsBytes();

    /**
     * How long it may take to open a file and to try it, and 1 s more for each 10 MB of weights; of
     * a dataset, to come any further.
     */
    @WithDefault("PT5M")
    Duration timeout();

    /**
     * Bytes of address space that it may have, and 3 for each byte of weights; some 2 GB are
     * libtorch's and Java's own.
     */
    @WithDefault("8000000000")
    long memoryBytes();

    /** Bytes of its Java heap. */
    @WithDefault("268435456")
    long heapBytes();

    /** Bytes of the Java heap that a dataset is decoded with; absent: as many as the worker has. */
    OptionalLong datasetHeapBytes();
  }

  /** This process. */
  interface Worker {

    /** Name that is shown beside the models that it trains; absent: the host's, or container's. */
    Optional<String> name();

    /** The name that a worker goes by. */
    static String nameOf(Worker settings) {
      return settings
          .name()
          .orElseGet(
              () -> {
                try {
                  return InetAddress.getLocalHost().getHostName();
                } catch (UnknownHostException e) {
                  return "worker"; // a host that does not know itself
                }
              });
    }

    /** What the process does: {@code light} work and workflows, {@code compute}, or both. */
    @WithDefault("light,compute")
    Set<Role> roles();

    /** Class of its device: what {@code compute} in a spec names. */
    @WithDefault("cpu")
    String deviceClass();

    /**
     * Task queues of compute work that it serves, one piece of work at a time; absent: {@code
     * atelier-<device-class>}.
     */
    Optional<List<String>> taskQueues();

    /** Activities of a few rows at once. */
    @WithDefault("4")
    int lightSlots();

    /** Activities of small objects, and datasets that are drawn and not fetched, at once. */
    @WithDefault("4")
    int fileSlots();

    /** Reports of studies at once. */
    @WithDefault("2")
    int reportSlots();

    /** Datasets that are fetched and decoded at once. */
    @WithDefault("4")
    int dataSlots();

    /** Messages to receivers of webhooks at once. */
    @WithDefault("16")
    int messageSlots();

    /** The same for the receivers at one host and port. */
    @WithDefault("2")
    int receiverSlots();

    /** Experiments and studies that are kept in memory; a task of another replays its history. */
    @WithDefault("1000")
    int workflowCache();

    /**
     * Threads that those have, at most, two each and more while requests wait; where none is left,
     * the workflow that was used longest ago leaves the memory.
     */
    @WithDefault("2500")
    int workflowThreads();

    /**
     * How long a workflow's task waits for the worker that has the workflow in memory, before any
     * worker gets it; {@code PT0S}: any worker gets it at once, which a server wants that never
     * gives up the task of a dead one.
     */
    @WithDefault("PT5S")
    Duration stickyTimeout();

    /** Device: {@code cpu} or {@code cuda:<n>}. */
    @WithDefault("cpu")
    String device();

    /** Threads of libtorch; at most one for each processor that the process may use. */
    @WithConverter(UsableThreads.class)
    @WithDefault("1")
    int threads();

    /**
     * Workers that share the device: small trainings side by side, each with an equal part of it.
     */
    @WithDefault("1")
    int deviceWorkers();

    /**
     * Bytes that the process may allocate on a CPU: work that wants more fails with {@code
     * OUT_OF_MEMORY}; absent: nine tenths of what its container has, or the machine, shared among
     * the device's workers.
     */
    OptionalLong memoryBytes();

    /**
     * Bytes that sampling may use; absent: half of what is available, on cuda half of this worker's
     * part of a shared device, or no bound.
     */
    OptionalLong samplingMemoryBytes();

    /** Folder for datasets, models and extractors fetched from the store. */
    Path cacheDir();

    /**
     * Bytes of that folder that files of the store may have, at most: what was used longest ago
     * goes first, and never what is in use; absent: four fifths of the disk, less what others have.
     */
    OptionalLong cacheBytes();

    /**
     * Ends the process after so long without compute work, such as {@code PT15M}; absent: never.
     */
    Optional<Duration> exitWhenIdle();

    /**
     * How long a start waits for Postgres, for the object store and for Temporal, each; then the
     * process ends with code 69.
     */
    @WithDefault("PT5M")
    Duration startPatience();

    /**
     * How long the first call of a loaded network may take, in seconds that the process ran; then
     * the process ends with code 75.
     */
    @WithDefault("PT30M")
    Duration firstCallTimeout();

    /**
     * The same for each later call, such as a training step; where 20 times the slowest one so far
     * is longer, that.
     */
    @WithDefault("PT5M")
    Duration callTimeout();

    /**
     * How long what runs may take to end after SIGTERM, such as to save a checkpoint; whoever sends
     * it waits 30 s more before SIGKILL.
     */
    @WithDefault("PT4M30S")
    Duration drainTimeout();

    /** Address that metrics and health are served on. */
    @WithDefault("127.0.0.1")
    String httpHost();

    /** Port of {@code /metrics} and {@code /health}; absent: none, 0: any free one. */
    OptionalInt httpPort();

    Deployment deployment();
  }

  /** Worker versioning, for rollouts; a Temporal cluster of 1.28 or later. */
  interface Deployment {

    /** Name of the worker deployment, such as {@code atelier}; absent: workers have no version. */
    Optional<String> name();

    /** Build of this program in the deployment; absent: the code's own version. */
    Optional<String> buildId();
  }

  /** What a worker does. */
  enum Role {
    LIGHT, // workflows, datasets, rows
    COMPUTE // training, sampling, evaluation
  }

  /** Messages to others' servers. */
  interface Webhooks {

    /** Whether a receiver may have a loopback, link-local or private address; as of the API. */
    @WithDefault("false")
    boolean privateAddresses();

    /**
     * Base URL of the dashboard as users reach it, for links in Slack's messages and mails; absent:
     * they have none.
     */
    Optional<URI> dashboard();
  }

  /** The server that takes mails. */
  interface Mail {

    /** Its name; absent: no mails are sent; as of the API. */
    Optional<String> host();

    /** Its port; absent: 587, with {@code tls} 465, with {@code none} 25. */
    OptionalInt port();

    /**
     * {@code starttls}: TLS before anything is sent; {@code tls}: from the first byte; {@code
     * none}: for a server on this machine.
     */
    @WithDefault("starttls")
    Security security();

    /** Certificates (PEM) that sign the server's; absent: those that Java trusts. */
    Optional<Path> caFile();

    /** User name; absent: the server asks for none. */
    Optional<String> user();

    /** Password of that user; a secret. */
    Optional<String> password();

    /** File that holds the password, in its place. */
    Optional<Path> passwordFile();

    /** Address that mails come from, such as {@code atelier@example.org}; needed with a host. */
    Optional<String> from();
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

    /** The same for what Temporal's client and the database pool write. */
    @WithDefault("WARN")
    String libraryLevel();
  }

  /** How a log is written. */
  enum Format {
    TEXT,
    JSON
  }

  /**
   * Reads the settings.
   *
   * @throws io.smallrye.config.ConfigValidationException naming each missing or malformed one
   * @throws IllegalArgumentException if a file of a secret cannot be read
   */
  static WorkerConfig load() {
    return new SmallRyeConfigBuilder()
        .addDefaultInterceptors()
        .addDefaultSources()
        .addDiscoveredConverters()
        .withInterceptors(new SecretFiles())
        .withMapping(WorkerConfig.class)
        .build()
        .getConfigMapping(WorkerConfig.class);
  }
}
