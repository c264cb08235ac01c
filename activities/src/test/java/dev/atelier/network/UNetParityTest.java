package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.network.TrainingModule.Settings;
import dev.atelier.network.TrainingModule.State;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against {@code UNet2DModel} of diffusers; the fixtures come from {@code unet_fixtures.py}. */
class UNetParityTest {
  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({
    "plain, CPU", "plain, PORTABLE",
    "attention, CPU", "attention, PORTABLE",
    "heads, CPU", "heads, PORTABLE",
    "cifar10, CPU", "cifar10, PORTABLE",
    "conditional, CPU", "conditional, PORTABLE",
    "grey, CPU", "grey, PORTABLE",
    "large, CPU", "large, PORTABLE",
    "narrow, CPU", "narrow, PORTABLE",
    "defaults, CPU", "defaults, PORTABLE"
  })
  void shouldEqualDiffusersWhenWeightsAreTheSame(String name, NetworkForm form) throws Exception {
    SafetensorsFile fixture =
        SafetensorsFile.read(
            Path.of(getClass().getResource("/network/unet-" + name + ".safetensors").toURI()));
    Network network = network(fixture.metadata());
    assertThat(network.parameters())
        .isEqualTo(Long.parseLong(fixture.metadata().get("parameters")));
    assertThat(network.macs()).isEqualTo(Long.parseLong(fixture.metadata().get("macs")));
    Map<String, HostTensor> weights = ClosedForm.weights(network);
    HostTensor t = fixture.tensors().get("t");
    long batch = t.elements();
    int side = network.resolution();
    int channels = network.imageChannels();
    HostTensor x = ClosedForm.tensor(1000, 1, 0, batch, channels, side, side);
    HostTensor noise = ClosedForm.tensor(2000, 1, 0, batch, channels, side, side);
    List<HostTensor> question = new ArrayList<>(List.of(x, t));
    List<HostTensor> lesson = new ArrayList<>(List.of(x, noise, t));
    Optional.ofNullable(fixture.tensors().get("y"))
        .ifPresent(
            y -> {
              question.add(y);
              lesson.add(y);
            });

    Path archive = directory.resolve("inference.pt");
    TorchScriptArchive.write(
        archive, network.inferenceModule("UNet", weights, form, Precision.FP32));
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE)) {
      float[] eps = module.forward(question.toArray(HostTensor[]::new)).toFloats();
      float[] expected = fixture.tensors().get("eps").toFloats();
      for (int i = 0; i < eps.length; i++) {
        assertThat(eps[i]).isCloseTo(expected[i], within(1e-5f));
      }
    }

    Path training = directory.resolve("training.pt");
    State state = new State(weights, weights, weights, weights);
    TorchScriptArchive.write(
        training,
        TrainingModule.of(network, state, new Settings(1, 0, 1, 1, 1, Precision.FP32, form)));
    try (TorchModule module = Libtorch.load(training, "cpu", TorchModule.Mode.TRAINING)) {
      List<HostTensor> gradients = module.run("gradients", lesson.toArray(HostTensor[]::new));
      for (int i = 0; i < gradients.size(); i++) {
        String weight = network.weights().get(i).name();
        double[] expected = fixture.tensors().get("grad." + weight).toDoubles();
        double[] g = gradients.get(i).toDoubles();
        double norm = Math.sqrt(Arrays.stream(g).map(v -> v * v).sum());
        double projection = 0;
        for (int j = 0; j < g.length; j++) {
          projection += g[j] * ClosedForm.value(j, 3000);
        }
        double tolerance = 1e-4 * expected[0] + 1e-7; // a bias before a norm has no gradient
        assertThat(norm).as(weight).isCloseTo(expected[0], within(tolerance));
        assertThat(projection)
            .as(weight)
            .isCloseTo(expected[1], within(tolerance * Math.sqrt(g.length)));
      }
    }
  }

  private static Network network(Map<String, String> m) {
    List<Integer> widths = integers(m.get("widths"));
    return Network.of(
        new NetworkSpec(
            widths.get(0),
            widths.stream().map(w -> w / widths.get(0)).toList(),
            Integer.valueOf(m.get("resBlocks")),
            integers(m.get("attentionResolutions")),
            Integer.valueOf(m.get("heads")),
            0.0,
            integers(m.get("groups")).stream().findFirst(),
            integers(m.getOrDefault("headWidth", "")).stream().findFirst(),
            Optional.ofNullable(m.get("variant")).map(NetworkSpec.Variant::valueOf)),
        Integer.parseInt(m.get("resolution")),
        Integer.parseInt(m.getOrDefault("channels", "3")),
        Integer.parseInt(m.getOrDefault("classes", "0")));
  }

  private static List<Integer> integers(String list) {
    return list.isEmpty()
        ? List.of()
        : Arrays.stream(list.split(",", -1)).map(Integer::valueOf).toList();
  }
}
