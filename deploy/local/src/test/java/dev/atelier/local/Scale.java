package dev.atelier.local;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.workflows.DistillationWorkflow;
import dev.atelier.workflows.TaskQueues;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.HistoryEvent;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/**
 * What running experiments cost each part of the platform: the programs of production, with one
 * worker for light work and workflows, and {@link SimulatedDevices} in place of compute workers.
 */
final class Scale implements AutoCloseable {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofMinutes(30); // ends a hung run, no more
  private static final int SAMPLED_HISTORIES = 50;
  private static final double MIB = 1 << 20;

  private static final String TASKS = "temporal_workflow_task_execution_latency_seconds_count";
  private static final String REPLAYS = "temporal_sticky_cache_miss_total";
  private static final String EVICTIONS = "temporal_sticky_cache_total_forced_eviction_total";
  private static final String CACHED = "temporal_sticky_cache_size";
  private static final String THREADS = "temporal_workflow_active_thread_count";

  /** Four students and a one-to-one one, all else as specs have it by default. */
  private static final String SPEC =
      """
      name: scale-%1$d
      seed: %1$d
      dataset: {source: "shapes?count=64&seed=1", resolution: 16}
      teacher:
        network: {channels: 32, multipliers: [1, 2, 2], resBlocks: 1, attentionResolutions: [8]}
        training: {batchSize: 32}
      students:
        count: 4
        oneToOneBaseline: true
        network: {channels: 24, multipliers: [1, 2, 2], resBlocks: 1, attentionResolutions: [8]}
        training: {batchSize: 32}
      evaluation: {samples: 5000, batchSize: 50}
      """;

  /** What is asked for, of the command line. */
  private record Options(
      List<Integer> running,
      Duration window,
      Duration training,
      int stepsPerSecond,
      Map<String, String> worker,
      Path data) {

    private static Options of(String... args) {
      Map<String, String> given = new HashMap<>();
      for (int i = 0; i + 1 < args.length; i += 2) {
        given.put(args[i], args[i + 1]);
      }
      Map<String, String> worker = new HashMap<>();
      if (given.containsKey("--cache")) {
        worker.put("ATELIER_WORKER_WORKFLOW_CACHE", given.get("--cache"));
      }
      if (given.containsKey("--threads")) {
        worker.put("ATELIER_WORKER_WORKFLOW_THREADS", given.get("--threads"));
      }
      return new Options(
          Stream.of(given.getOrDefault("--running", "1,100,1000").split(","))
              .map(Integer::valueOf)
              .toList(),
          Duration.ofSeconds(Long.parseLong(given.getOrDefault("--window", "300"))),
          Duration.ofSeconds(Long.parseLong(given.getOrDefault("--training", "300"))),
          Integer.parseInt(given.getOrDefault("--steps-per-second", "10")),
          worker,
          Path.of(given.getOrDefault("--data", System.getProperty("java.io.tmpdir"))));
    }
  }

  /** What each part has used, and counted, up to a moment. */
  private record Moment(
      Instant at,
      Map<String, ProcessUse> uses,
      Map<String, Double> worker,
      long transactions,
      long bytes) {}

  private final HttpClient http = HttpClient.newHttpClient();
  private final Options options;
  private final ProductionPrograms programs;
  private final int running;
  private final URI api;
  private final ProgramProcess worker;
  private final URI workerMetrics;
  private final SimulatedDevices devices;

  private Scale(Options options, ProductionPrograms programs, int running) throws Exception {
    this.options = options;
    this.programs = programs;
    this.running = running;
    api = programs.api(Map.of());
    int port = Ports.anyFree();
    Map<String, String> settings = new HashMap<>(options.worker());
    settings.put("ATELIER_WORKER_ROLES", "light");
    settings.put("ATELIER_WORKER_HTTP_PORT", Integer.toString(port));
    worker = programs.worker("light", settings);
    workerMetrics = URI.create("http://%s:%d/metrics".formatted(Ports.HOST, port));
    Waiting.until(this::workerServes, PATIENCE);
    devices = new SimulatedDevices(programs, running, options.training(), options.stepsPerSecond());
  }

  @Override
  public void close() {
    devices.close();
  }

  private boolean workerServes() throws InterruptedException {
    try {
      return !get(workerMetrics).isEmpty();
    } catch (IOException e) {
      return false; // not yet
    }
  }

