package dev.atelier.local;

import com.sun.management.OperatingSystemMXBean;
import dev.atelier.cli.stack.RunningStacks;
import dev.atelier.cli.stack.StackAddress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** Postgres, S3, Temporal, the api and the workers, as processes on this machine. */
public final class LocalStack implements AutoCloseable {

  private static final double WORKERS_SHARE = 0.8; // of the machine's memory
  private static final long LEAST_WORKER_BYTES = 1_000_000_000; // a worker refuses less

  private final DataDirectory directory;
  private final Supervisor supervisor;
  private final StackOptions options;
  private final Ports ports;
  private final Installation installation;
  private final Consumer<String> notices;
  private UnaryOperator<Connections> route = UnaryOperator.identity();
  private volatile Optional<WebUiGuard> guard = Optional.empty();

  private LocalStack(
      StackOptions options,
      Ports ports,
      Installation installation,
      DataDirectory directory,
      Consumer<String> notices) {
    this.options = options;
    this.ports = ports;
    this.installation = installation;
    this.directory = directory;
    this.notices = notices;
    this.supervisor = new Supervisor(directory, notices);
  }

  /**
   * Locks the data directory, ends what a crashed run left on it, and finds the ports. Starts
   * nothing yet: the caller arranges for {@link #close} first.
   *
   * @param notices receives single lines for the user
   * @throws StackException when the directory or a port is in use, or something is not built
   */
  public static LocalStack prepare(
      StackOptions options, Installation installation, Consumer<String> notices)
      throws StackException, InterruptedException {
    installation.requireBuilt();
    DataDirectory directory = DataDirectory.open(options.dataDirectory());
    try {
      PidFiles.endStale(directory.runs(), notices); // they may hold the ports
      Ports ports = options.ports().reserve();
      return new LocalStack(options, ports, installation, directory, notices);
    } catch (IOException e) {
      release(directory);
      throw new StackException("Cannot read %s: %s".formatted(directory.runs(), e), e);
    } catch (StackException | InterruptedException | RuntimeException e) {
      release(directory);
      throw e;
    }
  }

  /**
   * Lets the api and the workers reach the other servers elsewhere, such as at proxies before them.
   */
  void route(UnaryOperator<Connections> newRoute) {
    route = newRoute;
  }

  // Postgres, Temporal, the API and the user's own programs have the rest.
  private static long workerMemoryBytes(int workers) {
    long machine =
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
    return Math.max(LEAST_WORKER_BYTES, (long) (WORKERS_SHARE * machine) / workers);
  }

  /** Starts everything and returns when all of it answers. */
  public Endpoints start() throws StackException, InterruptedException {
    supervisor.prepare();
    DataDirectory.Credentials credentials;
    try {
      credentials = directory.credentials();
    } catch (IOException e) {
      throw new StackException("Cannot read the credentials: %s.".formatted(e.getMessage()), e);
    }
    PostgresService postgres =
        new PostgresService(directory, ports.postgres(), credentials.postgresPassword());
    S3Service s3 = new S3Service(directory, ports.s3(), credentials);
    TemporalService temporal = temporal();
    if (options.temporal().isEmpty()) {
      notices.accept(TemporalProgram.IN_MEMORY);
    }
    Optional<String> temporalWebUi =
        temporal.webUi().map(ui -> "http://%s:%d".formatted(Ports.HOST, ports.temporalUi()));
    Connections connections =
        route.apply(
            new Connections(
                temporal.target(),
                postgres.jdbcUrl(),
                PostgresService.USER,
                s3.endpoint(),
                credentials,
                options.codecKeys()));
    ApiService api =
        new ApiService(
            options.api(), installation, ports.api(), connections, temporalWebUi, options.access());
    List<Service> workers = new ArrayList<>();
    for (int number = 1; number <= options.workers(); number++) {
      workers.add(
          new WorkerService(
              number,
              options.threadsPerWorker(),
              workerMemoryBytes(options.workers()),
              installation.workerClassPath(),
              directory,
              connections,
              temporal.workerEnvironment()));
    }

    supervisor.start(List.of(postgres, s3, temporal));
    guard(temporal, api);
    supervisor.start(List.of(api)); // brings the database to its schema
    supervisor.start(workers);

    StackAddress client = new StackAddress(api.url(), token(credentials));
    try {
      client.write(directory.root());
    } catch (IOException e) {
      throw new StackException(
          "Cannot write to %s: %s.".formatted(directory.root(), e.getMessage()), e);
    }
    try {
      RunningStacks.ofUser().add(directory.root());
    } catch (IOException e) {
      notices.accept("Commands find this stack by --data alone: " + e);
    }
    return new Endpoints(
        client,
        temporalWebUi,
        temporal.target(),
        postgres.jdbcUrl(),
        PostgresService.USER,
        s3.endpoint(),
        S3Service.BUCKET,
        directory.credentialsFile(),
        directory.logs());
  }

  private TemporalService temporal() throws StackException {
    try {
      return new TemporalService(
          options.temporal(),
          directory,
          ports.temporal(),
          WebUiGuard.randomAddress(),
          Ports.anyFree(),
          options
              .codecKeys()
              .map(
                  keys ->
                      WebUiGuard.codecOf(
                          "http://%s:%d".formatted(Ports.HOST, ports.temporalUi()))));
    } catch (IOException e) {
      throw new StackException("There is no free port: %s.".formatted(e.getMessage()), e);
    }
  }

  private void guard(TemporalService temporal, ApiService api) throws StackException {
    if (temporal.webUi().isEmpty()) {
      return;
    }
    try {
      guard =
          Optional.of(
              WebUiGuard.start(
                  ports.temporalUi(),
                  temporal.webUi().get(),
                  options.codecKeys().map(keys -> URI.create(api.url()))));
    } catch (IOException e) {
      throw new StackException(
          "Cannot serve Temporal's Web UI on port %d: %s.".formatted(ports.temporalUi(), e), e);
    }
  }

  private Optional<String> token(DataDirectory.Credentials credentials) {
    return switch (options.access()) {
      case TOKEN -> Optional.of(credentials.apiToken());
      case OPEN -> Optional.empty();
    };
  }

  /** The process of a service, such as {@code worker-1}, when it runs. */
  public Optional<Long> pid(String service) {
    return supervisor.pid(service);
  }

  /** Ends everything: workers first, then the api, then the servers they need. */
  @Override
  public void close() {
    try {
      RunningStacks.ofUser().remove(directory.root());
    } catch (IOException e) {
      notices.accept("Cannot remove the note of this stack: " + e); // which nobody follows
    }
    try {
      StackAddress.remove(directory.root());
    } catch (IOException e) {
      notices.accept("Cannot remove what clients read in %s: %s".formatted(directory.root(), e));
    }
    guard.ifPresent(WebUiGuard::close);
    supervisor.close();
    release(directory);
  }

  private static void release(DataDirectory directory) {
    try {
      directory.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
