package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.evaluation.SamplingMemory.Measured;
import dev.atelier.evaluation.SamplingMemory.Request;
import dev.atelier.network.Network;
import dev.atelier.network.NetworkForm;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.spec.DiffusionSpecBuilder;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Spacing;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec.Precision;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** In processes of their own, as a worker measures. */
class SamplingMemoryTest {

  private static final Network NETWORK =
      Network.of(new NetworkSpec(64, List.of(1, 4), 1, List.of(), 1, 0.0, Optional.empty()), 8, 3);

  @TempDir Path directory;

  private Path archive(String name) throws IOException {
    Path archive = directory.resolve(name);
    TorchScriptArchive.write(
        archive,
        NETWORK.inferenceModule(
            "UNet", NETWORK.initialise(new SeededRandom(1)), NetworkForm.CPU, Precision.FP32));
    return archive;
  }

  private Request request(List<Path> archives) {
    return request(archives, OptionalLong.empty());
  }

  private Request request(List<Path> archives, OptionalLong memoryBytes) {
    int part = 10;
    List<OwnedModel> models = new ArrayList<>();
    for (int i = 0; i < archives.size(); i++) {
      models.add(
          new OwnedModel(
              archives.get(i),
              new TimestepRange(i * part, i == archives.size() - 1 ? 100 : (i + 1) * part),
              Optional.of(1L),
              Optional.empty()));
    }
    return new Request(
        models,
        DiffusionSpecBuilder.builder().timesteps(100).build(),
        new SamplerSpec(null, 5, Spacing.TRAILING, null),
        2,
        3,
        8,
        0,
        Optional.empty(),
        "cpu",
        1,
        memoryBytes);
  }

  @Test
  void shouldGrowByTheWeightsOfEachFurtherModelButNotByOneThatOwnsTwoRanges() throws IOException {
    long bytes = 4 * NETWORK.parameters();
    assertThat(bytes).isGreaterThan(20 << 20);

    Measured one =
        SamplingMemory.measure(request(List.of(archive("a.pt"))), directory, () -> false);
    Measured five =
        SamplingMemory.measure(
            request(
                List.of(
                    archive("a.pt"),
                    archive("b.pt"),
                    archive("c.pt"),
                    archive("d.pt"),
                    archive("e.pt"))),
            directory,
            () -> false);
    Measured twice =
        SamplingMemory.measure(
            request(List.of(archive("a.pt"), archive("b.pt"), archive("a.pt"))),
            directory,
            () -> false);

    assertThat(one.weightsBytes()).isEqualTo(bytes);
    assertThat(five.weightsBytes()).isEqualTo(5 * bytes);
    assertThat(twice.weightsBytes()).isEqualTo(2 * bytes);
    assertThat(one.peakBytes()).isGreaterThan(bytes);
    assertThat(five.peakBytes() - one.peakBytes()).isGreaterThan(3 * bytes);
  }

  @Test
  void shouldTakeTheMemoryOfOneModelWhenModelsAreLoadedInTurn() throws IOException {
    long bytes = 4 * NETWORK.parameters();
    List<Path> archives = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      archives.add(archive(i + ".pt"));
    }
    Measured resident = SamplingMemory.measure(request(archives), directory, () -> false);
    Measured inTurn =
        SamplingMemory.measure(
            request(archives, OptionalLong.of(4 * bytes)), directory, () -> false);
    assertThat(inTurn.weightsBytes()).isEqualTo(5 * bytes).isEqualTo(resident.weightsBytes());
    assertThat(resident.peakBytes() - inTurn.peakBytes()).isGreaterThan(2 * bytes);
  }

  @Test
  void shouldSayWhatFailedWhenAModelCannotBeLoaded() throws IOException {
    Path broken = Files.writeString(directory.resolve("broken.pt"), "no archive");
    assertThatThrownBy(
            () -> SamplingMemory.measure(request(List.of(broken)), directory, () -> false))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith(
            "The memory of sampling was not measured: its process ended with status 1")
        .hasMessageContaining("broken.pt");
  }

  @Test
  void shouldEndTheProcessWhenAskedToStop() throws IOException {
    Request request = request(List.of(archive("a.pt")));
    assertThatThrownBy(() -> SamplingMemory.measure(request, directory, () -> true))
        .hasMessage("The memory of sampling was not measured: it was stopped.");
    ProcessHandle.current()
        .children()
        .filter(SamplingMemoryTest::isMeasuring)
        .forEach(child -> assertThat(child.onExit()).succeedsWithin(Duration.ofSeconds(30)));
  }

  private static boolean isMeasuring(ProcessHandle process) {
    return process
        .info()
        .commandLine()
        .map(line -> line.contains(SamplingMemory.class.getName()))
        .orElse(false);
  }
}
