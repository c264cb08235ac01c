package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.assignment.AssignmentFixture;
import dev.atelier.network.ClosedForm;
import dev.atelier.network.Network;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.pruning.ChannelPruning;
import dev.atelier.network.pruning.ChannelPruning.Criterion;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.spec.TrainingSpecBuilder;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class PrunedTeacherTest {

  private static final DiffusionSpec DIFFUSION = DiffusionSpec.DEFAULTS;

  @TempDir Path directory;

  /** Bright squares on dark ground, 8×8, each at another place. */
  private static final ImageSource IMAGES =
      new ImageSource() {
        @Override
        public int count() {
          return 36;
        }

        @Override
        public void copy(int index, byte[] chw, int offset) {
          for (int i = 0; i < 3 * 64; i++) {
            int row = i % 64 / 8 - index / 6;
            int column = i % 8 - index % 6;
            boolean inside = row >= 0 && row < 3 && column >= 0 && column < 3;
            chw[offset + i] = (byte) (inside ? 230 : 20);
          }
        }
      };

  private static Network network(int channels, double dropout) {
    return Network.of(
        new NetworkSpec(channels, List.of(1, 2), 1, List.of(4), 1, dropout, Optional.empty()),
        8,
        3);
  }

  private static TrainingSpec training(int steps) {
    return TrainingSpecBuilder.builder()
        .steps(steps)
        .batchSize(16)
        .learningRate(2e-3)
        .warmupSteps(10)
        .weightDecay(0.0)
        .clipNorm(1.0)
        .emaDecay(0.9)
        .horizontalFlips(true)
        .checkpointEverySteps(4)
        .metricsEverySteps(1)
        .accumulationSteps(1)
        .divergenceLoss(1e4)
        .build();
  }

  private static TrainingTask teacher(int steps) {
    return new TrainingTask(
        "teacher", network(16, 0), DIFFUSION, training(steps), 1, "s", "c", Optional.empty());
  }

  private static TrainingTask student(
      int channels, int steps, TeacherModel teacher, InitialWeights start) {
    return new TrainingTask(
        "student-1",
        network(channels, 0),
        DIFFUSION,
        training(steps),
        2,
        "s",
        "c",
        Optional.of(
            new Distillation(teacher, new TimestepRange(0, 500), 0.8, new LossSpec(1.0, 1.0))),
        start);
  }

  private DirectoryCheckpointStore train(TrainingTask task, List<TrainingMetrics> metrics)
      throws Exception {
    DirectoryCheckpointStore store =
        new DirectoryCheckpointStore(Files.createTempDirectory(directory, "store-"));
    new TrainingLoop(task, IMAGES, store, metrics::add, () -> false, "cpu", directory).run();
    return store;
  }

  private TeacherModel.Weights trainedTeacher() throws Exception {
    Checkpoint last = train(teacher(150), new ArrayList<>()).latest().orElseThrow();
    return new TeacherModel.Weights(
        network(16, 0), SafetensorsFile.read(last.file(CheckpointPart.EMA)).tensors());
  }

  @Test
  void shouldStartWithMuchLessLossThanRandomWeightsWhenTheTeacherIsTrained() throws Exception {
    TeacherModel.Weights teacher = trainedTeacher();

    double random = firstLoss(student(12, 1, teacher, InitialWeights.RANDOM));
    double magnitude = firstLoss(student(12, 1, teacher, new PrunedTeacher(Criterion.MAGNITUDE)));
    double taylor = firstLoss(student(12, 1, teacher, new PrunedTeacher(Criterion.TAYLOR)));
    double whole = firstLoss(student(16, 1, teacher, new PrunedTeacher(Criterion.TAYLOR)));

    assertThat(magnitude).isLessThan(0.8 * random);
    assertThat(taylor).isLessThan(0.8 * random);
    assertThat(whole).isLessThan(taylor); // nothing was cut: the teacher itself
  }

  private double firstLoss(TrainingTask task) throws Exception {
    List<TrainingMetrics> metrics = new ArrayList<>();
    train(task, metrics);
    return metrics.get(0).loss();
  }

  @ParameterizedTest
  @EnumSource(Criterion.class)
  void shouldEndWithTheSameBitsWhenAPrunedStartIsInterrupted(Criterion criterion) throws Exception {
    Network network = network(16, 0.1);
    TeacherModel.Weights teacher = new TeacherModel.Weights(network, ClosedForm.weights(network));
    TrainingTask task = student(12, 9, teacher, new PrunedTeacher(criterion));
    Checkpoint whole = train(task, new ArrayList<>()).latest().orElseThrow();

    DirectoryCheckpointStore store = new DirectoryCheckpointStore(directory.resolve("interrupted"));
    assertThatExceptionOfType(TrainingInterruptedException.class)
        .isThrownBy(
            () ->
                new TrainingLoop(task, IMAGES, store, m -> {}, () -> true, "cpu", directory).run());
    assertThat(store.latest().orElseThrow().step()).isEqualTo(1);
    new TrainingLoop(task, IMAGES, store, m -> {}, () -> false, "cpu", directory).run();

    Checkpoint resumed = store.latest().orElseThrow();
    for (CheckpointPart part : CheckpointPart.values()) {
      assertThat(resumed.file(part)).hasSameBinaryContentAs(whole.file(part));
    }
  }

  @Test
  void shouldEqualPyTorchWhenTaylorScoresAreSummed() throws Exception {
    Network network =
        Network.of(
            new NetworkSpec(16, List.of(1, 2), 1, List.of(4), 2, 0.0, Optional.of(4)), 8, 3, 3);
    Map<String, HostTensor> weights = ClosedForm.weights(network);
    Map<String, float[]> saliency = new LinkedHashMap<>();
    try (TorchModule module = PrunedTeacher.open(network, weights, "cpu", directory)) {
      for (int k = 0; k < 2; k++) {
        List<HostTensor> inputs =
            List.of(
                ClosedForm.tensor(1000 + k, 1, 0, 3, 3, 8, 8),
                ClosedForm.tensor(2000 + k, 1, 0, 3, 3, 8, 8),
                HostTensor.ofLongs(new long[] {3 + k, 500 + k, 999 - k}, 3),
                HostTensor.ofLongs(new long[] {0, 2, 1}, 3));
        PrunedTeacher.add(network, weights, PrunedTeacher.gradients(module, inputs), saliency);
      }
    }
    double[] scores =
        new ChannelPruning(network, network)
            .scores("mid_block.resnets.0.conv1.weight", 0, saliency, Criterion.TAYLOR);

    double[] expected = AssignmentFixture.doubles(AssignmentFixture.read("taylor"));
    assertThat(scores).hasSize(32);
    for (int c = 0; c < 32; c++) {
      assertThat(scores[c]).isCloseTo(expected[c], within(1e-3 * expected[c]));
    }
  }

  @Test
  void shouldRefuseATeacherWithoutNetworkOrWithOtherBlocks() {
    TrainingTask ofArchive =
        student(
            12,
            1,
            new TeacherModel.Archive(Path.of("none.pt")),
            new PrunedTeacher(Criterion.MAGNITUDE));
    assertThatExceptionOfType(InvalidSpecException.class)
        .isThrownBy(() -> ofArchive.start().of(ofArchive, IMAGES, "cpu", directory))
        .withMessageContaining("it is a TorchScript file");
    Network narrow = network(8, 0);
    TrainingTask wider =
        student(
            12,
            1,
            new TeacherModel.Weights(narrow, ClosedForm.weights(narrow)),
            new PrunedTeacher(Criterion.MAGNITUDE));
    assertThatExceptionOfType(InvalidSpecException.class)
        .isThrownBy(() -> wider.start().of(wider, IMAGES, "cpu", directory))
        .withMessageContaining(
            "The network of student-1 must not be wider than the teacher to be pruned from it, found the widths [12, 24] for the teacher's [8, 16].");
  }
}
