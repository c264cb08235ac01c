package dev.atelier.worker;

import com.uber.m3.tally.RootScopeBuilder;
import com.uber.m3.tally.Scope;
import com.uber.m3.util.Duration;
import dev.atelier.network.libtorch.Libtorch;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Metrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.DiskSpaceMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.core.instrument.distribution.DistributionStatisticConfig;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.temporal.common.reporter.MicrometerClientStatsReporter;
import java.io.IOException;
import java.lang.management.MemoryUsage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The meters of a worker, for Prometheus. Parts of the program count with Micrometer's global
 * registry; labels name kinds of work, never an experiment.
 */
final class WorkerMetrics implements AutoCloseable {

  private static final Path STATUS = Path.of("/proc/self/status");
  private static final double NANOS = 1e9;
  // From 10 ms to an hour: work waits for a device that trains for hours.
  private static final double[] WAITS = {0.01, 0.1, 1, 5, 15, 60, 300, 900, 3600};

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final JvmGcMetrics collections = new JvmGcMetrics();
  private final Scope temporal;

  /** Starts to count; one per process. */
  WorkerMetrics(WorkerConfig.Worker config) {
    registry
        .config()
        .meterFilter(
            new MeterFilter() {
              @Override
              public DistributionStatisticConfig configure(
                  Meter.Id id, DistributionStatisticConfig distribution) {
                return id.getName().equals("temporal_activity_schedule_to_start_latency")
                    ? buckets().merge(distribution)
                    : distribution;
              }
            });
    Metrics.addRegistry(registry);
    new JvmMemoryMetrics().bindTo(registry);
    new JvmThreadMetrics().bindTo(registry);
    new ProcessorMetrics().bindTo(registry);
    new UptimeMetrics().bindTo(registry);
    collections.bindTo(registry);
    new DiskSpaceMetrics(config.cacheDir().toFile()).bindTo(registry);
    memory(registry, "atelier.process.resident", "Bytes of this process in RAM", "VmRSS:");
    memory(registry, "atelier.process.resident.peak", "Most bytes ever in RAM", "VmHWM:");
    device(registry, config.device());
    for (String operation : List.of("read object", "write object")) { // a rate needs a start
      Metrics.counter("atelier.store.errors", "store", "s3", "operation", operation);
    }
    Metrics.counter("atelier.store.errors", "store", "postgres", "operation", "transaction");
    Metrics.counter("atelier.sampling.images");
    temporal =
        new RootScopeBuilder()
            .reporter(new MicrometerClientStatsReporter(registry))
            .reportEvery(Duration.ofSeconds(5));
  }

  private static DistributionStatisticConfig buckets() {
    double[] nanos = new double[WAITS.length];
    for (int i = 0; i < nanos.length; i++) {
      nanos[i] = WAITS[i] * NANOS;
    }
    return DistributionStatisticConfig.builder().serviceLevelObjectives(nanos).build();
  }

  private static void memory(MeterRegistry registry, String name, String text, String line) {
    Gauge.builder(name, () -> statusBytes(line))
        .description(text)
        .baseUnit("bytes")
        .register(registry);
  }

  private static void device(MeterRegistry registry, String device) {
    Gauge.builder(
            "atelier.device.memory.used",
            () -> Libtorch.memory(device).map(MemoryUsage::getUsed).orElse(0L))
        .description(
            "Bytes of the GPU's memory in use, by all processes; 0: none, or it doesn't say")
        .baseUnit("bytes")
        .register(registry);
    Gauge.builder(
            "atelier.device.memory.limit",
            () -> Libtorch.memory(device).map(MemoryUsage::getMax).orElse(0L))
        .description("Bytes of the GPU's memory; 0: none, or it doesn't say")
        .baseUnit("bytes")
        .register(registry);
  }

  private static double statusBytes(String name) {
    try (Stream<String> lines = Files.lines(STATUS)) {
      return lines
          .filter(line -> line.startsWith(name))
          .mapToDouble(line -> Double.parseDouble(line.replaceAll("[^0-9]", "")) * 1024)
          .findFirst()
          .orElse(Double.NaN);
    } catch (IOException e) {
      return Double.NaN; // there is no /proc
    }
  }

  /** What Temporal's SDK counts into. */
  Scope temporal() {
    return temporal;
  }

  /** All meters in Prometheus's text format. */
  String scrape() {
    return registry.scrape();
  }

  @Override
  public void close() {
    Metrics.removeRegistry(registry);
    collections.close();
    registry.close();
  }
}
