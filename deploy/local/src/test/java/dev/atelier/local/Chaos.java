package dev.atelier.local;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.local.FaultProxy.Mode;
import dev.atelier.workflows.DistillationWorkflow;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * Does real damage to a running stack, fault by fault, and says whether what must hold has held.
 * Moments are drawn from a seed; the final weights of a damaged experiment are compared with those
 * of one that was left in peace.
 */
final class Chaos {

  /** What is done to the stack. */
  enum Fault {
    KILL("SIGKILL a worker at a seeded moment"),
    ZOMBIE("SIGSTOP a worker past its heartbeat timeout, then SIGCONT"),
    S3("S3 away, slow, 503 for every other request, or full"),
    DRAIN("SIGTERM a worker whose store takes long for a checkpoint"),
    AWAY("S3, Postgres and Temporal away: all at once, or one of them"),
    POSTGRES("Postgres stopped at once (immediate) under launches and training"),
    DISK("the disk of the workers' cache is full for a while"),
    TEMPORAL("Temporal server killed and started on its database file"),
    POISON("one of 8 students diverges"),
    CANCEL("cancel in the middle of a student"),
    MACHINE("every process killed, and a new stack started on the same data"),
    SOAK("tiny experiments with workers killed at random");

    private final String text;

    Fault(String text) {
      this.text = text;
    }
  }

  /**
   * What came of a fault.
   *
   * @param rounds how often it was done
   * @param held in how many rounds what must hold has held
   * @param figures what was counted
   * @param broken what did not hold, as sentences
   */
  record Outcome(Fault fault, int rounds, int held, String figures, List<String> broken) {

    /** A row of a Markdown table. */
    String row() {
      return "| %s | %d | %d | %s |"
          .formatted(
              fault.text,
              rounds,
              held,
              broken.isEmpty() ? figures : figures + "; " + String.join(" ", broken));
    }
  }

  private static final int STEPS = 240;
  private static final String FULL = "The worker's disk is full";
  // The time after which the server takes a worker for lost, and more.
  private static final Duration SLOW_SAVE = Duration.ofSeconds(25);
  private static final int WRITES = 6; // of a checkpoint: four files, manifest, latest
  private static final Duration AWAY = Duration.ofMinutes(1); // at least
  private static final Duration HEALTHY_WITHIN = Duration.ofMinutes(2);
  private static final int CANCEL_SECONDS = 13; // the heartbeat interval, and ten seconds

  private final ChaosStack stack;
  private final long seed;
  private final Duration outage;
  private Map<String, String> peaceful = Map.of(); // final state of student-1
  private Duration whole = Duration.ZERO; // from launch to end

  /**
   * @param outage how long a server stays away
   */
  Chaos(ChaosStack stack, long seed, Duration outage) throws Exception {
    this.stack = stack;
    this.seed = seed;
    this.outage = outage;
    // Each checkpoint's writer beside the owner at that moment: unequal, the write was stale.
    stack.execute(
        """
        create table if not exists chaos_write (writer bigint, owner bigint);
        create or replace function chaos_checkpoint() returns trigger language plpgsql as $$
        begin
          insert into chaos_write
          select substring(new.manifest_key from '/[0-9]+-([0-9]+)/manifest.json$')::bigint, fence
          from model where id = new.model_id;
          return new;
        end $$;
        create or replace trigger chaos_checkpoint after insert or update on checkpoint
        for each row execute function chaos_checkpoint();
        """);
  }

  /** The same with longer outages. */
  Chaos lasting(Duration longer) throws Exception {
    Chaos other = new Chaos(stack, seed, longer);
    other.peaceful = peaceful;
    other.whole = whole;
    return other;
  }

  /** One teacher and its students, all trained anew. */
  static String spec(int students, int steps, String more) {
    return """
        name: chaos
        seed: 7
        reuse: never
        dataset: {source: "shapes?count=256&seed=1", resolution: 8}
        diffusion: {timesteps: 100}
        teacher:
          network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
          training: {steps: 10, batchSize: 8, warmupSteps: 5, emaDecay: 0.9,
            checkpointEverySteps: 10, metricsEverySteps: 10}
        students:
          count: %d
          network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
          training: {steps: %d, batchSize: 8, warmupSteps: 5, learningRate: 1.0e-3, emaDecay: 0.9,
            checkpointEverySteps: 20, metricsEverySteps: 10}
          %s
        evaluation:
          {samples: 200, batchSize: 50, gridRows: 2, gridColumns: 4, sampler: {steps: 2, spacing: uniform}}
        """
        .formatted(students, steps, more);
  }