  /** A row of the table. */
  private Map<String, String> measure() throws Exception {
    Instant launchedFrom = Instant.now();
    List<String> ids = new ArrayList<>();
    for (int n = 0; n < running; n++) {
      ids.add(launch(n));
    }
    Duration launching = Duration.between(launchedFrom, Instant.now());
    Waiting.until(
        () ->
            count(
                    "select count(*) from experiment"
                        + " where stage in ('QUEUED', 'PREPARING_DATASET')")
                == 0,
        PATIENCE);
    Duration begun = Duration.between(launchedFrom, Instant.now());
    Moment before = moment();
    List<Double> lists = list(before.at().plus(options.window()));
    Moment after = moment();
    long ended = count("select count(*) from experiment where finished_at is not null");
    List<Double> workflowTasks = new ArrayList<>();
    List<Double> activities = new ArrayList<>();
    int events = waits(ids, before.at(), workflowTasks, activities);
    double seconds = Duration.between(before.at(), after.at()).toMillis() / 1e3;

    Map<String, String> row = new LinkedHashMap<>();
    row.put("running", Integer.toString(running));
    row.put("launched in", launching.toSeconds() + " s");
    row.put("all begun after", begun.toSeconds() + " s");
    row.put("ended at the close", Long.toString(ended));
    for (String part : before.uses().keySet()) {
      ProcessUse last = after.uses().get(part);
      double cores = (last.cpuSeconds() - before.uses().get(part).cpuSeconds()) / seconds;
      row.put(part, "%.2f cores, %.0f MiB".formatted(cores, last.residentBytes() / MIB));
    }
    row.put("workflow tasks", "%.1f/s".formatted(delta(before, after, TASKS) / seconds));
    row.put("wait of a workflow task", percentiles(workflowTasks));
    row.put("wait of a light activity", percentiles(activities));
    row.put("replays", "%.0f".formatted(delta(before, after, REPLAYS)));
    row.put("evictions", "%.0f".formatted(delta(before, after, EVICTIONS)));
    row.put(
        "in memory",
        "%.0f workflows, %.0f threads"
            .formatted(after.worker().get(CACHED), after.worker().get(THREADS)));
    row.put(
        "Postgres's transactions",
        "%.0f/s".formatted((after.transactions() - before.transactions()) / seconds));
    row.put(
        "Postgres grows",
        "%.1f KiB/s".formatted((after.bytes() - before.bytes()) / seconds / 1024));
    row.put("events of a history", Integer.toString(events));
    row.put("list of 50", percentiles(lists));
    return row;
  }

  private static double delta(Moment before, Moment after, String counter) {
    return after.worker().get(counter) - before.worker().get(counter);
  }

  private Moment moment() throws Exception {
    Map<String, ProcessUse> uses = new LinkedHashMap<>();
    uses.put("light worker", ProcessUse.of(worker.pid()));
    uses.put("api", ProcessUse.of(programs.pid(api)));
    uses.put("Temporal", ProcessUse.of(programs.pid("temporal")));
    uses.put("Postgres", ProcessUse.of(programs.pid("postgres")));
    uses.put("S3", ProcessUse.of(programs.pid("s3")));
    uses.put("simulated devices", ProcessUse.own());
    Map<String, Double> counters = new HashMap<>();
    for (String name : List.of(TASKS, REPLAYS, EVICTIONS, CACHED, THREADS)) {
      counters.put(name, 0.0);
    }
    get(workerMetrics)
        .lines()
        .filter(line -> !line.startsWith("#"))
        .forEach(
            line -> {
              String name = line.split("[{ ]", 2)[0];
              counters.computeIfPresent(
                  name,
                  (key, sum) -> sum + Double.parseDouble(line.substring(line.lastIndexOf(' '))));
            });
    return new Moment(
        Instant.now(),
        uses,
        counters,
        count("select xact_commit from pg_stat_database where datname = current_database()"),
        count("select pg_database_size(current_database())"));
  }

  /** Milliseconds of a list, asked for each second until then. */
  private List<Double> list(Instant until) throws Exception {
    List<Double> all = new ArrayList<>();
    while (Instant.now().isBefore(until)) {
      long start = System.nanoTime();
      get(api.resolve("/api/v1/experiments?limit=50"));
      all.add((System.nanoTime() - start) / 1e6);
      Thread.sleep(1000);
    }
    return all;
  }

