package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.network.TrainingModule.State;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.TrainingSpec.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Holds a network of {@link ClosedForm} weights against a fixture: eps, and gradients and costs
 * where it has them.
 */
public final class Parity {
  private Parity() {}

  public static void check(
      Network network, SafetensorsFile fixture, NetworkForm form, Path directory) throws Exception {
    assertThat(network.parameters())
        .isEqualTo(Long.parseLong(fixture.metadata().get("parameters")));
    Optional.ofNullable(fixture.metadata().get("macs"))
        .ifPresent(macs -> assertThat(network.macs()).isEqualTo(Long.parseLong(macs)));
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
    network
        .graph()
        .told()
        .context()
        .map(c -> ClosedForm.tensor(4000, 1, 0, batch, c.columns(), c.width()))
        .ifPresent(
            context -> {
              question.add(context);
              lesson.add(context);
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
    if (fixture.tensors().keySet().stream().noneMatch(name -> name.startsWith("grad."))) {
      return;
    }
    Path training = directory.resolve("training.pt");
    State state = new State(weights, weights, weights, weights);
    TorchScriptArchive.write(
        training, TrainingModule.of(network, state, PlainSettings.of(1, 1, 1, 1, form)));
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
}
