package dev.atelier.api;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Where the API finds the other servers; the database is {@code quarkus.datasource}. */
@ConfigMapping(prefix = "atelier")
public interface AtelierConfig {

  S3 s3();

  Temporal temporal();

  Traces traces();

  Log log();

  /** How long a start waits for the schema of the database where another program makes it. */
  @WithDefault("5m")
  Duration startPatience();

  /** How often unfinished experiments are compared with Temporal, and open requests settled. */
  @WithDefault("10s")
  Duration reconcileEvery();

  Maintenance maintenance();

  Costs costs();

  Limits limits();

  Http http();

  Auth auth();

  Sources sources();

  Webhooks webhooks();

  Mail mail();

  /** What one request, and one caller, may take. */
  interface Limits {

    /** Bytes of a request's body, at most. */
    @WithDefault("1000000")
    int bodyBytes();

    /** Bytes of a spec, at most, as it was written. */
    @WithDefault("262144")
    int specBytes();

    /** Requests a second that one caller may make for long; 0: as many as it likes. */
    @WithDefault("50")
    int requestsPerSecond();

    /** Requests that one caller may make at once, after a pause. */
    @WithDefault("500")
    int burst();

    /** Event streams that one caller may have open, per api process. */
    @WithDefault("100")
    int streams();

    /** Connections that one address may have open, per api process; behind a proxy, the proxy's. */
    @WithDefault("1000")
    int connections();

    /** How long a request's body may take to come, before it is refused. */
    @WithDefault("15s")
    Duration bodyTime();
  }

  /** Under which names the API is asked. */
  interface Http {

    /**
     * Hosts, {@code *.example.org} for all below it, that the API goes by besides loopback names
     * and the address that it listens on; what asks for another one is refused.
     */
    Optional<List<String>> hosts();

    /**
     * What a scraper of {@code /q/metrics} sends as {@code Authorization: Bearer}; a secret.
     * Absent: an API that is open to all shows its metrics to all, another one to nobody.
     */
    Optional<String> metricsToken();

    /** File that holds the metrics' token, in its place. */
    Optional<Path> metricsTokenFile();
  }

  /** Who may do what. */
  interface Auth {

    /** {@code open}: anyone, everything; {@code tokens}: API tokens; {@code oidc}: both kinds. */
    @WithDefault("open")
    AuthMode mode();

    /** Whether the API may be open on another address than loopback. */
    @WithDefault("false")
    boolean allowOpenNetwork();

    /** An admin's API token to begin with, of {@code atl_} and 32 characters or more; a secret. */
    Optional<String> bootstrapToken();

    /** File that holds the bootstrap token, in its place. */
    Optional<Path> bootstrapTokenFile();

    Oidc oidc();
  }

  /** How callers are told apart. */
  enum AuthMode {
    OPEN,
    TOKENS,
    OIDC
  }

  /** The OpenID Connect provider. */
  interface Oidc {

    /** Its base URL, below which {@code .well-known/openid-configuration} is. */
    Optional<URI> issuer();

    /** What the {@code aud} of a token must hold. */
    @WithDefault("atelier")
    String audience();

    /** What the names of the roles viewer, operator and admin begin with at the provider. */
    @WithDefault("atelier-")
    String rolePrefix();

    /** Claim that lists the caller's projects. */
    @WithDefault("atelier_projects")
    String projectsClaim();

    /** The client by which people sign in to the dashboard; absent: they enter tokens there. */
    Optional<String> clientId();

    /** The client's secret, of 32 characters or more; absent: it is a public client. */
    Optional<String> clientSecret();

    /** File that holds the client's secret, in its place. */
    Optional<Path> clientSecretFile();

    /**
     * What the cookie of a sign-in that is under way is encrypted with, of 32 characters or more; a
     * secret that all api processes share. Absent: the client's secret, or one of each process.
     */
    Optional<String> stateSecret();

    /** File that holds the state secret, in its place. */
    Optional<Path> stateSecretFile();

    /** What people call the provider: the dashboard says "Sign in with …". */
    @WithDefault("your organisation")
    String providerName();

    /** What is asked of the provider beside {@code openid}. */
    @WithDefault("profile")
    List<String> scopes();

    /** Whether browsers come by https, also where a proxy ends TLS before the API. */
    @WithDefault("false")
    boolean https();

    /** How long a person stays signed in; then they sign in again. */
    @WithDefault("8h")
    Duration session();

