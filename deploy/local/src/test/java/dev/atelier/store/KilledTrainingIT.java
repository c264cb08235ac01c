package dev.atelier.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.store.KillPoint.Moment;
import dev.atelier.store.TrainingBench.Run;
import dev.atelier.store.TrainingProcess.Job;
import dev.atelier.store.TrainingProcess.Resume;
import dev.atelier.store.objects.Sha256;
import dev.atelier.training.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Training processes that die by SIGKILL at twenty moments, in five runs of four deaths each, end
 * with the bits of one that nobody killed.
 */
@Timeout(1800)
class KilledTrainingIT {

  private static final long SEED = 20;
  private static final int INTERVAL = 8; // steps between checkpoints
  private static final int STEPS = 5 * INTERVAL;
  private static final int RUNS = 5;
  private static final int MAX_DELAY_MICROS = 30_000; // some steps

  @TempDir static Path directory;
  private static TrainingBench bench;
  private static Map<Integer, String> uninterrupted;

  @BeforeAll
  static void trainUninterrupted() throws Exception {
    bench = new TrainingBench(directory);
    bench.insertExperiment("whole");
    Run run = bench.run(job("whole", 11, KillPoint.NEVER, Resume.WHOLE));
    assertThat(run.status()).isZero();
    assertThat(run.lastStep()).isEqualTo(STEPS);
    uninterrupted = checkpoints(List.of(run));
    assertThat(uninterrupted).hasSize(STEPS / INTERVAL);
    assertThat(hashesOf("whole")).isEqualTo(uninterrupted.get(STEPS));
  }

  @AfterAll
  static void stop() throws Exception {
    bench.close();
  }

  @Test
  void shouldEndWithTheSameBitsWhenKilledAtTwentyMoments() throws Exception {
    List<List<KillPoint>> plan = plan();
    assertThat(plan.stream().mapToInt(List::size).sum()).isEqualTo(20);
    List<Callable<Void>> chains = new ArrayList<>();
    for (int i = 0; i < RUNS; i++) {
      String experiment = "killed-" + i;
      List<KillPoint> deaths = plan.get(i);
      chains.add(
          () -> {
            shouldEndAsUninterrupted(experiment, deaths);
            return null;
          });
    }
    ExecutorService pool = Executors.newFixedThreadPool(2);
    try {
      for (Future<Void> chain : pool.invokeAll(chains)) {
        chain.get();
      }
    } finally {
      pool.shutdownNow();
    }
  }

  private static void shouldEndAsUninterrupted(String experiment, List<KillPoint> deaths)
      throws Exception {
    bench.insertExperiment(experiment);
    List<Run> runs = new ArrayList<>();
    for (KillPoint death : deaths) {
      Run run = bench.run(job(experiment, 11, death, Resume.WHOLE));
      assertThat(run.status()).as("%s", death).isEqualTo(TrainingBench.KILLED);
      System.out.printf(
          "%s: steps %d to %d, then died at %s, files %s%n",
          experiment,
          run.numbers("start").get(0),
          run.lastStep(),
          death,
          unfinishedFiles(experiment, death.step()));
      runs.add(run);
    }
    Run last = bench.run(job(experiment, 11, KillPoint.NEVER, Resume.WHOLE));
    assertThat(last.status()).isZero();
    runs.add(last);

    for (int i = 1; i < runs.size(); i++) {
      int repeated = runs.get(i - 1).lastStep() - runs.get(i).numbers("start").get(0);
      assertThat(repeated).as("steps repeated after %s", deaths.get(i - 1)).isBetween(0, INTERVAL);
    }
    // Weights, EMA and both moments: at the end, and at each checkpoint on the way.
    assertThat(hashesOf(experiment)).isEqualTo(uninterrupted.get(STEPS));
    assertThat(uninterrupted).containsAllEntriesOf(checkpoints(runs));
    // Nothing is left of the saves that were cut off.
    List<String> objects =
        bench.store().list(ExperimentKeys.checkpoints(experiment, TrainingProcess.STUDENT));
    assertThat(objects).hasSize(2 * 5 + 1);
    assertThat(bench.latestKey(experiment)).get().asString().contains("%09d-".formatted(STEPS));
    assertThat(objects).contains(bench.latestKey(experiment).orElseThrow());
  }

