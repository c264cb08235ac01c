package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.UNet;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.training.Checkpoint.Part;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TrainingLoopTest {
  private static final DiffusionSpec DIFFUSION = new DiffusionSpec(null, null, null, null);

  @TempDir Path directory;

  /** Images whose pixels all differ, 8×8. */
  private static final ImageSource IMAGES =
      new ImageSource() {
        @Override
        public int count() {
          return 7;
        }

        @Override
        public void copy(int index, byte[] chw, int offset) {
          for (int i = 0; i < 3 * 8 * 8; i++) {
            chw[offset + i] = (byte) (index * 31 + i * 7);
          }
        }
      };

  private static UNet network(double dropout) {
    return UNet.of(
        new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 1, dropout, Optional.empty()), 8, 3);
  }

  private static TrainingSpec training(int steps, double learningRate) {
    return new TrainingSpec(
        steps, 4, learningRate, 3, 0.0, 1.0, 0.99, true, 4, 2, null, null, null, null, null);
  }

  private TrainingTask teacher(int steps, double dropout, double learningRate) {
    return new TrainingTask(
        "teacher",
        network(dropout),
        DIFFUSION,
        training(steps, learningRate),
        11,
        "spec",
        "code",
        Optional.empty());
  }

  private static TrainingTask student(int steps) {
    UNet teacher = network(0);
    return student(
        training(steps, 1e-3),
        new TeacherModel.Weights(teacher, teacher.initialise(new SeededRandom(5))));
  }

  private static TrainingTask student(TrainingSpec training, TeacherModel teacher) {
    return new TrainingTask(
        "student-1",
        network(0.1),
        DIFFUSION,
        training,
        12,
        "spec",
        "code",
        Optional.of(
            new Distillation(teacher, new TimestepRange(0, 250), 0.8, new LossSpec(1.0, 1.0))));
  }

  private DirectoryCheckpointStore store(String name) {
    return new DirectoryCheckpointStore(directory.resolve(name));
  }

  private TrainingResult run(
      TrainingTask task, CheckpointStore store, List<TrainingMetrics> metrics, BooleanSupplier stop)
      throws Exception {
    return new TrainingLoop(task, IMAGES, store, metrics::add, stop, "cpu", directory).run();
  }

  private static Map<Part, String> hashes(CheckpointStore store) throws Exception {
    Checkpoint checkpoint = store.latest().orElseThrow();
    Map<Part, String> hashes = new TreeMap<>();
    for (Part part : Part.values()) {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(checkpoint.file(part)));
      hashes.put(part, HexFormat.of().formatHex(digest));
    }
    return hashes;
  }

  @ParameterizedTest
  @ValueSource(strings = {"teacher", "student"})
  void shouldEndWithTheSameBitsWhenKilledAndResumed(String kind) throws Exception {
    TrainingTask task = kind.equals("teacher") ? teacher(10, 0.2, 1e-3) : student(10);
    DirectoryCheckpointStore whole = store("whole");
    run(task, whole, new ArrayList<>(), () -> false);

    DirectoryCheckpointStore resumed = store("resumed");
    // As a kill does: the loop ends at step 6 without saving, the last checkpoint is of step 4.
    ImageSource dying =
        new ImageSource() {
          private int copies;

          @Override
          public int count() {
            return IMAGES.count();
          }

          @Override
          public void copy(int index, byte[] chw, int offset) {
            if (copies++ == 6 * 4) {
              throw new IllegalStateException("killed");
            }
            IMAGES.copy(index, chw, offset);
          }
        };
    assertThatExceptionOfType(IllegalStateException.class)
        .isThrownBy(
            () ->
                new TrainingLoop(task, dying, resumed, metrics -> {}, () -> false, "cpu", directory)
                    .run());
    assertThat(resumed.latest().orElseThrow().step()).isEqualTo(4);
    run(task, resumed, new ArrayList<>(), () -> false);

    assertThat(hashes(resumed)).isEqualTo(hashes(whole));
    // Negative control: another seed ends elsewhere.
    TrainingTask other =
        new TrainingTask(
            task.name(),
            task.network(),
            task.diffusion(),
            task.training(),
            task.seed() + 1,
            "spec",
            "code",
            task.distillation());
    DirectoryCheckpointStore elsewhere = store("elsewhere");
    run(other, elsewhere, new ArrayList<>(), () -> false);
    assertThat(hashes(elsewhere))
        .doesNotContainEntry(Part.WEIGHTS, hashes(whole).get(Part.WEIGHTS));
  }

  @Test
  void shouldLearnAndReportWhenItRuns() throws Exception {
    List<TrainingMetrics> metrics = new ArrayList<>();
    DirectoryCheckpointStore store = store("run");
    TrainingResult result = run(teacher(200, 0, 3e-3), store, metrics, () -> false);

    assertThat(result.steps()).isEqualTo(200);
    assertThat(result.parameters()).isEqualTo(network(0).parameters());
    assertThat(metrics).hasSize(100);
    assertThat(metrics.get(0).step()).isEqualTo(2);
    assertThat(metrics.get(0).loss()).isBetween(0.8, 1.2); // the network starts with eps = 0
    assertThat(metrics.subList(90, 100)).allSatisfy(m -> assertThat(m.loss()).isLessThan(0.8));
    assertThat(metrics).allSatisfy(m -> assertThat(m.gradNorm()).isPositive());
    assertThat(store.latest().orElseThrow().step()).isEqualTo(200);
    assertThat(directory.toFile().list()).containsExactly("run"); // nothing left behind
  }

  @Test
  void shouldReportBothLossesWhenItDistils() throws Exception {
    List<TrainingMetrics> metrics = new ArrayList<>();
    run(student(4), store("run"), metrics, () -> false);

    // Both start with eps = 0, so at first the student equals its teacher.
    assertThat(metrics.get(0).diffusionLoss()).isBetween(0.8, 1.2);
    assertThat(metrics.get(0).distillationLoss()).isBetween(0.0, 0.1);
    assertThat(metrics)
        .allSatisfy(
            m ->
                assertThat(m.loss())
                    .isCloseTo(m.diffusionLoss() + m.distillationLoss(), within(1e-5)));
  }

  @Test
  void shouldSaveAndStopWhenAsked() throws Exception {
    DirectoryCheckpointStore store = store("stopped");
    int[] asked = {0};
    assertThatExceptionOfType(TrainingInterruptedException.class)
        .isThrownBy(
            () -> run(teacher(10, 0, 1e-3), store, new ArrayList<>(), () -> ++asked[0] == 3))
        .withMessage("Training of teacher was stopped after step 3.");
    assertThat(store.latest().orElseThrow().step()).isEqualTo(3);
  }

  @Test
  void shouldKeepTheLastGoodCheckpointWhenItDiverges() throws Exception {
    DirectoryCheckpointStore store = store("diverged");
    DivergedException[] caught = new DivergedException[1];
    assertThatExceptionOfType(DivergedException.class)
        .isThrownBy(() -> run(teacher(40, 0, 1e30), store, new ArrayList<>(), () -> false))
        .satisfies(e -> caught[0] = e);
    int lastGood = store.latest().map(Checkpoint::step).orElse(0);
    assertThat(caught[0].lastGoodStep()).isEqualTo(lastGood);
    assertThat(caught[0].step()).isGreaterThan(lastGood);
    assertThat(caught[0])
        .hasMessageContaining("Training of teacher diverged at step " + caught[0].step());
  }

  @Test
  void shouldDoNothingWhenAllStepsAreDone() throws Exception {
    DirectoryCheckpointStore store = store("done");
    run(teacher(4, 0, 1e-3), store, new ArrayList<>(), () -> false);
    int saves = store.saves();
    run(teacher(4, 0, 1e-3), store, new ArrayList<>(), () -> false);
    assertThat(store.saves()).isEqualTo(saves);
  }

  @Test
  void shouldKeepMemoryFlatWhenItTrainsOn() throws Exception {
    List<Long> residentKiB = new ArrayList<>();
    TrainingTask task = student(400);
    new TrainingLoop(
            task,
            IMAGES,
            store("flat"),
            m -> {
              if (m.step() == 100 || m.step() == 400) {
                System.gc();
                residentKiB.add(residentKiB());
              }
            },
            () -> false,
            "cpu",
            directory)
        .run();
    long growth = residentKiB.get(1) - residentKiB.get(0);
    // One step's gradients (170 kB) kept at each step would be 50 MB.
    assertThat(growth).isLessThan(20 * 1024);
  }

  private static long residentKiB() {
    try {
      return Files.readAllLines(Path.of("/proc/self/status")).stream()
          .filter(line -> line.startsWith("VmRSS:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
