package dev.atelier.local;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** Postgres, S3, Temporal, the api and the workers, as processes on this machine. */
public final class LocalStack implements AutoCloseable {

  private final DataDirectory directory;
  private final Supervisor supervisor;
  private final StackOptions options;
  private final Ports ports;
  private final Installation installation;
  private final Consumer<String> notices;
  private UnaryOperator<String> s3Route = UnaryOperator.identity();

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

  /** Lets the api and the workers reach S3 at another endpoint, such as a proxy before it. */
  void routeS3(UnaryOperator<String> route) {
    s3Route = route;
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
    TemporalService temporal =
        new TemporalService(options.temporal(), directory, ports.temporal(), ports.temporalUi());
    if (options.temporal().isEmpty()) {
      notices.accept(TemporalProgram.IN_MEMORY);
    }
    Connections connections =
        new Connections(
            temporal.target(),
            postgres.jdbcUrl(),
            PostgresService.USER,
            s3Route.apply(s3.endpoint()),
            credentials);
    ApiService api =
        new ApiService(installation.apiJar(), ports.api(), connections, temporal.webUi());
    List<Service> workers = new ArrayList<>();
    for (int number = 1; number <= options.workers(); number++) {
      workers.add(
          new WorkerService(
              number,
              options.threadsPerWorker(),
              installation.workerClassPath(),
              directory,
              connections,
              temporal.workerEnvironment()));
    }

    supervisor.start(List.of(postgres, s3, temporal));
    supervisor.start(List.of(api)); // brings the database to its schema
    supervisor.start(workers);

    return new Endpoints(
        api.url(),
        temporal.webUi(),
        temporal.target(),
        postgres.jdbcUrl(),
        PostgresService.USER,
        s3.endpoint(),
        S3Service.BUCKET,
        directory.credentialsFile(),
        directory.logs());
  }

  /** The process of a service, such as {@code worker-1}, when it runs. */
  public Optional<Long> pid(String service) {
    return supervisor.pid(service);
  }

  /** Ends everything: workers first, then the api, then the servers they need. */
  @Override
  public void close() {
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
