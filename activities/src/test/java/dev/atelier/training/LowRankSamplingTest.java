package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.graph.Weight;
import dev.atelier.network.ClosedForm;
import dev.atelier.network.LowRank;
import dev.atelier.network.LowRank.Turn;
import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Low-rank specialists in one archive, against each with its weights merged. */
class LowRankSamplingTest {

  @TempDir Path directory;

  private static Network network(int channels) {
    return Network.of(
        new NetworkSpec(channels, List.of(1, 2), 1, List.of(4), 1, 0.0, Optional.of(4)), 8, 3, 0);
  }

  private static List<Turn> turns(LowRank update, int count) {
    List<Turn> turns = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Map<String, HostTensor> learned = new LinkedHashMap<>();
      int k = 10_000 * (i + 1);
      for (Weight weight : update.weights()) {
        learned.put(weight.name(), ClosedForm.tensor(k++, 0.3, 0, weight.dimensions()));
      }
      turns.add(new Turn(new TimestepRange(1000 * i / count, 1000 * (i + 1) / count), learned));
    }
    return turns;
  }

  @ParameterizedTest
  @EnumSource(NetworkForm.class)
  void shouldPredictAsTheMergedOwnerOfEachTimestep(NetworkForm form) throws Exception {
    Network network = network(8);
    LowRank update = new LowRank(network, 2);
    Map<String, HostTensor> base = ClosedForm.weights(network);
    List<Turn> turns = turns(update, 3);
    Path shared = directory.resolve("shared.pt");
    TorchScriptArchive.write(shared, update.inferenceModule("Net", base, turns, form));
    HostTensor x = ClosedForm.tensor(0, 1, 0, 2, 3, 8, 8);
    try (TorchModule together = Libtorch.load(shared, "cpu", TorchModule.Mode.INFERENCE)) {
      for (long t : new long[] {0, 332, 333, 500, 666, 999}) {
        int owner = t < 333 ? 0 : t < 666 ? 1 : 2;
        Path alone = directory.resolve("alone-" + t + ".pt");
        TorchScriptArchive.write(
            alone,
            network.inferenceModule(
                "Net", update.merged(base, turns.get(owner).update()), form, Precision.FP32));
        HostTensor when = HostTensor.ofLongs(new long[] {t, t}, 2);
        float[] found = together.forward(x, when).toFloats();
        try (TorchModule merged = Libtorch.load(alone, "cpu", TorchModule.Mode.INFERENCE)) {
          assertThat(found)
              .containsExactly(merged.forward(x, when).toFloats(), Offset.offset(2e-5f));
        }
      }
    }
  }

  @Test
  void shouldTakeNearlyTheMemoryOfOneStudentForEight() throws Exception {
    Network network = network(64);
    LowRank update = new LowRank(network, 1);
    Map<String, HostTensor> base = network.initialise(new SeededRandom(1));
    Path shared = directory.resolve("shared.pt");
    TorchScriptArchive.write(
        shared, update.inferenceModule("Net", base, turns(update, 8), NetworkForm.CPU));
    Path one = directory.resolve("one.pt");
    TorchScriptArchive.write(one, network.inferenceModule("Net", base));
    try (TorchModule eight = Libtorch.load(shared, "cpu", TorchModule.Mode.INFERENCE);
        TorchModule single = Libtorch.load(one, "cpu", TorchModule.Mode.INFERENCE)) {
      long updates = 8 * Float.BYTES * update.weights().stream().mapToLong(Weight::elements).sum();
      assertThat(eight.weightBytes()).isEqualTo(single.weightBytes() + updates);
      assertThat(updates).isLessThan(single.weightBytes() / 4);
    }
  }
}
