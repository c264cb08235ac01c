package dev.atelier.worker;

import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.StoreRefusedException;
import dev.atelier.store.objects.StoreUnavailableException;
import dev.atelier.worker.Dependency.Away;
import dev.atelier.worker.Dependency.Refused;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.workflowservice.v1.DescribeNamespaceRequest;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** The servers that a worker needs, and what it asks each of them. */
final class Servers {

  private static final Set<String> WRONG_PASSWORD = Set.of("28P01", "28000"); // SQLSTATE
  private static final String NO_DATABASE = "3D000";
  private static final int SECONDS = 4; // for an answer

  private Servers() {}

  static Dependency objectStore(WorkerConfig.S3 settings, ObjectStore store) {
    return new Dependency(
        "The object store",
        settings.endpoint(),
        () -> {
          try {
            store.ensureBucket();
          } catch (StoreRefusedException e) {
            throw new Refused(e.getMessage(), e);
          } catch (StoreUnavailableException e) {
            throw new Away(reason(e), e);
          }
        });
  }

  static Dependency postgres(WorkerConfig.Database settings) {
    return new Dependency(
        "Postgres",
        settings.url().replaceFirst("\\?.*", ""), // what is behind may hold a password
        () -> {
          DriverManager.setLoginTimeout(SECONDS);
          try (Connection connection =
                  DriverManager.getConnection(
                      settings.url(), settings.user(), settings.password());
              Statement statement = connection.createStatement();
              ResultSet found = statement.executeQuery("select to_regclass('experiment')")) {
            found.next();
            if (found.getString(1) == null) {
              throw new Away("it has no tables yet, which the api or its migration makes", null);
            }
          } catch (SQLException e) {
            if (WRONG_PASSWORD.contains(e.getSQLState())) {
              throw new Refused(
                  "it refuses the user or the password (atelier.database.user, password): "
                      + firstLine(e),
                  e);
            }
            throw new Away(NO_DATABASE.equals(e.getSQLState()) ? firstLine(e) : reason(e), e);
          }
        });
  }

  static Dependency temporal(WorkerConfig.Temporal settings, WorkflowServiceStubs stubs) {
    return new Dependency(
        "Temporal",
        settings.target(),
        () -> {
          try {
            stubs
                .blockingStub()
                .withDeadlineAfter(SECONDS, TimeUnit.SECONDS)
                .describeNamespace(
                    DescribeNamespaceRequest.newBuilder()
                        .setNamespace(settings.namespace())
                        .build());
          } catch (StatusRuntimeException e) {
            Status.Code code = e.getStatus().getCode();
            if (code == Status.Code.UNAUTHENTICATED || code == Status.Code.PERMISSION_DENIED) {
              throw new Refused(
                  "it refuses this worker (atelier.temporal.api-key, certificate-file): "
                      + firstLine(e),
                  e);
            }
            throw new Away(reason(e), e);
          }
        });
  }

  /** What lies behind a failure, such as "Connection refused". */
  private static String reason(Throwable failure) {
    Throwable deepest = failure;
    while (deepest.getCause() != null) {
      deepest = deepest.getCause();
    }
    return firstLine(deepest);
  }

  private static String firstLine(Throwable failure) {
    return Optional.ofNullable(failure.getMessage())
        .flatMap(message -> message.lines().findFirst())
        .orElse(failure.getClass().getSimpleName());
  }
}