  /** Runs an experiment in peace, for its weights and its duration. */
  void trainInPeace() throws Exception {
    Instant start = Instant.now();
    String id = launch("peace", 1, STEPS, "");
    JsonNode end = stack.awaitEnd(id);
    if (!ChaosStack.stage(end).equals("DONE")) {
      throw new AssertionError("An experiment in peace has failed: " + end);
    }
    peaceful = stack.finalState(id, 1);
    whole = Duration.between(start, Instant.now());
  }

  Outcome run(Fault fault, int rounds) throws Exception {
    return switch (fault) {
      case KILL -> damage(fault, rounds, (id, random, round) -> kill(id, random));
      case ZOMBIE -> zombies(rounds);
      case S3 -> damage(fault, rounds, this::s3);
      case DRAIN -> drain(rounds);
      case AWAY -> away(rounds);
      case POSTGRES -> postgres(rounds);
      case TEMPORAL ->
          damage(
              fault,
              rounds,
              (id, random, round) -> {
                Thread.sleep(random.nextLong(whole.toMillis()));
                stack.signal("temporal", "KILL");
              });
      case DISK -> damage(fault, rounds, (id, random, round) -> disk(id, random));
      case POISON -> poison(rounds);
      case CANCEL -> cancel(rounds);
      case MACHINE ->
          damage(
              fault,
              rounds,
              (id, random, round) -> {
                stack.awaitStep(id, "student-1", random.nextInt(STEPS));
                stack.stopMachine();
              });
      case SOAK -> soak(rounds);
    };
  }

  private interface Damage {
    void to(String id, Random random, int round) throws Exception;
  }

  /** One experiment for each round: it must end with the weights of the one in peace. */
  private Outcome damage(Fault fault, int rounds, Damage damage) throws Exception {
    Random random = new Random(seed);
    List<String> broken = new ArrayList<>();
    int held = 0;
    for (int round = 0; round < rounds; round++) {
      String id = launch(fault.name() + round, 1, STEPS, "");
      damage.to(id, random, round);
      List<String> faults = faultsOf(id, stack.awaitEnd(id));
      held += faults.isEmpty() ? 1 : 0;
      broken.addAll(faults);
    }
    return new Outcome(
        fault,
        rounds,
        held,
        "%d of %d end with the weights of the one in peace".formatted(held, rounds),
        broken);
  }

  private List<String> faultsOf(String id, JsonNode end) throws Exception {
    List<String> faults = new ArrayList<>();
    if (!ChaosStack.stage(end).equals("DONE")) {
      faults.add("%s ended %s: %s.".formatted(id, ChaosStack.stage(end), end.get("error")));
      return faults;
    }
    if (!stack.finalState(id, 1).equals(peaceful)) {
      faults.add("%s has other weights.".formatted(id));
    }
    long points =
        stack.number(
            """
            select count(*) from metric_report r join model m on m.curves = r.curves
            where m.experiment_id = '%s' and m.key = 'student-1'
            """
                .formatted(id));
    if (points != STEPS / 10) {
      faults.add("%s has %d points of its loss, expected %d.".formatted(id, points, STEPS / 10));
    }
    return faults;
  }

  /** Any moment of the experiment's life; the worker is the one that trains, if one does. */
  private void kill(String id, Random random) throws Exception {
    Thread.sleep(random.nextLong(whole.toMillis()));
    stack.signal(busyWorker(id, random), "KILL");
  }

  private String busyWorker(String id, Random random) throws Exception {
    List<List<String>> busy =
        stack.query(
            "select worker from model where experiment_id = '%s' and state = 'RUNNING'"
                .formatted(id));
    return busy.isEmpty() ? "worker-" + (1 + random.nextInt(2)) : busy.get(0).get(0);
  }