  /** The local files of a checkpoint whose save was cut off, with their sizes. */
  private static Map<String, Long> unfinishedFiles(String experiment, int step) throws IOException {
    Map<String, Long> sizes = new TreeMap<>();
    try (Stream<Path> files = Files.walk(workDirectory(experiment))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String folder = file.getParent().getFileName().toString();
        if (folder.startsWith("checkpoint-" + step + "-")) {
          sizes.put(file.getFileName().toString(), Files.size(file));
        }
      }
    }
    return sizes;
  }

  @Test
  void shouldEndWithOtherBitsWhenTheSeedDiffers() throws Exception {
    bench.insertExperiment("seed");
    Run run = bench.run(job("seed", 12, KillPoint.NEVER, Resume.WHOLE));
    assertAllPartsDiffer(checkpoints(List.of(run)).get(INTERVAL), uninterrupted.get(INTERVAL));
    assertAllPartsDiffer(hashesOf("seed"), uninterrupted.get(STEPS));
  }

  @Test
  void shouldEndWithOtherBitsWhenAResumeForgetsAdamsMoments() throws Exception {
    bench.insertExperiment("forgetful");
    KillPoint death = new KillPoint(Moment.IN_STEP, INTERVAL + 2, "", 0);
    Run killed = bench.run(job("forgetful", 11, death, Resume.WHOLE));
    assertThat(killed.status()).isEqualTo(TrainingBench.KILLED);
    Run run = bench.run(job("forgetful", 11, KillPoint.NEVER, Resume.WITHOUT_MOMENTS));
    assertThat(run.numbers("start")).containsExactly(INTERVAL);
    assertAllPartsDiffer(hashesOf("forgetful"), uninterrupted.get(STEPS));
  }

  private static void assertAllPartsDiffer(String hashes, String others) {
    assertThat(hashes.split(" ")).hasSize(4).doesNotContain(others.split(" "));
  }

  /** Four deaths for each run, at rising steps; which and when is drawn from the seed. */
  private static List<List<KillPoint>> plan() {
    Random random = new Random(SEED);
    record Kind(Moment moment, String subject) {}
    List<Kind> anywhere =
        new ArrayList<>(
            List.of(
                new Kind(Moment.IN_STEP, ""),
                new Kind(Moment.IN_STEP, ""),
                new Kind(Moment.IN_STEP, ""),
                new Kind(Moment.IN_STEP, ""),
                new Kind(Moment.BY_PARENT, ""),
                new Kind(Moment.BY_PARENT, ""),
                new Kind(Moment.WRITING_FILE, "weights.safetensors"),
                new Kind(Moment.WRITING_FILE, "ema.safetensors"),
                new Kind(Moment.WRITING_FILE, "exp_avg_sq.safetensors"),
                new Kind(Moment.SENDING_OBJECT, "exp_avg.safetensors"),
                new Kind(Moment.AFTER_OBJECT, "weights.safetensors"),
                new Kind(Moment.AFTER_OBJECT, "ema.safetensors"),
                new Kind(Moment.AFTER_OBJECT, "exp_avg.safetensors"),
                new Kind(Moment.BEFORE_OBJECT, "manifest.json"),
                new Kind(Moment.AFTER_OBJECT, "manifest.json")));
    Collections.shuffle(anywhere, random);
    // Removals begin at the third checkpoint; the other two at the end of a training are what a
    // later save would not repair.
    List<Kind> atTheEnd =
        new ArrayList<>(
            List.of(
                new Kind(Moment.BEFORE_COMMIT, ""),
                new Kind(Moment.AFTER_COMMIT, ""),
                new Kind(Moment.AFTER_OBJECT, "latest"),
                new Kind(Moment.AFTER_REMOVAL, "1"),
                new Kind(Moment.AFTER_REMOVAL, "3")));
    Collections.shuffle(atTheEnd, random);
    List<List<KillPoint>> plan = new ArrayList<>();
    for (int run = 0; run < RUNS; run++) {
      List<KillPoint> deaths = new ArrayList<>();
      int skipped = 1 + random.nextInt(4); // of the first four checkpoints
      for (int checkpoint = 1; checkpoint <= 5; checkpoint++) {
        if (checkpoint == skipped) {
          continue;
        }
        Kind kind = checkpoint == 5 ? atTheEnd.get(run) : anywhere.get(3 * run + deaths.size());
        boolean timed = kind.moment() == Moment.IN_STEP || kind.moment() == Moment.BY_PARENT;
        int step = checkpoint * INTERVAL - (timed ? 1 + random.nextInt(INTERVAL - 1) : 0);
        deaths.add(
            new KillPoint(kind.moment(), step, kind.subject(), random.nextInt(MAX_DELAY_MICROS)));
      }
      plan.add(deaths);
    }
    return plan;
  }

  private static Path workDirectory(String experiment) {
    return directory.resolve("work-" + experiment);
  }

  private static Job job(String experiment, long seed, KillPoint killPoint, Resume resume) {
    return new Job(
        experiment,
        seed,
        STEPS,
        INTERVAL,
        1,
        killPoint,
        resume,
        false,
        directory.resolve(experiment + ".log").toString(),
        workDirectory(experiment).toString(),
        bench.s3Endpoint(),
        bench.databaseUrl());
  }

  /** The hashes of the four files of each checkpoint, by step. */
  private static Map<Integer, String> checkpoints(List<Run> runs) {
    Map<Integer, String> checkpoints = new HashMap<>();
    for (Run run : runs) {
      for (String line : run.log()) {
        String[] words = line.split(" ", 3);
        if (words[0].equals("checkpoint")) {
          String former = checkpoints.put(Integer.parseInt(words[1]), words[2]);
          assertThat(former).as("step %s twice", words[1]).isIn(null, words[2]);
        }
      }
    }
    return checkpoints;
  }

  private static String hashesOf(String experiment) {
    Checkpoint checkpoint =
        bench.checkpoints(experiment, bench.startAttempt(experiment)).latest().orElseThrow();
    assertThat(checkpoint.step()).isEqualTo(STEPS);
    return String.join(" ", checkpoint.files().stream().map(Sha256::of).toList());
  }
}
