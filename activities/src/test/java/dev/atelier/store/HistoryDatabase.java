package dev.atelier.store;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.jdbi.v3.core.Jdbi;

/** A real Postgres with the real migrations. */
public final class HistoryDatabase implements AutoCloseable {

  private final EmbeddedPostgres postgres;

  public HistoryDatabase() throws IOException {
    postgres = EmbeddedPostgres.start();
    Flyway.configure().dataSource(source()).load().migrate();
  }

  public DataSource source() {
    return postgres.getPostgresDatabase();
  }

  public Jdbi sql() {
    return Jdbi.create(source());
  }

  /** Leaves one experiment, {@code e}, with one model, {@code student-1}. */
  public void holdOneStudent() {
    sql()
        .useHandle(
            handle -> {
              handle.execute("delete from experiment");
              handle.execute(
                  "insert into experiment (id, name, spec, stage) values ('e', 'e', '{}', 'QUEUED')");
              handle.execute(
                  """
                  insert into model (experiment_id, key, position, range_low, range_high, state,
                      total_steps)
                  values ('e', 'student-1', 1, 0, 1000, 'PENDING', 100)
                  """);
            });
  }

  @Override
  public void close() throws IOException {
    postgres.close();
  }
}