  private Outcome zombies(int rounds) throws Exception {
    stack.execute("truncate chaos_write");
    Outcome outcome =
        damage(
            Fault.ZOMBIE,
            rounds,
            (id, random, round) -> {
              stack.awaitStep(id, "student-1", random.nextInt(STEPS / 2));
              long zombie = stack.pid(busyWorker(id, random));
              ChaosStack.signal(zombie, "STOP");
              try {
                // It comes back while the new owner trains, or after.
                stack.await(
                    id,
                    experiment ->
                        ChaosStack.model(experiment, "student-1").get("attempts").asInt() > 1);
              } finally {
                ChaosStack.signal(zombie, "CONT");
              }
            });
    long stale = stack.number("select count(*) from chaos_write where writer <> owner");
    long writes = stack.number("select count(*) from chaos_write");
    List<String> broken = new ArrayList<>(outcome.broken());
    if (stale > 0) {
      broken.add("%d stale writes.".formatted(stale));
    }
    return new Outcome(
        Fault.ZOMBIE,
        rounds,
        outcome.held(),
        "%s; %d stale among %d checkpoint writes".formatted(outcome.figures(), stale, writes),
        broken);
  }

  private void s3(String id, Random random, int round) throws Exception {
    List<Mode> modes = List.of(Mode.AWAY, Mode.UNAVAILABLE, Mode.FULL, Mode.SLOW);
    stack.awaitStep(id, "student-1", random.nextInt(STEPS / 2));
    int before = stack.s3().refused();
    Mode mode = modes.get(round % modes.size());
    stack.s3().become(mode);
    try {
      if (round % 2 == 1) {
        // Whoever goes on has to load from the store that misbehaves.
        stack.signal(busyWorker(id, random), "KILL");
      }
      Thread.sleep(outage.toMillis());
      // An outage that nobody has met proves nothing.
      stack.await(id, experiment -> mode == Mode.SLOW || stack.s3().refused() > before);
    } finally {
      stack.s3().become(Mode.PASS);
    }
    System.out.printf(
        "  S3 %s for %d s: %d refused%n", mode, outage.toSeconds(), stack.s3().refused() - before);
  }

  /** The checkpoint of a drain is kept, however long it takes, and no step is trained twice. */
  private Outcome drain(int rounds) throws Exception {
    Duration save = outage.compareTo(SLOW_SAVE) > 0 ? outage : SLOW_SAVE;
    List<String> broken = new ArrayList<>();
    List<String> ids = new ArrayList<>();
    List<Long> seconds = new ArrayList<>();
    Outcome outcome =
        damage(
            Fault.DRAIN,
            rounds,
            (id, random, round) -> {
              ids.add(id);
              stack.awaitStep(id, "student-1", 1 + random.nextInt(STEPS / 2));
              ProcessHandle worker =
                  ProcessHandle.of(stack.pid(busyWorker(id, random))).orElseThrow();
              stack.s3().holdUp(save.dividedBy(WRITES));
              stack.s3().become(Mode.LATE);
              Instant start = Instant.now();
              try {
                ChaosStack.signal(worker.pid(), "TERM");
                worker.onExit().get(5, TimeUnit.MINUTES);
              } finally {
                stack.s3().become(Mode.PASS);
              }
              seconds.add(Duration.between(start, Instant.now()).toSeconds());
            });
    for (String id : ids) {
      long repeated =
          stack.number(
              """
              select coalesce(sum(a.last_step - a.first_step), 0) - max(m.total_steps)
              from attempt a join model m on m.id = a.model_id
              where m.experiment_id = '%s' and m.key = 'student-1'
              """
                  .formatted(id));
      if (repeated > 0) {
        broken.add("%s trained %d steps twice.".formatted(id, repeated));
      }
    }
    for (long took : seconds) {
      if (took < save.toSeconds() / 2) { // nothing was saved while it drained
        broken.add("A drain took %d s, with a store that takes %s.".formatted(took, save));
      }
    }
    broken.addAll(outcome.broken());
    return new Outcome(
        Fault.DRAIN,
        rounds,
        broken.isEmpty() ? outcome.held() : 0,
        "%s; drains of %s s, no step trained twice".formatted(outcome.figures(), seconds),
        broken);
  }

