package dev.atelier.local;

import dev.atelier.deploy.Programs;
import java.nio.file.Path;
import java.util.List;

/**
 * A supervisor with Postgres, S3 and Temporal, as a program of its own that a test can kill.
 *
 * <p>Arguments: the data directory, the ports of Postgres, S3, Temporal and its Web UI.
 */
final class InfrastructureProgram {

  static final String READY = "ready";

  private InfrastructureProgram() {}

  public static void main(String[] args) throws Exception {
    DataDirectory directory = DataDirectory.open(Path.of(args[0]));
    Supervisor supervisor = new Supervisor(directory, System.out::println);
    Runtime.getRuntime().addShutdownHook(new Thread(supervisor::close));
    supervisor.prepare();
    supervisor.start(
        services(
            directory,
            new Ports(
                0,
                Integer.parseInt(args[1]),
                Integer.parseInt(args[2]),
                Integer.parseInt(args[3]),
                Integer.parseInt(args[4]))));
    System.out.println(READY);
    Thread.currentThread().join();
  }

  static List<Service> services(DataDirectory directory, Ports ports) throws Exception {
    DataDirectory.Credentials credentials = directory.credentials();
    return List.of(
        new PostgresService(directory, ports.postgres(), credentials.postgresPassword()),
        new S3Service(directory, ports.s3(), credentials),
        new TemporalService(
            Programs.find("temporal"),
            directory,
            ports.temporal(),
            Ports.HOST,
            ports.temporalUi()));
  }
}
