package dev.atelier.local;

import dev.atelier.workflows.TaskQueues;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** One worker process: the program of production, with memory and threads set for this machine. */
final class WorkerService implements Service {

  private static final String MAIN = "dev.atelier.worker.WorkerMain";
  private static final String MEMORY_BYTES = "ATELIER_WORKER_MEMORY_BYTES";
  private static final String DEVICE_CLASS = "cpu";
  private static final Duration DRAIN = Duration.ofMinutes(2); // time for a last checkpoint

  private final int number;
  private final int threads;
  private final long memoryBytes;
  private final String classPath;
  private final Path root;
  private final Connections connections;
  private final Map<String, String> temporalEnvironment;

  /**
   * @param number from 1
   * @param threads of libtorch
   * @param memoryBytes that it may allocate, where the environment doesn't say
   * @param temporalEnvironment what this Temporal server asks of workers
   */
  WorkerService(
      int number,
      int threads,
      long memoryBytes,
      String classPath,
      DataDirectory directory,
      Connections connections,
      Map<String, String> temporalEnvironment) {
    this.number = number;
    this.threads = threads;
    this.memoryBytes = memoryBytes;
    this.classPath = classPath;
    this.root = directory.root();
    this.connections = connections;
    this.temporalEnvironment = Map.copyOf(temporalEnvironment);
  }

  @Override
  public String name() {
    return "worker-" + number;
  }

  @Override
  public Duration stopGrace() {
    return DRAIN.plusSeconds(10); // it interrupts what still runs, and waits for that
  }

  @Override
  public Launch launch() {
    List<String> command = JavaChild.jvm("768m");
    command.addAll(
        List.of(
            "-XX:MaxDirectMemorySize=1g", // weights and batches pass through it
            "-Dai.djl.offline=true",
            "-cp",
            classPath,
            MAIN));
    Map<String, String> environment = new HashMap<>(connections.environment());
    environment.putAll(temporalEnvironment);
    environment.put("ATELIER_DATABASE_URL", connections.postgresUrl());
    environment.put("ATELIER_DATABASE_USER", connections.postgresUser());
    environment.put("ATELIER_DATABASE_PASSWORD", connections.credentials().postgresPassword());
    environment.put("ATELIER_WORKER_NAME", name());
    environment.put("ATELIER_WORKER_THREADS", Integer.toString(threads));
    environment.putAll(WorkerDevice.of(System.getenv()).environment());
    environment.put(
        MEMORY_BYTES, System.getenv().getOrDefault(MEMORY_BYTES, Long.toString(memoryBytes)));
    environment.put("ATELIER_WORKER_DEVICE_CLASS", DEVICE_CLASS);
    environment.put("ATELIER_WORKER_DRAIN_TIMEOUT", DRAIN.toString());
    environment.put("ATELIER_WORKER_CACHE_DIR", root.resolve("cache").toString());
    environment.put("DJL_CACHE_DIR", root.resolve("djl").toString());
    environment.put("OMP_NUM_THREADS", Integer.toString(threads));
    // libgomp's threads would spin for each other's turns at every barrier: 40 times slower on a
    // busy
    // machine
    environment.put("GOMP_SPINCOUNT", "10000");
    // glibc would give tensors back to the kernel after each step and fault them in again
    environment.put("MALLOC_MMAP_THRESHOLD_", "33554432");
    environment.put("MALLOC_TRIM_THRESHOLD_", "34359738368");
    environment.put("MALLOC_TOP_PAD_", "67108864");
    return new Launch(command, environment);
  }

  @Override
  public void probe() throws IOException {
    // Not the compute queue: a worker that took up a training at once doesn't poll that one.
    TemporalProbe.requirePoller(
        connections.temporalTarget(), TemporalService.NAMESPACE, TaskQueues.LIGHT, name());
  }
}