  /** Callers are told so while a server is away, and all is well by itself once it is back. */
  private Outcome away(int rounds) throws Exception {
    Duration each = outage.compareTo(AWAY) > 0 ? outage : AWAY;
    List<String> wrong = new ArrayList<>();
    List<String> answers = new ArrayList<>();
    Outcome outcome =
        damage(
            Fault.AWAY,
            rounds,
            (id, random, round) -> {
              List<FaultProxy> servers = awayIn(round);
              stack.awaitStep(id, "student-1", random.nextInt(STEPS / 2));
              Map<String, Long> processes = processes();
              List<Integer> refused = servers.stream().map(FaultProxy::refused).toList();
              try (Callers callers = new Callers(stack.api(), id)) {
                try {
                  servers.forEach(server -> server.become(Mode.AWAY));
                  Thread.sleep(each.toMillis());
                } finally {
                  servers.forEach(server -> server.become(Mode.PASS));
                }
                callers.awaitHealthy(HEALTHY_WITHIN);
                wrong.addAll(callers.wrong());
                answers.add(callers.answers());
              }
              for (int i = 0; i < servers.size(); i++) {
                if (servers.get(i).refused() == refused.get(i)) { // S3, between two checkpoints
                  answers.add("server %d was not asked for".formatted(i));
                }
              }
              if (!processes().equals(processes)) {
                wrong.add("Processes were %s, and are %s.".formatted(processes, processes()));
              }
            });
    List<String> broken = new ArrayList<>(outcome.broken());
    broken.addAll(wrong);
    return new Outcome(
        Fault.AWAY,
        rounds,
        broken.isEmpty() ? outcome.held() : 0,
        "%s; for %d s each; the api's answers: %s"
            .formatted(outcome.figures(), each.toSeconds(), String.join("; ", answers)),
        broken);
  }

  private List<FaultProxy> awayIn(int round) {
    List<FaultProxy> all = List.of(stack.s3(), stack.postgres(), stack.temporal());
    int which = round % (all.size() + 1);
    return which == 0 ? all : List.of(all.get(which - 1));
  }

  /** Nobody ends because a server is away. */
  private Map<String, Long> processes() throws InterruptedException {
    Map<String, Long> pids = new TreeMap<>();
    for (String service : ChaosStack.SERVICES) {
      pids.put(service, stack.pid(service));
    }
    return pids;
  }

