package dev.atelier.store;

import dev.atelier.store.objects.StoreUnavailableException;
import io.micrometer.core.instrument.Metrics;
import javax.sql.DataSource;
import org.jdbi.v3.core.HandleCallback;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;

/** Postgres, one transaction at a time. */
final class Database {

  private final Jdbi jdbi;

  Database(DataSource dataSource) {
    this.jdbi = Jdbi.create(dataSource);
  }

  /**
   * Runs {@code work} in one transaction.
   *
   * @throws StoreUnavailableException if the database fails
   */
  <T> T inTransaction(HandleCallback<T, RuntimeException> work) {
    try {
      return jdbi.inTransaction(work);
    } catch (JdbiException e) {
      Metrics.counter("atelier.store.errors", "store", "postgres", "operation", "transaction")
          .increment();
      throw new StoreUnavailableException("The database failed: " + e.getMessage(), e);
    }
  }
}
