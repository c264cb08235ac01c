package dev.atelier.store;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.AttemptHistory.MetricPoint;
import dev.atelier.store.AttemptHistory.Usage;
import dev.atelier.workflows.ModelKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.PreparedBatch;

/**
 * How many metric points a worker writes per second, as it does while it trains: prints {@code
 * points/s}. Arguments: JDBC URL, password, an experiment with a model {@code student-1}, {@code
 * reports} or {@code former} for a row per point as versions before wrote them, names of series.
 */
final class IngestBench {

  private static final int POINTS_PER_WRITE = 1000;
  private static final int WRITES = 200;
  private static final int WARM_UP = 20;

  private IngestBench() {}

  public static void main(String[] args) {
    HikariConfig pool = new HikariConfig();
    pool.setJdbcUrl(args[0]);
    pool.setUsername("atelier");
    pool.setPassword(args[1]);
    pool.setMaximumPoolSize(1);
    try (HikariDataSource database = new HikariDataSource(pool)) {
      AttemptHistory attempts = new AttemptHistory(database);
      boolean former = args[3].equals("former");
      List<String> series = List.of(args[4].split(","));
      int steps = Math.max(1, POINTS_PER_WRITE / series.size());
      Attempt attempt =
          attempts.start(args[2], ModelKey.student(1), steps * WRITES, 1, Optional.of(1L), "bench");
      long start = 0;
      for (int write = 0; write < WARM_UP + WRITES; write++) {
        if (write == WARM_UP) {
          start = System.nanoTime();
        }
        int first = write * steps;
        List<MetricPoint> points = new ArrayList<>();
        for (int step = first + 1; step <= first + steps; step++) {
          for (String name : series) {
            points.add(new MetricPoint(name, step, 1.0 / step));
          }
        }
        attempts.recordProgress(
            attempt, first + steps, 0.5, 100, former ? List.of() : points, new Usage(0, write, 0));
        if (former) {
          writeFormer(database, attempt, points);
        }
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      System.out.printf("points/s: %.0f%n", WRITES * steps * series.size() / seconds);
    }
  }

  private static void writeFormer(DataSource database, Attempt attempt, List<MetricPoint> points) {
    Jdbi.create(database)
        .useTransaction(
            handle -> {
              PreparedBatch batch =
                  handle.prepareBatch(
                      """
                      insert into metric_point (model_id, series, step, value)
                      values (:model, :series, :step, :value)
                      on conflict (model_id, series, step) do update set value = excluded.value
                      """);
              for (MetricPoint point : points) {
                batch
                    .bind("model", attempt.modelId())
                    .bind("series", point.series())
                    .bind("step", point.step())
                    .bind("value", point.value())
                    .add();
              }
              batch.execute();
            });
  }
}
