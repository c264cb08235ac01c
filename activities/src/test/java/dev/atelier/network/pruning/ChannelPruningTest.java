package dev.atelier.network.pruning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.assignment.AssignmentFixture;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.network.ClosedForm;
import dev.atelier.network.Network;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.pruning.ChannelPruning.Criterion;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.NetworkSpec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChannelPruningTest {

  private static final int TIMESTEPS = 1000;

  @TempDir Path directory;

  private static Network network(
      int channels, List<Integer> multipliers, int heads, Optional<Integer> groups, int classes) {
    return Network.of(
        new NetworkSpec(channels, multipliers, 1, List.of(4), heads, 0.0, groups), 8, 3, classes);
  }

  private float[] eps(Network network, Map<String, HostTensor> weights) throws Exception {
    Path archive = directory.resolve("net.pt");
    TorchScriptArchive.write(archive, network.inferenceModule("UNet", weights));
    HostTensor x = ClosedForm.tensor(1000, 1, 0, 2, 3, 8, 8);
    HostTensor t = HostTensor.ofLongs(new long[] {3, 700}, 2);
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE)) {
      return (network.conditional()
              ? module.forward(x, t, HostTensor.ofLongs(new long[] {0, 2}, 2))
              : module.forward(x, t))
          .toFloats();
    }
  }

  @Test
  void shouldChangeNothingWhenTheStudentIsAsWideAsTheTeacher() {
    Network teacher = network(16, List.of(1, 2), 2, Optional.empty(), 3);
    Map<String, HostTensor> weights = ClosedForm.weights(teacher);

    Map<String, HostTensor> pruned =
        new ChannelPruning(teacher, network(16, List.of(1, 2), 2, Optional.empty(), 3))
            .prune(weights, ChannelPruning.magnitudes(weights), Criterion.MAGNITUDE, TIMESTEPS);

    assertThat(pruned.keySet()).isEqualTo(weights.keySet());
    pruned.forEach((name, w) -> assertThat(w.data()).isEqualTo(weights.get(name).data()));
  }

  /**
   * Zeroes half of the channels of every space, in whole groups and other ones in each space, and
   * prunes the teacher to the other half: any sum of tensors that were not cut alike would show.
   */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5})
  void shouldGiveTheSameEpsWhenThePrunedChannelsWereZero(int seed) throws Exception {
    Network teacher = network(16, List.of(1, 1), 2, Optional.of(4), 3);
    Network student = network(8, List.of(1, 1), 2, Optional.of(2), 3);
    Map<String, HostTensor> weights = halfZero(teacher, seed);

    Map<String, HostTensor> pruned =
        new ChannelPruning(teacher, student)
            .prune(weights, ChannelPruning.magnitudes(weights), Criterion.MAGNITUDE, TIMESTEPS);

    float[] expected = eps(teacher, weights);
    float[] found = eps(student, pruned);
    for (int i = 0; i < expected.length; i++) {
      assertThat(found[i]).isCloseTo(expected[i], within(2e-4f));
    }
    // Negative control: the same channels of every space are other channels in some of them.
    Map<String, float[]> firstHalf = new LinkedHashMap<>();
    weights.forEach((name, w) -> firstHalf.put(name, new float[(int) w.elements()]));
    float[] wrong =
        eps(
            student,
            new ChannelPruning(teacher, student)
                .prune(weights, firstHalf, Criterion.MAGNITUDE, TIMESTEPS));
    double distance = 0;
    for (int i = 0; i < expected.length; i++) {
      distance = Math.max(distance, Math.abs(wrong[i] - expected[i]));
    }
    assertThat(distance).isGreaterThan(0.01);
  }

  private static Map<String, HostTensor> halfZero(Network teacher, int seed) {
    ChannelCoupling coupling = new ChannelCoupling(teacher.graph());
    SeededRandom random = new SeededRandom(seed);
    Map<Integer, boolean[]> kept = new TreeMap<>();
    for (int space : coupling.spaces()) {
      int width = coupling.width(space);
      boolean[] keeps = new boolean[width];
      Arrays.fill(keeps, space == coupling.sinusoid() || width == 3);
      // In each head, or else in all, one half.
      int block = width / coupling.heads(space);
      for (int first = 0; first < width && width > 3; first += block) {
        int half = random.stream(Purpose.FLIP, space, first).nextInt(2) * block / 2;
        Arrays.fill(keeps, first + half, first + half + block / 2, true);
      }
      kept.put(space, keeps);
    }
    Map<String, HostTensor> zeroed = new LinkedHashMap<>();
    ClosedForm.weights(teacher)
        .forEach(
            (name, w) -> {
              float[] values = w.toFloats();
              long[] shape = w.shape();
              List<List<Integer>> axes = coupling.axes().get(name);
              int inner = values.length;
              for (int axis = 0; axis < shape.length; axis++) {
                inner /= (int) shape[axis];
                int offset = 0;
                for (int space : axes.get(axis)) {
                  boolean[] keeps = kept.get(space);
                  for (int i = 0; i < values.length; i++) {
                    int channel = i / inner % (int) shape[axis] - offset;
                    if (channel >= 0 && channel < keeps.length && !keeps[channel]) {
                      values[i] = 0;
                    }
                  }
                  offset += keeps.length;
                }
              }
              if (name.equals("time_embedding.linear_1.weight")) {
                keepSharedFrequencies(values, (int) shape[1]);
              }
              zeroed.put(name, HostTensor.ofFloats(values, shape));
            });
    return zeroed;
  }

  /** Sines and cosines of the highest and lowest frequency: networks of every width have them. */
  private static void keepSharedFrequencies(float[] values, int width) {
    int half = width / 2;
    for (int i = 0; i < values.length; i++) {
      int frequency = i % width % half;
      if (frequency != 0 && frequency != half - 1) {
        values[i] = 0;
      }
    }
  }

  @Test
  void shouldKeepWholeGroupsWhenBothNetworksHaveGroupsOfOneSize() {
    Network teacher = network(16, List.of(1, 1), 1, Optional.of(4), 0);
    Network student = network(8, List.of(1, 1), 1, Optional.of(2), 0);
    Map<String, HostTensor> weights = ClosedForm.weights(teacher);
    Map<String, HostTensor> pruned =
        new ChannelPruning(teacher, student)
            .prune(weights, ChannelPruning.magnitudes(weights), Criterion.MAGNITUDE, TIMESTEPS);

    List<Integer> kept = rows(weights.get("conv_in.bias"), pruned.get("conv_in.bias"));
    assertThat(kept).hasSize(8).isSorted();
    for (int i = 0; i < 8; i += 4) {
      assertThat(kept.get(i) % 4).isZero();
      assertThat(kept.get(i + 3)).isEqualTo(kept.get(i) + 3);
    }
  }

  @Test
  void shouldKeepAsManyChannelsOfEachGroupWhenBothNetworksHaveAsManyGroups() {
    Network teacher = network(16, List.of(1, 2), 1, Optional.of(4), 0);
    Network student = network(12, List.of(1, 2), 1, Optional.of(4), 0);
    Map<String, HostTensor> weights = ClosedForm.weights(teacher);
    Map<String, HostTensor> pruned =
        new ChannelPruning(teacher, student)
            .prune(weights, ChannelPruning.magnitudes(weights), Criterion.MAGNITUDE, TIMESTEPS);

    List<Integer> kept = rows(weights.get("conv_in.bias"), pruned.get("conv_in.bias"));
    assertThat(kept.stream().map(c -> c / 4)).containsExactly(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3);
  }

  /** Where the elements of {@code part} are in {@code whole}, whose elements all differ. */
  private static List<Integer> rows(HostTensor whole, HostTensor part) {
    float[] all = whole.toFloats();
    List<Integer> found = new ArrayList<>();
    for (float value : part.toFloats()) {
      for (int i = 0; i < all.length; i++) {
        if (all[i] == value) {
          found.add(i);
        }
      }
    }
    return found;
  }

  @Test
  void shouldEqualPyTorchWhenMagnitudesOfAResidualStreamAreSummed() {
    Network teacher = network(16, List.of(1, 2), 2, Optional.of(4), 3);
    double[] scores =
        new ChannelPruning(teacher, teacher)
            .scores(
                "mid_block.resnets.0.conv2.weight",
                0,
                ChannelPruning.magnitudes(ClosedForm.weights(teacher)),
                Criterion.MAGNITUDE);

    double[] expected = AssignmentFixture.doubles(AssignmentFixture.read("magnitude"));
    assertThat(scores).hasSize(32);
    for (int c = 0; c < 32; c++) {
      assertThat(scores[c]).isCloseTo(expected[c], within(1e-5 * expected[c]));
    }
  }

  @Test
  void shouldFitDefaultNetworksOfOtherWidths() {
    // 8 and 16 groups of 4 channels, and 5 and 10: the norms behind skip connections disagree.
    Network teacher =
        Network.of(
            new NetworkSpec(32, List.of(1, 2, 2), 2, List.of(4), 1, 0.1, Optional.empty()), 8, 3);
    Network student =
        Network.of(
            new NetworkSpec(20, List.of(1, 2, 2), 2, List.of(4), 1, 0.0, Optional.empty()), 8, 3);
    Map<String, HostTensor> weights = teacher.initialise(new SeededRandom(1));
    Map<String, HostTensor> pruned =
        new ChannelPruning(teacher, student)
            .prune(weights, ChannelPruning.magnitudes(weights), Criterion.MAGNITUDE, TIMESTEPS);
    student.check(pruned, "The pruned set of weights");
  }

  @Test
  void shouldRefuseAStudentOfOtherBlocksOrMoreChannels() {
    Network teacher = network(16, List.of(1, 2), 1, Optional.empty(), 0);
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> new ChannelPruning(teacher, network(16, List.of(1, 1), 1, Optional.empty(), 0)))
        .withMessageContaining("expected its blocks to be those of");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> new ChannelPruning(teacher, network(20, List.of(1, 2), 1, Optional.empty(), 0)))
        .withMessageContaining("expected at most 16 channels, found 20");
  }
}
