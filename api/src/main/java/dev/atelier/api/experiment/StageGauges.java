package dev.atelier.api.experiment;

import dev.atelier.workflows.Stage;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Metrics;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.jboss.logging.Logger;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;
import org.jdbi.v3.core.generic.GenericType;

/** How many experiments there are in each stage, for Prometheus. */
@ApplicationScoped
class StageGauges {

  private static final Logger LOG = Logger.getLogger(StageGauges.class);

  private final Jdbi database;
  private final AtomicReference<Map<String, Long>> byStage = new AtomicReference<>(Map.of());

  StageGauges(Jdbi database) {
    this.database = database;
  }

  void register(@Observes StartupEvent start, MeterRegistry metrics) {
    for (Stage stage : Stage.values()) {
      Gauge.builder(
              "atelier.experiments",
              byStage,
              counts -> counts.get().getOrDefault(stage.name(), 0L).doubleValue())
          .tag("stage", stage.name())
          .description("Experiments in each stage")
          .register(metrics);
    }
  }

  @Scheduled(every = "15s", concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void count() {
    try {
      byStage.set(
          database.withHandle(
              handle ->
                  handle
                      .createQuery("select stage, count(*) as n from experiment group by stage")
                      .setMapKeyColumn("stage")
                      .setMapValueColumn("n")
                      .collectInto(new GenericType<Map<String, Long>>() {})));
    } catch (JdbiException e) {
      Metrics.counter("atelier.store.errors", "store", "postgres", "operation", "count experiments")
          .increment();
      LOG.warnf("Experiments could not be counted for the metrics: %s", e.getMessage());
    }
  }
}
