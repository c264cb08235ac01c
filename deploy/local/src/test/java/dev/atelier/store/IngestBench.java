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

/**
 * How many metric points a worker writes per second, as it does while it trains: prints {@code
 * points/s}. Arguments: JDBC URL, password, an experiment with a model {@code student-1}.
 */
final class IngestBench {

  private static final int STEPS_PER_WRITE = 1000;
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
      Attempt attempt =
          attempts.start(
              args[2], ModelKey.student(1), STEPS_PER_WRITE * WRITES, 1, Optional.of(1L), "bench");
      long start = 0;
      for (int write = 0; write < WARM_UP + WRITES; write++) {
        if (write == WARM_UP) {
          start = System.nanoTime();
        }
        int first = write * STEPS_PER_WRITE;
        List<MetricPoint> points = new ArrayList<>();
        for (int step = first + 1; step <= first + STEPS_PER_WRITE; step++) {
          points.add(new MetricPoint("loss", step, 1.0 / step));
        }
        attempts.recordProgress(
            attempt, first + STEPS_PER_WRITE, 0.5, 100, points, new Usage(0, write, 0));
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      System.out.printf("points/s: %.0f%n", WRITES * STEPS_PER_WRITE / seconds);
    }
  }
}
