package dev.atelier.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.store.TrainingBench.Run;
import dev.atelier.store.TrainingProcess.Job;
import dev.atelier.store.TrainingProcess.Resume;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The memory of a process that distils a student for 3,000 steps, with checkpoints and metrics on
 * the way, as the kernel and the JVM report it.
 *
 * <p>What the JVM itself takes in its first minutes is kept out: the heap is touched at the start,
 * and the second compiler is off. It takes about 15 MB until some 3,000 steps have passed, which is
 * 5 % of this small process, and would hide a leak of 3 kB a step. Workers run with it: theirs grow
 * by that much, once.
 */
@Timeout(1800)
class FlatMemoryIT {

  private static final int STEPS = 3000;
  private static final int MEASURE_EVERY = 100;
  private static final int WINDOW = 5; // readings; one alone may meet an upload or a collection

  /** Memory after a step: resident set of the process, and the Java heap after a collection. */
  private record Memory(long residentKiB, long heapKiB) {}

  @Test
  void shouldGrowByAtMostTwoPerCentWhenItTrainsOn(@TempDir Path directory) throws Exception {
    Run run;
    try (TrainingBench bench = new TrainingBench(directory)) {
      bench.insertExperiment("flat");
      run =
          bench.run(
              new Job(
                  "flat",
                  11,
                  STEPS,
                  100,
                  MEASURE_EVERY,
                  KillPoint.NEVER,
                  Resume.WHOLE,
                  true,
                  directory.resolve("log").toString(),
                  directory.resolve("work").toString(),
                  bench.s3Endpoint(),
                  bench.databaseUrl()),
              "-Xms128m",
              "-XX:+AlwaysPreTouch",
              "-XX:CompileThresholdScaling=0.05"); // compiled soon, not throughout the run
    }
    assertThat(run.status()).isZero();
    assertThat(run.numbers("saved")).hasSize(STEPS / 100);
    Map<Integer, Memory> memory = new TreeMap<>();
    for (String line : run.log()) {
      String[] words = line.split(" ", -1);
      if (words[0].equals("memory")) {
        memory.put(
            Integer.parseInt(words[1]),
            new Memory(Long.parseLong(words[2]), Long.parseLong(words[3])));
      }
    }
    System.out.println("Memory by step: " + memory);
    assertThat(memory).hasSize(STEPS / MEASURE_EVERY);
    List<Memory> readings = List.copyOf(memory.values());
    // The first readings are before everything has been used once.
    Memory start = median(readings.subList(2, 2 + WINDOW));
    Memory middle = median(readings.subList(readings.size() / 2, readings.size() / 2 + WINDOW));
    Memory end = median(readings.subList(readings.size() - WINDOW, readings.size()));
    assertThat(end.residentKiB()).isLessThanOrEqualTo(start.residentKiB() * 102 / 100);
    assertThat(end.residentKiB()).isLessThanOrEqualTo(middle.residentKiB() * 101 / 100);
    assertThat(end.heapKiB()).isLessThanOrEqualTo(start.heapKiB() + 1024);
  }

  private static Memory median(List<Memory> readings) {
    return new Memory(
        readings.stream()
            .mapToLong(Memory::residentKiB)
            .sorted()
            .skip(WINDOW / 2)
            .findFirst()
            .orElseThrow(),
        readings.stream()
            .mapToLong(Memory::heapKiB)
            .sorted()
            .skip(WINDOW / 2)
            .findFirst()
            .orElseThrow());
  }
}
