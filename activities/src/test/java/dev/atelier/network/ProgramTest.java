package dev.atelier.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.network.TrainingModule.Settings;
import dev.atelier.network.TrainingModule.State;
import dev.atelier.network.TrainingModule.TeacherNetwork;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.FeatureLossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.TransformerSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The whole program of a small student and its teacher, and what users get of a transformer, letter
 * by letter: a change of it changes the bits of trainings that go on. With {@code
 * -Datelier.recordPrograms=DIRECTORY} it is written there.
 */
class ProgramTest {

  @ParameterizedTest
  @EnumSource(NetworkForm.class)
  void shouldBeTheProgramThatWasRead(NetworkForm form) throws Exception {
    NetworkSpec spec = new NetworkSpec(4, List.of(1, 2), 1, List.of(2), 2, 0.1, Optional.empty());
    Network network = Network.of(spec, 4, 1, 3);
    Map<String, HostTensor> weights = ClosedForm.weights(network);
    FeatureLossSpec feature =
        new FeatureLossSpec(
            FeatureLossSpec.Kind.RELATIONAL_SAMPLE, null, List.of(FeatureLossSpec.MID, "up.1"));
    String program =
        TorchScriptArchive.program(
            TrainingModule.of(
                network,
                new State(weights, weights, weights, weights),
                new Settings(
                    1,
                    0,
                    0.999,
                    1,
                    1,
                    2,
                    Precision.FP32,
                    form,
                    feature,
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    false),
                Optional.of(new TeacherNetwork(network, weights))));
    check("program-%s.txt".formatted(form.name().toLowerCase(Locale.ROOT)), program);
  }

  @Test
  void shouldBeTheTransformerThatWasRead() throws Exception {
    NetworkSpec spec = NetworkSpec.of(new TransformerSpec(2, 1, 2, 4, null, true));
    Network network = Network.of(spec, 4, 1, 3);
    check(
        "program-transformer.txt",
        TorchScriptArchive.program(
            network.inferenceModule("Transformer", ClosedForm.weights(network))));
  }

  private void check(String name, String program) throws Exception {
    String record = System.getProperty("atelier.recordPrograms");
    if (record != null) {
      Files.writeString(Path.of(record, name), program);
    }
    try (var expected = getClass().getResourceAsStream("/network/" + name)) {
      assertThat(program).isEqualTo(new String(expected.readAllBytes(), StandardCharsets.UTF_8));
    }
  }
}