  /**
   * Milliseconds that tasks waited for the worker, of some experiments.
   *
   * @return events of the longest history
   */
  private int waits(
      List<String> ids, Instant from, List<Double> workflowTasks, List<Double> activities) {
    List<String> some = new ArrayList<>(ids);
    Collections.shuffle(some, new Random(1));
    int most = 0;
    for (String id : some.subList(0, Math.min(SAMPLED_HISTORIES, some.size()))) {
      List<HistoryEvent> events =
          RawHistory.of(
              Ports.HOST + ":" + programs.ports().temporal(),
              "default",
              DistillationWorkflow.workflowId(id));
      most = Math.max(most, events.size());
      for (HistoryEvent event : events) {
        if (millis(event) < from.toEpochMilli()) {
          continue;
        }
        if (event.getEventType() == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED) {
          long scheduled = event.getWorkflowTaskStartedEventAttributes().getScheduledEventId();
          workflowTasks.add(millis(event) - millis(events.get((int) scheduled - 1)));
        } else if (event.getEventType() == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED) {
          long scheduled = event.getActivityTaskStartedEventAttributes().getScheduledEventId();
          HistoryEvent asked = events.get((int) scheduled - 1);
          if (!asked
              .getActivityTaskScheduledEventAttributes()
              .getTaskQueue()
              .getName()
              .equals(TaskQueues.compute("cpu"))) {
            activities.add(millis(event) - millis(asked));
          }
        }
      }
    }
    return most;
  }

  private static double millis(HistoryEvent event) {
    return event.getEventTime().getSeconds() * 1e3 + event.getEventTime().getNanos() / 1e6;
  }

  private static String percentiles(List<Double> millis) {
    if (millis.isEmpty()) {
      return "none";
    }
    List<Double> sorted = millis.stream().sorted().toList();
    return "p50 %.0f, p99 %.0f ms (%d)"
        .formatted(
            sorted.get(sorted.size() / 2),
            sorted.get((int) Math.ceil(0.99 * sorted.size()) - 1),
            sorted.size());
  }

  private String launch(int number) throws Exception {
    HttpResponse<String> answer =
        http.send(
            HttpRequest.newBuilder(api.resolve("/api/v1/experiments"))
                .header("Content-Type", "application/yaml")
                .POST(BodyPublishers.ofString(SPEC.formatted(number)))
                .build(),
            BodyHandlers.ofString());
    if (answer.statusCode() != 202) {
      throw new IllegalStateException(answer.body());
    }
    return JSON.readTree(answer.body()).get("id").asText();
  }

  private String get(URI address) throws IOException, InterruptedException {
    HttpResponse<String> answer =
        http.send(HttpRequest.newBuilder(address).build(), BodyHandlers.ofString());
    if (answer.statusCode() != 200) {
      throw new IllegalStateException("%s: %s".formatted(address, answer.body()));
    }
    return answer.body();
  }

  private long count(String query) throws SQLException {
    try (Connection database = programs.database();
        Statement statement = database.createStatement();
        ResultSet row = statement.executeQuery(query)) {
      row.next();
      return row.getLong(1);
    }
  }

  public static void main(String[] args) throws Exception {
    Options options = Options.of(args);
    List<Map<String, String>> rows = new ArrayList<>();
    for (int running : options.running()) {
      Path folder = Files.createTempDirectory(options.data(), "scale-");
      try (ProductionPrograms programs = new ProductionPrograms(folder);
          Scale scale = new Scale(options, programs, running)) {
        rows.add(scale.measure());
        System.out.println(rows.get(rows.size() - 1));
      } finally {
        Folders.delete(folder);
      }
    }
    System.out.println();
    for (String figure : rows.get(0).keySet()) { // a column for each number of experiments
      System.out.println(
          "| %s | %s |"
              .formatted(
                  figure, String.join(" | ", rows.stream().map(row -> row.get(figure)).toList())));
      if (figure.equals("running")) {
        System.out.println("|---" + "|---".repeat(rows.size()) + "|");
      }
    }
    System.exit(0); // threads of clients that linger
  }
}