    /** Days that a person's own token may live, at most. */
    @WithDefault("90")
    int tokenDays();
  }

  /** Where the sources of specs may lie; the workers' setting, by which specs are checked early. */
  interface Sources {

    /** Hosts, {@code *.example.org} for all below it; absent: every public one. */
    Optional<List<String>> hosts();

    /** Whether a host may have a loopback, link-local or private address. */
    @WithDefault("false")
    boolean privateAddresses();

    /** Directories of the workers below which files may lie; absent: none. */
    Optional<List<String>> directories();

    /** Buckets of the object store; absent: every one but the platform's own. */
    Optional<List<String>> buckets();

    /** Base URL of the Hub that {@code hf:} sources name; as of the workers. */
    @WithDefault("https://huggingface.co")
    URI hub();
  }

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

  /** The server that takes the workers' mails. */
  interface Mail {

    /** Its name; absent: webhooks of the form email are refused; as of the workers. */
    Optional<String> host();
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

    /** Objects that are listed and compared in one go, about. */
    @WithDefault("100000")
    int checkPartObjects();

    /** Whether the scheduled comparison removes objects that no row refers to. */
    @WithDefault("false")
    boolean repair();

    /** Younger objects are never taken for orphans: their row may be on its way. */
    @WithDefault("24h")
    Duration grace();

    /** How often rows of former versions are brought to their new form, and curves deleted. */
    @WithDefault("1m")
    Duration upkeepEvery();

    Curves curves();

    Files files();
  }

  /** How long files of experiments that have ended are kept, from their end on. */
  interface Files {

    /**
     * Adam's moments of models that are done: half of each checkpoint, which nobody needs who does
     * not train on; a model that another experiment takes over later cannot be extended without.
     * {@code PT0S}: until the experiment has ended; {@code P36500D}: for ever.
     */
    @WithDefault("P90D")
    Duration momentsKeptFor();

    /** Checkpoints but for the last of a model that is done; absent: for ever. */
    Optional<Duration> checkpointsKeptFor();

    /** Pictures of samples and of their way from noise; absent: for ever. */
    Optional<Duration> samplesKeptFor();

    /**
     * Prepared datasets, with what networks see of them, that no experiment has any more, from when
     * they were written; looked for by the comparison of the store; absent: for ever.
     */
    Optional<Duration> unnamedDatasetsKeptFor();
  }

  /** Prices, by which the costs of projects are told. */
  interface Costs {

    /** What prices are in, such as {@code EUR}; absent: no costs are told. */
    Optional<String> currency();

    /** Price of an hour of a GPU. */
    @WithDefault("0")
    double gpuHour();

    /** Price of an hour of a worker without a GPU. */
    @WithDefault("0")
    double cpuHour();

    /** Price of a GiB that is stored for a month of 730 hours. */
    @WithDefault("0")
    double gibMonth();
  }

  /** What becomes of curves of experiments that have ended. */
  interface Curves {

    /**
     * How long after the start points of the version before are moved to their new form, which
     * workers of that version don't read.
     */
    @WithDefault("1h")
    Duration moveAfter();

    /** How long after the end of its experiment a curve stays whole. */
    @WithDefault("P90D")
    Duration wholeFor();

    /** About how many reports of a model stay after that; 0: all. */
    @WithDefault("1000")
    int thinnedTo();

    /** How long after the end of its experiment a curve is kept at all; absent: for ever. */
    Optional<Duration> keptFor();
  }

  /** The object store. */
  interface S3 {

    /** Base URL of an S3 server. */
    @WithDefault("http://127.0.0.1:9000")
    URI endpoint();

    /** The same server as users reach it, for links to files; absent: no links are given. */
    Optional<URI> publicEndpoint();

    /** How long a link to a file is valid: 7 days at most, and no longer than the keys. */
    @WithDefault("1h")
    Duration linkValidity();

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
     * what the server says; in links {@code us-east-1} where the server is not AWS's.
     */
    Optional<String> region();
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

    /**
     * File of keys, a line {@code ID BASE64} of 32 bytes each, that encrypt what histories hold;
     * the first encrypts, all decrypt; absent: nothing is encrypted.
     */
    Optional<Path> codecKeysFile();

    /**
     * Origins of Temporal's Web UI, such as {@code http://127.0.0.1:8233}, whose pages may ask the
     * API to decrypt for their user; absent: none.
     */
    Optional<List<String>> codecOrigins();

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
