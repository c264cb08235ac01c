package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.graph.Weight;
import dev.atelier.network.ClosedForm;
import dev.atelier.network.LowRank;
import dev.atelier.network.Network;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.FeatureLossSpec;
import dev.atelier.spec.LossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpecBuilder;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LowRankTrainingTest {

  private static final int RANK = 2;
  private static final Network NETWORK =
      Network.of(new NetworkSpec(8, List.of(1, 2), 1, List.of(4), 1, 0.0, Optional.of(4)), 8, 3, 0);
  private static final LowRank UPDATE = new LowRank(NETWORK, RANK);
  private static final Map<String, HostTensor> BASE = ClosedForm.weights(NETWORK);

  @TempDir Path directory;

  private static final ImageSource IMAGES =
      new ImageSource() {
        @Override
        public int count() {
          return 8;
        }

        @Override
        public void copy(int index, byte[] chw, int offset) {
          for (int i = 0; i < 3 * 64; i++) {
            chw[offset + i] = (byte) (31 * i + 7 * index);
          }
        }
      };

  /** With adaptors too, which are trained beside the update. */
  private static TrainingTask task() {
    FeatureLossSpec hint = new FeatureLossSpec(FeatureLossSpec.Kind.HINT, null, List.of("mid"));
    return new TrainingTask(
        "student-1",
        NETWORK,
        DiffusionSpec.DEFAULTS,
        TrainingSpecBuilder.builder()
            .steps(6)
            .batchSize(4)
            .learningRate(1e-2)
            .warmupSteps(0)
            .emaDecay(0.9)
            .checkpointEverySteps(3)
            .build(),
        5,
        "s",
        "c",
        Optional.of(
            new Distillation(
                new TeacherModel.Weights(NETWORK, NETWORK.initialise(new SeededRandom(9))),
                new TimestepRange(0, 500),
                0.8,
                new LossSpec(1.0, 1.0, hint))),
        (task, images, device, work) -> BASE,
        Optional.of(UPDATE));
  }

  private DirectoryCheckpointStore store() throws Exception {
    return new DirectoryCheckpointStore(Files.createTempDirectory(directory, "store-"));
  }

  private TrainingLoop loop(DirectoryCheckpointStore store, boolean stop) {
    return new TrainingLoop(task(), IMAGES, store, m -> {}, () -> stop, "cpu", directory);
  }

  @Test
  void shouldEndWithTheSameBitsWhenItIsInterruptedAndKeepTheUpdateAlone() throws Exception {
    DirectoryCheckpointStore whole = store();
    loop(whole, false).run();
    DirectoryCheckpointStore cut = store();
    assertThatExceptionOfType(TrainingInterruptedException.class)
        .isThrownBy(() -> loop(cut, true).run());
    assertThat(cut.latest().orElseThrow().step()).isEqualTo(1);
    loop(cut, false).run();

    Checkpoint last = whole.latest().orElseThrow();
    for (CheckpointPart part : CheckpointPart.values()) {
      assertThat(cut.latest().orElseThrow().file(part)).hasSameBinaryContentAs(last.file(part));
    }
    SafetensorsFile average = SafetensorsFile.read(last.file(CheckpointPart.EMA));
    assertThat(average.metadata()).containsEntry(LowRank.RANK, "2");
    assertThat(average.tensors().keySet())
        .containsExactlyInAnyOrderElementsOf(UPDATE.weights().stream().map(Weight::name).toList());
    Map<String, HostTensor> merged = UPDATE.merged(BASE, average.tensors());
    NETWORK.check(merged, "The merged weights");
    assertThat(merged.get("conv_in.weight").toFloats())
        .isNotEqualTo(BASE.get("conv_in.weight").toFloats());
    assertThat(merged.get("conv_in.bias").toFloats())
        .isEqualTo(BASE.get("conv_in.bias").toFloats());
  }
}
