package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.network.FeatureLossException;
import dev.atelier.network.Network;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.FeatureLossSpec;
import dev.atelier.spec.FeatureLossSpec.Kind;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import dev.atelier.spec.TrainingSpecBuilder;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import dev.atelier.workflows.vocabulary.Series;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class TrainingLoopTest {
  private static final DiffusionSpec DIFFUSION = DiffusionSpec.DEFAULTS;

  @TempDir Path directory;

  private static final int CLASSES = 3;

  /** Images whose pixels all differ, 8×8, of three classes. */
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

        @Override
        public int label(int index) {
          return index % CLASSES;
        }
      };

  private static Network network(double dropout) {
    return network(dropout, 0);
  }

  private static Network network(double dropout, int classes) {
    return Network.of(
        new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 1, dropout, Optional.empty()),
        8,
        3,
        classes);
  }

  private static TrainingSpec training(int steps, double learningRate) {
    return training(steps, learningRate, 1, Precision.FP32, 1e4);
  }

  private static TrainingSpec training(
      int steps, double learningRate, int parts, Precision precision, double divergenceLoss) {
    return TrainingSpecBuilder.builder()
        .steps(steps)
        .batchSize(4)
        .learningRate(learningRate)
        .warmupSteps(3)
        .weightDecay(0.0)
        .clipNorm(1.0)
        .emaDecay(0.99)
        .horizontalFlips(true)
        .checkpointEverySteps(4)
        .metricsEverySteps(2)
        .accumulationSteps(parts)
        .precision(precision)
        .divergenceLoss(divergenceLoss)
        .build();
  }

  private static TrainingTask teacher(int steps, double dropout, double learningRate) {
    return teacher(training(steps, learningRate), dropout);
  }

  private static TrainingTask teacher(TrainingSpec training, double dropout) {
    return new TrainingTask(
        "teacher", network(dropout), DIFFUSION, training, 11, "spec", "code", Optional.empty());
  }

  private static TrainingTask student(int steps) {
    return student(training(steps, 1e-3), weightsOfATeacher());
  }

  private static TeacherModel.Weights weightsOfATeacher() {
    return weightsOfATeacher(0);
  }

  private static TeacherModel.Weights weightsOfATeacher(int classes) {
    Network teacher = network(0, classes);
    return new TeacherModel.Weights(teacher, teacher.initialise(new SeededRandom(5)));
  }

  private static TrainingTask student(TrainingSpec training, TeacherModel teacher) {
    return student(training, teacher, 0);
  }

  private static TrainingTask student(TrainingSpec training, TeacherModel teacher, int classes) {
    return new TrainingTask(
        "student-1",
        network(0.1, classes),
        DIFFUSION,
        training,
        12,
        "spec",
        "code",
        Optional.of(
            new Distillation(teacher, new TimestepRange(0, 250), 0.8, new LossSpec(1.0, 1.0))));
  }

  /** A student that learns from the features of a wider teacher. */
  private static TrainingTask comparing(int steps, Kind kind, int parts, boolean antithetic) {
    FeatureLossSpec feature = new FeatureLossSpec(kind, 1.0, List.of("mid", "up.1"));
    return comparing(training(steps, 1e-3, parts, Precision.FP32, 1e4), feature, antithetic);
  }

  private static TrainingTask comparing(
      TrainingSpec training, FeatureLossSpec feature, boolean antithetic) {
    Network teacher =
        Network.of(
            new NetworkSpec(16, List.of(1, 2), 1, List.of(4), 1, 0.0, Optional.empty()), 8, 3, 0);
    return new TrainingTask(
        "student-1",
        network(0.1),
        DIFFUSION,
        training,
        12,
        "spec",
        "code",
        Optional.of(
            new Distillation(
                new TeacherModel.Weights(teacher, teacher.initialise(new SeededRandom(5))),
                new TimestepRange(0, 250),
                0.8,
                new LossSpec(1.0, 1.0, feature),
                antithetic)));
  }

  private DirectoryCheckpointStore store(String name) {
    return new DirectoryCheckpointStore(directory.resolve(name));
  }

  private TrainingResult run(
      TrainingTask task, CheckpointStore store, List<TrainingMetrics> metrics, BooleanSupplier stop)
      throws Exception {
    return new TrainingLoop(task, IMAGES, store, metrics::add, stop, "cpu", directory).run();
  }

  private static Map<CheckpointPart, String> hashes(CheckpointStore store) throws Exception {
    Checkpoint checkpoint = store.latest().orElseThrow();
    Map<CheckpointPart, String> hashes = new TreeMap<>();
    for (CheckpointPart part : CheckpointPart.values()) {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(checkpoint.file(part)));
      hashes.put(part, HexFormat.of().formatHex(digest));
    }
    return hashes;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "teacher",
        "student",
        "bf16 student",
        "conditional student",
        "teacher in parts",
        "student with hint",
        "antithetic student with relational-sample"
      })
  void shouldEndWithTheSameBitsWhenKilledAndResumed(String kind) throws Exception {
    TrainingTask task =
        switch (kind) {
          case "teacher" -> teacher(10, 0.2, 1e-3);
          case "student" -> student(10);
          case "bf16 student" ->
              student(training(10, 1e-3, 1, Precision.BF16, 1e4), weightsOfATeacher());
          case "conditional student" ->
              student(
                  training(10, 1e-3, 2, Precision.FP32, 1e4), weightsOfATeacher(CLASSES), CLASSES);
          case "student with hint" -> comparing(10, Kind.HINT, 1, false);
          case "antithetic student with relational-sample" ->
              comparing(10, Kind.RELATIONAL_SAMPLE, 2, true);
          default -> teacher(training(10, 1e-3, 2, Precision.FP32, 1e4), 0.2);
        };
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

          @Override
          public int label(int index) {
            return IMAGES.label(index);
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
        .doesNotContainEntry(CheckpointPart.WEIGHTS, hashes(whole).get(CheckpointPart.WEIGHTS));
  }

  @Test
  void shouldEndWithOtherBitsWhenAnAdaptorsMomentsAreLost() throws Exception {
    TrainingTask task = comparing(6, Kind.HINT, 1, false);
    DirectoryCheckpointStore whole = store("whole");
    run(task, whole, new ArrayList<>(), () -> false);

    DirectoryCheckpointStore resumed = store("resumed");
    assertThatExceptionOfType(TrainingInterruptedException.class)
        .isThrownBy(() -> run(task, resumed, new ArrayList<>(), () -> true));
    Path moment = resumed.latest().orElseThrow().file(CheckpointPart.EXP_AVG);
    SafetensorsFile file = SafetensorsFile.read(moment);
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    file.tensors()
        .forEach(
            (name, m) ->
                tensors.put(
                    name,
                    name.startsWith("feature_adaptor.")
                        ? HostTensor.zeros(m.dtype(), m.shape())
                        : HostTensor.ofFloats(m.toFloats(), m.shape())));
    assertThat(tensors).hasSize(task.network().weights().size() + 4);
    Path lost = directory.resolve("lost.safetensors");
    SafetensorsFile.write(lost, tensors, file.metadata());
    Files.move(lost, moment, StandardCopyOption.REPLACE_EXISTING);
    run(task, resumed, new ArrayList<>(), () -> false);

    assertThat(hashes(resumed))
        .doesNotContainEntry(CheckpointPart.EMA, hashes(whole).get(CheckpointPart.EMA));
  }

  @Test
  void shouldKeepTheAdaptorsOutOfTheWeightsThatAreSampledFrom() throws Exception {
    TrainingTask task = comparing(2, Kind.HINT, 1, false);
    DirectoryCheckpointStore store = store("run");
    List<TrainingMetrics> metrics = new ArrayList<>();
    run(task, store, metrics, () -> false);

    Checkpoint checkpoint = store.latest().orElseThrow();
    Map<String, HostTensor> ema =
        SafetensorsFile.read(checkpoint.file(CheckpointPart.EMA)).tensors();
    task.network().check(ema, "The average"); // refuses unknown tensors
    assertThat(SafetensorsFile.read(checkpoint.file(CheckpointPart.WEIGHTS)).tensors())
        .containsKeys("feature_adaptor.mid.weight", "feature_adaptor.up.1.bias");
    assertThat(metrics).hasSize(1);
    TrainingMetrics m = metrics.get(0);
    assertThat(m.featureLoss()).isPositive();
    assertThat(m.loss())
        .isCloseTo(m.diffusionLoss() + m.distillationLoss() + m.featureLoss(), within(1e-5));
    assertThat(m.spread())
        .containsOnlyKeys(
            Series.LOSS,
            Series.DIFFUSION_LOSS,
            Series.DISTILLATION_LOSS,
            Series.FEATURE_LOSS,
            Series.GRADIENT_NORM);
    assertThat(m.spread().get(Series.FEATURE_LOSS).variance()).isPresent();
    assertThat(m.lossByTenth()).isNotEmpty();
  }

  @ParameterizedTest
  @EnumSource(value = Kind.class, mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void shouldComeCloserToTheTeachersFeaturesThanAStudentThatIsNotToldThem(Kind kind)
      throws Exception {
    double told = lastFeatureLoss(new FeatureLossSpec(kind, null, null));
    double notTold = lastFeatureLoss(new FeatureLossSpec(kind, 0.0, null));
    assertThat(told).isPositive().isLessThan(0.8 * notTold);
  }

  /** Mean over the last third of a short training. */
  private double lastFeatureLoss(FeatureLossSpec feature) throws Exception {
    List<TrainingMetrics> metrics = new ArrayList<>();
    run(
        comparing(training(36, 5e-3), feature, false),
        store(feature.kind() + " " + feature.weight()),
        metrics,
        () -> false);
    return metrics.subList(12, 18).stream()
        .mapToDouble(TrainingMetrics::featureLoss)
        .average()
        .orElseThrow();
  }

  @Test
  void shouldRefuseFeaturesWhenTheTeacherIsATorchScriptFile() throws Exception {
    Path archive = directory.resolve("teacher.pt");
    TeacherModel.Weights weights = weightsOfATeacher();
    TorchScriptArchive.write(archive, weights.network().inferenceModule("UNet", weights.weights()));
    TrainingTask task = comparing(2, Kind.ATTENTION, 1, false);
    Distillation known = task.distillation().orElseThrow();
    TrainingTask unknown =
        new TrainingTask(
            task.name(),
            task.network(),
            task.diffusion(),
            task.training(),
            task.seed(),
            "spec",
            "code",
            Optional.of(
                new Distillation(
                    new TeacherModel.Archive(archive),
                    known.range(),
                    known.specificProbability(),
                    known.loss())));
    DirectoryCheckpointStore store = store("run");
    assertThatExceptionOfType(FeatureLossException.class)
        .isThrownBy(() -> run(unknown, store, new ArrayList<>(), () -> false))
        .withMessage(
            "students.loss.feature of student-1 needs a teacher with features to compare: expected weights of a network, found a TorchScript file.");
    assertThat(store.latest()).isEmpty();
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
    assertThat(metrics).allSatisfy(m -> assertThat(m.gradientNorm()).isPositive());
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
  void shouldKeepNoCheckpointOfAStepThatBrokeItsWeights() throws Exception {
    DirectoryCheckpointStore store = store("broken");
    TrainingSpec training =
        TrainingSpecBuilder.builder()
            .steps(9)
            .batchSize(4)
            .learningRate(1e30)
            .warmupSteps(3)
            .weightDecay(0.0)
            .clipNorm(1.0)
            .emaDecay(0.99)
            .horizontalFlips(true)
            .checkpointEverySteps(1)
            .metricsEverySteps(2)
            .build();
    assertThatExceptionOfType(DivergedException.class)
        .isThrownBy(() -> run(teacher(training, 0), store, new ArrayList<>(), () -> false))
        .withMessageStartingWith(
            "Training of teacher diverged at step 1: the norms of its weights, their average and"
                + " Adam's two moments are [Infinity, ")
        .withMessageEndingWith("It has no good checkpoint yet.");
    assertThat(store.latest()).isEmpty();
  }

  @Test
  void shouldStopWhenTheLossIsAboveItsBound() throws Exception {
    DirectoryCheckpointStore store = store("bound");
    // Negative control: below the bound it runs.
    run(teacher(training(4, 1e-3, 1, Precision.FP32, 2), 0), store, new ArrayList<>(), () -> false);
    TrainingTask strict = teacher(training(8, 1e-3, 1, Precision.FP32, 0.1), 0);
    assertThatExceptionOfType(DivergedException.class)
        .isThrownBy(() -> run(strict, store, new ArrayList<>(), () -> false))
        .withMessageMatching(
            "Training of teacher diverged at step 5: loss [01]\\.\\d+ \\(training.divergenceLoss is"
                + " 0.1\\), gradient norm \\d+\\.\\d+\\. Its last good checkpoint is of step 4\\.");
    assertThat(store.latest().orElseThrow().step()).isEqualTo(4);
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY})
  void shouldStopWhenTheLossIsNoNumber(float broken) throws Exception {
    TeacherModel.Weights teacher = weightsOfATeacher();
    teacher.weights().get("conv_out.bias").putFloats(new float[] {broken, 0, 0});
    DirectoryCheckpointStore store = store("nan");
    assertThatExceptionOfType(DivergedException.class)
        .isThrownBy(
            () -> run(student(training(4, 1e-3), teacher), store, new ArrayList<>(), () -> false))
        .withMessageContaining("diverged at step 1: loss " + broken);
    assertThat(store.latest()).isEmpty();
  }

  @Test
  void shouldRefuseABatchThatCannotBeCutIntoEqualParts() {
    TrainingTask task = teacher(training(4, 1e-3, 3, Precision.FP32, 1e4), 0);
    assertThatExceptionOfType(IllegalArgumentException.class)
        .isThrownBy(() -> run(task, store("uncut"), new ArrayList<>(), () -> false))
        .withMessage("training.accumulationSteps of teacher must divide batchSize 4, found 3.");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, CLASSES})
  void shouldLearnTheSameFromATeacherFile(int classes) throws Exception {
    Network network = network(0, classes);
    Map<String, HostTensor> weights = new TreeMap<>(network.initialise(new SeededRandom(5)));
    float[] out = new float[3 * 8 * 9];
    for (int i = 0; i < out.length; i++) {
      out[i] = (float) Math.sin(i); // not 0, as a network starts
    }
    weights.put("conv_out.weight", HostTensor.ofFloats(out, 3, 8, 3, 3));
    Path archive = directory.resolve("teacher.pt");
    TorchScriptArchive.write(archive, network.inferenceModule("UNet", weights));

    List<TrainingMetrics> file = new ArrayList<>();
    TeacherModel asFile = new TeacherModel.Archive(archive);
    run(student(training(4, 1e-3), asFile, classes), store("file"), file, () -> false);
    List<TrainingMetrics> inside = new ArrayList<>();
    TeacherModel asWeights = new TeacherModel.Weights(network, weights);
    run(student(training(4, 1e-3), asWeights, classes), store("inside"), inside, () -> false);
    for (int i = 0; i < file.size(); i++) {
      assertThat(file.get(i).distillationLoss()).isGreaterThan(0.01);
      assertThat(inside.get(i).loss())
          .isCloseTo(file.get(i).loss(), within(1e-4 * file.get(i).loss()));
    }
  }

  @Test
  void shouldLearnWhatDependsOnTheClassAlone() throws Exception {
    // A teacher that looks at nothing but y, asked where x_t is hardly more than noise: who doesn't
    // know y can't do better than the variance of the labels.
    Path archive = directory.resolve("classes.pt");
    String answer =
        """
        def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
          return torch.add(torch.zeros_like(x), torch.sub(torch.to(torch.reshape(y, [-1, 1, 1, 1]), 6), 1.))
        """;
    TorchScriptArchive.write(archive, new TorchScriptModule("Classes", answer, Map.of()));
    double mean = IntStream.range(0, 7).map(IMAGES::label).average().orElseThrow();
    double variance =
        IntStream.range(0, 7)
            .mapToDouble(i -> Math.pow(IMAGES.label(i) - mean, 2))
            .average()
            .orElseThrow();
    TrainingTask task =
        new TrainingTask(
            "student-1",
            network(0, CLASSES),
            DIFFUSION,
            training(150, 3e-3),
            12,
            "spec",
            "code",
            Optional.of(
                new Distillation(
                    new TeacherModel.Archive(archive),
                    new TimestepRange(900, 1000),
                    1,
                    new LossSpec(0.0, 1.0))));
    List<TrainingMetrics> metrics = new ArrayList<>();
    run(task, store("classes"), metrics, () -> false);
    assertThat(metrics.subList(65, 75))
        .allSatisfy(m -> assertThat(m.distillationLoss()).isLessThan(variance / 4));
  }

  @Test
  void shouldDrawTheLabelsOfTheImages() {
    ImageSource levels = levels(CLASSES - 1);
    TrainingTask task =
        new TrainingTask(
            "student-1",
            network(0, CLASSES),
            DIFFUSION,
            training(10, 1e-3),
            12,
            "spec",
            "code",
            Optional.of(
                new Distillation( // x_0 is nearly the image
                    weightsOfATeacher(CLASSES),
                    new TimestepRange(0, 1),
                    1,
                    new LossSpec(1.0, 1.0))));
    TrainingBatch batch = new TrainingBatch(task, levels);
    Set<Long> seen = new TreeSet<>();
    for (int step = 0; step < 10; step++) {
      batch.draw(step);
      LongBuffer y = batch.conditions().get(1).data().asLongBuffer();
      for (int i = 0; i < 4; i++) {
        assertThat(batch.xt().toFloats()[192 * i]).isCloseTo(y.get(i) - 1f, within(0.1f));
        seen.add(y.get(i));
      }
    }
    assertThat(seen).containsExactly(0L, 1L, 2L);
  }

  @Test
  void shouldNameTheImageWhenItsClassIsUnknown() {
    TrainingTask task = student(training(4, 1e-3), weightsOfATeacher(CLASSES), CLASSES);
    assertThatExceptionOfType(IllegalArgumentException.class)
        .isThrownBy(
            () ->
                new TrainingLoop(
                        task, levels(3), store("x"), m -> {}, () -> false, "cpu", directory)
                    .run())
        .withMessageMatching("Image 3 has the class 3, expected one of 0 to 2\\.");
  }

  /** Image i is of class i, up to {@code last}, and as bright: black, grey, white. */
  private static ImageSource levels(int last) {
    return new ImageSource() {
      @Override
      public int count() {
        return last + 1;
      }

      @Override
      public void copy(int index, byte[] chw, int offset) {
        Arrays.fill(chw, offset, offset + 3 * 8 * 8, (byte) Math.min(255, index * 128));
      }

      @Override
      public int label(int index) {
        return index;
      }
    };
  }

  @Test
  void shouldDrawTheSameWhateverElseDrawsFromLibtorch() throws Exception {
    TrainingTask task = teacher(training(6, 1e-3, 2, Precision.FP32, 1e4), 0.3);
    DirectoryCheckpointStore undisturbed = store("undisturbed");
    run(task, undisturbed, new ArrayList<>(), () -> false);

    Path archive = directory.resolve("random.pt");
    String draw = "def forward(self, x: Tensor) -> Tensor:\n  return torch.rand_like(x)\n";
    TorchScriptArchive.write(archive, new TorchScriptModule("Random", draw, Map.of()));
    DirectoryCheckpointStore disturbed = store("disturbed");
    List<Float> drawn = new ArrayList<>();
    try (TorchModule random = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE)) {
      HostTensor one = HostTensor.zeros(HostTensor.DType.F32, 1);
      ImageSource disturbing =
          new ImageSource() {
            @Override
            public int count() {
              return IMAGES.count();
            }

            @Override
            public void copy(int index, byte[] chw, int offset) {
              // A step's own number of draws would hide a state that goes on from step to step.
              for (int i = 0; i <= drawn.size(); i++) {
                one.putFloats(random.forward(one).toFloats());
              }
              drawn.add(one.toFloats()[0]);
              IMAGES.copy(index, chw, offset);
            }
          };
      new TrainingLoop(task, disturbing, disturbed, m -> {}, () -> false, "cpu", directory).run();
    }
    assertThat(hashes(disturbed)).isEqualTo(hashes(undisturbed));
    assertThat(drawn).hasSize(6 * 4).doesNotHaveDuplicates(); // it did disturb
  }

  @Test
  void shouldLearnInBfloat16AndKeepFloat32() throws Exception {
    List<TrainingMetrics> metrics = new ArrayList<>();
    DirectoryCheckpointStore store = store("bf16");
    run(teacher(training(150, 3e-3, 1, Precision.BF16, 1e4), 0), store, metrics, () -> false);
    assertThat(metrics.subList(65, 75)).allSatisfy(m -> assertThat(m.loss()).isLessThan(0.85));
    for (CheckpointPart part : CheckpointPart.values()) {
      assertThat(SafetensorsFile.read(store.latest().orElseThrow().file(part)).tensors().values())
          .allMatch(tensor -> tensor.dtype() == HostTensor.DType.F32);
    }
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