  /** Launches go on while Postgres is stopped: each that was acknowledged must be there, once. */
  private Outcome postgres(int rounds) throws Exception {
    List<String> lost = new ArrayList<>();
    int[] acknowledged = {0};
    Outcome outcome =
        damage(
            Fault.POSTGRES,
            rounds,
            (id, random, round) -> {
              stack.awaitStep(id, "student-1", random.nextInt(STEPS / 2));
              ExecutorService clients = Executors.newFixedThreadPool(4);
              try {
                List<Future<String>> answers = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                  String key = "postgres-%d-%d-%d".formatted(seed, round, i);
                  answers.add(clients.submit(() -> launch(key, 1, 20, "")));
                }
                Thread.sleep(random.nextInt(500));
                stack.signal("postgres", "QUIT"); // what pg_ctl stop -m immediate sends
                for (Future<String> answer : answers) {
                  String launched = answer.get();
                  acknowledged[0]++;
                  long rows =
                      stack.number(
                          "select count(*) from experiment where id = '%s'".formatted(launched));
                  if (rows != 1) {
                    lost.add("%s was acknowledged and is not there.".formatted(launched));
                  }
                  stack.cancel(launched);
                }
              } finally {
                clients.shutdownNow();
              }
            });
    long duplicates =
        stack.number(
            """
            select count(*) - count(distinct name) from experiment
            where name like 'chaos-postgres-%d-%%'
            """
                .formatted(seed));
    List<String> broken = new ArrayList<>(outcome.broken());
    broken.addAll(lost);
    if (duplicates > 0) {
      broken.add("%d experiments twice.".formatted(duplicates));
    }
    return new Outcome(
        Fault.POSTGRES,
        rounds,
        outcome.held(),
        "%s; %d of %d acknowledged launches lost, %d twice"
            .formatted(outcome.figures(), lost.size(), acknowledged[0], duplicates),
        broken);
  }

  /** Full until a worker has said so in words. */
  private void disk(String id, Random random) throws Exception {
    stack.awaitStep(id, "student-1", random.nextInt(STEPS / 2));
    int before = stack.logLines(FULL);
    Path filler = stack.fillCache();
    try {
      stack.await(id, experiment -> stack.logLines(FULL) > before);
    } finally {
      Files.delete(filler);
    }
    if (stack.logLines(FULL) == before) {
      throw new AssertionError("No worker has said that its disk is full.");
    }
  }

  private Outcome poison(int rounds) throws Exception {
    Random random = new Random(seed);
    List<String> broken = new ArrayList<>();
    int held = 0;
    for (int round = 0; round < rounds; round++) {
      int poisoned = 1 + random.nextInt(8);
      String id =
          launch(
              "poison" + round,
              8,
              20,
              "overrides: [{student: %d, training: {learningRate: 1.0e+30}}]".formatted(poisoned));
      JsonNode waiting = stack.await(id, e -> ChaosStack.stage(e).equals("AWAITING_RETRY"));
      JsonNode poison = ChaosStack.model(waiting, "student-" + poisoned);
      int done = 0;
      for (int k = 1; k <= 8; k++) {
        done +=
            ChaosStack.model(waiting, "student-" + k).get("state").asText().equals("DONE") ? 1 : 0;
      }
      if (done == 7
          && poison.get("state").asText().equals("FAILED")
          && poison.get("attempts").asInt() == 1
          && poison.get("error").get("type").asText().equals("DIVERGED")) {
        held++;
      } else {
        broken.add("%s: %d done, the poisoned one is %s.".formatted(id, done, poison));
      }
      stack.cancel(id);
      stack.awaitEnd(id);
    }
    return new Outcome(
        Fault.POISON, rounds, held, "7 finish, the poisoned one is tried once", broken);
  }

  private Outcome cancel(int rounds) throws Exception {
    Random random = new Random(seed);
    List<String> broken = new ArrayList<>();
    int held = 0;
    double slowest = 0;
    int inTime = 0;
    for (int round = 0; round < rounds; round++) {
      String id = launch("cancel" + round, 1, 100_000, "");
      stack.awaitStep(id, "student-1", 1 + random.nextInt(STEPS));
      Instant start = Instant.now();
      stack.cancel(id);
      JsonNode end = stack.awaitEnd(id);
      double seconds = Duration.between(start, Instant.now()).toMillis() / 1000.0;
      slowest = Math.max(slowest, seconds);
      inTime += seconds <= CANCEL_SECONDS ? 1 : 0;
      List<String> left = new ArrayList<>(stack.orphans());
      stack.workDirectories().forEach(path -> left.add(path.toString()));
      if (ChaosStack.stage(end).equals("CANCELED") && left.isEmpty()) {
        held++;
      } else {
        broken.add("%s is %s and left %s.".formatted(id, ChaosStack.stage(end), left));
      }
    }
    return new Outcome(
        Fault.CANCEL,
        rounds,
        held,
        "%d of %d stop within %d s, the slowest in %.1f s; no object and no work left over"
            .formatted(inTime, rounds, CANCEL_SECONDS, slowest),
        broken);
  }

  private Outcome soak(int rounds) throws Exception {
    Random random = new Random(seed);
    List<String> broken = new ArrayList<>();
    Map<String, Long> memory = new HashMap<>();
    List<String> running = new ArrayList<>();
    Set<String> ids = new HashSet<>();
    int kills = 0;
    int done = 0;
    for (int round = 0; round < rounds || !running.isEmpty(); ) {
      while (round < rounds && running.size() < 8) {
        String id = launch("soak" + round++, 2, 20, "");
        ids.add(id);
        running.add(id);
      }
      String oldest = running.remove(0);
      JsonNode end = stack.awaitEnd(oldest);
      if (ChaosStack.stage(end).equals("DONE")) {
        done++;
      } else {
        broken.add("%s ended %s.".formatted(oldest, ChaosStack.stage(end)));
      }
      if (done == Math.max(1, rounds / 4)) { // warm
        for (String service : List.of("api", "s3", "temporal")) {
          memory.put(service, stack.residentBytes(service));
        }
      }
      if (random.nextInt(8) == 0 && !running.isEmpty()) {
        stack.signal("worker-" + (1 + random.nextInt(2)), "KILL");
        kills++;
      }
    }
    List<String> growth = new ArrayList<>();
    for (String service : List.of("api", "s3", "temporal")) {
      long before = memory.getOrDefault(service, 0L);
      growth.add(
          "%s %d → %d MiB".formatted(service, before >> 20, stack.residentBytes(service) >> 20));
    }
    return new Outcome(
        Fault.SOAK,
        rounds,
        done,
        "%d of %d done with %d kills; resident sets from the first quarter to the end: %s"
            .formatted(done, ids.size(), kills, String.join(", ", growth)),
        broken);
  }

  /** Compares what Temporal, Postgres and S3 know; a sentence for each difference. */
  List<String> differences() throws Exception {
    List<String> differences = new ArrayList<>(stack.orphans());
    Map<String, String> postgres = new TreeMap<>();
    Set<String> canMiss = new HashSet<>();
    for (List<String> row :
        stack.query(
            """
            select id, stage, (select coalesce(sum(attempts), 0) from model where experiment_id = experiment.id)
            from experiment
            """)) {
      String workflow = DistillationWorkflow.workflowId(row.get(0));
      String status =
          switch (row.get(1)) {
            case "DONE", "PARTIAL" -> "COMPLETED";
            case "CANCELED" -> "CANCELED";
            case "FAILED" -> "FAILED";
            default -> "RUNNING";
          };
      postgres.put(workflow, status);
      // Canceled between its row and its start, which an outage may put off.
      if (status.equals("CANCELED") && row.get(2).equals("0")) {
        canMiss.add(workflow);
      }
    }
    Map<String, String> temporal = stack.workflows();
    // A visibility record may trail its workflow.
    for (int i = 0; i < 150 && !differing(postgres, temporal, canMiss).isEmpty(); i++) {
      Thread.sleep(200);
      temporal = stack.workflows();
    }
    differences.addAll(differing(postgres, temporal, canMiss));
    return differences;
  }

  static List<String> differing(
      Map<String, String> postgres, Map<String, String> temporal, Set<String> canMiss) {
    Set<String> all = new TreeSet<>(postgres.keySet());
    all.addAll(temporal.keySet());
    return all.stream()
        .filter(id -> temporal.containsKey(id) || !canMiss.contains(id))
        .filter(id -> !Objects.equals(postgres.get(id), temporal.get(id)))
        .map(
            id ->
                "%s is %s in Temporal, %s in Postgres."
                    .formatted(
                        id,
                        temporal.getOrDefault(id, "unknown"),
                        postgres.getOrDefault(id, "unknown")))
        .toList();
  }

  private String launch(String key, int students, int steps, String more) throws Exception {
    String name = "chaos-" + key;
    return stack.launch(
        spec(students, steps, more).replace("name: chaos\n", "name: %s\n".formatted(name)),
        name + "-" + seed);
  }

  /**
   * Arguments: the seed, seconds that a server stays away, a data directory, then FAULT=ROUNDS
   * each.
   */
  public static void main(String[] args) throws Exception {
    long seed = Long.parseLong(args[0]);
    Duration outage = Duration.ofSeconds(Long.parseLong(args[1]));
    Path data = Files.createTempDirectory(Path.of(args[2]), "chaos-");
    System.out.printf("Seed %d, data in %s.%n", seed, data);
    List<Outcome> outcomes = new ArrayList<>();
    List<String> differences;
    try (ChaosStack stack = new ChaosStack(data)) {
      Chaos chaos = new Chaos(stack, seed, outage);
      chaos.trainInPeace();
      for (int i = 3; i < args.length; i++) {
        String[] pair = args[i].split("=", 2);
        Fault fault = Fault.valueOf(pair[0].toUpperCase(java.util.Locale.ROOT));
        Outcome outcome = chaos.run(fault, Integer.parseInt(pair[1]));
        System.out.println(outcome.row());
        outcomes.add(outcome);
      }
      differences = stack.hasDurableTemporal() ? chaos.differences() : stack.orphans();
    }
    print(seed, outcomes, differences);
    boolean held = differences.isEmpty() && outcomes.stream().allMatch(o -> o.broken().isEmpty());
    System.exit(held ? 0 : 1);
  }

  private static void print(long seed, List<Outcome> outcomes, List<String> differences)
      throws IOException {
    System.out.printf("%nSeed %d.%n%n", seed);
    System.out.println("| fault | rounds | held | figures |");
    System.out.println("|---|---|---|---|");
    outcomes.forEach(outcome -> System.out.println(outcome.row()));
    System.out.println();
    System.out.println(
        differences.isEmpty()
            ? "Temporal, Postgres and S3 agree."
            : "They differ: " + String.join(" ", differences));
  }
}
