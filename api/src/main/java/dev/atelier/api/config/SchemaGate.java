package dev.atelier.api.config;

import dev.atelier.api.AtelierConfig;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.jboss.logging.Logger;

/**
 * Where the API does not bring the database to its schema itself, waits until somebody else has.
 */
@ApplicationScoped
class SchemaGate {

  private static final Logger LOG = Logger.getLogger(SchemaGate.class);
  private static final Duration PAUSE = Duration.ofSeconds(1); // between two looks

  private final Flyway flyway;
  private final boolean migratesItself;
  private final Duration patience;

  SchemaGate(
      Flyway flyway,
      @ConfigProperty(name = "quarkus.flyway.migrate-at-start") boolean migratesItself,
      AtelierConfig config) {
    this.flyway = flyway;
    this.migratesItself = migratesItself;
    this.patience = config.startPatience();
  }

  /** Before anything reads a table. */
  void await(@Observes @Priority(50) StartupEvent start) throws InterruptedException {
    if (migratesItself) {
      return;
    }
    long begin = System.nanoTime();
    String said = "";
    Optional<String> missing = missing();
    while (missing.isPresent()) {
      if (!said.equals(missing.get())) { // one line for each reason, not for each look
        said = missing.get();
        LOG.warnf("Waiting for the database: %s; gives up after %d s.", said, patience.toSeconds());
      }
      if (System.nanoTime() - begin >= patience.toNanos()) {
        throw new IllegalStateException(
            "The database was waited for, %d s (atelier.start-patience): %s."
                .formatted(patience.toSeconds(), missing.get()));
      }
      Thread.sleep(PAUSE.toMillis());
      missing = missing();
    }
    if (!said.isEmpty()) {
      LOG.info("The database has its schema.");
    }
  }

  private Optional<String> missing() {
    try {
      List<String> pending =
          Arrays.stream(flyway.info().pending())
              .map(migration -> migration.getVersion() + " " + migration.getDescription())
              .toList();
      return pending.isEmpty()
          ? Optional.empty()
          : Optional.of(
              "%d migrations are not applied yet, the first is %s, and QUARKUS_FLYWAY_MIGRATE_AT_START=false leaves them to another program"
                  .formatted(pending.size(), pending.get(0)));
    } catch (FlywayException e) {
      Throwable deepest = e;
      while (deepest.getCause() != null) {
        deepest = deepest.getCause();
      }
      return Optional.of(
          String.valueOf(deepest.getMessage()).lines().findFirst().orElse("it does not answer"));
    }
  }
}
