package dev.atelier.merging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class WeightMergingTest {

  private static final List<Double> WEIGHTS = List.of(0.1, 0.2, 0.5);

  private final Map<String, HostTensor> fixture;
  private final List<Map<String, HostTensor>> models;

  WeightMergingTest() throws IOException {
    fixture =
        SafetensorsFile.read(Path.of("src/test/resources/merging/weights.safetensors")).tensors();
    models = List.of(part("model0."), part("model1."), part("model2."));
  }

  private Map<String, HostTensor> part(String prefix) {
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    fixture.forEach(
        (name, tensor) -> {
          if (name.startsWith(prefix)) {
            tensors.put(name.substring(prefix.length()), tensor);
          }
        });
    return tensors;
  }

  private static void assertClose(Map<String, HostTensor> found, Map<String, HostTensor> expected) {
    assertThat(found.keySet()).isEqualTo(expected.keySet());
    expected.forEach(
        (name, tensor) -> {
          assertThat(found.get(name).shape()).isEqualTo(tensor.shape());
          assertThat(found.get(name).toFloats()).containsExactly(tensor.toFloats(), within(1e-6f));
        });
  }

  @Test
  void shouldAverageAsNumPy() {
    assertClose(WeightMerging.average(models), part("average."));
  }

  @Test
  void shouldAddWeightedTaskVectorsAsNumPy() {
    assertClose(WeightMerging.taskArithmetic(part("start."), models, WEIGHTS), part("arithmetic."));
  }

  @Test
  void shouldGiveBackAModelWhenItsWeightIsOneAndTheOthersAreZero() {
    assertClose(
        WeightMerging.taskArithmetic(part("start."), models, List.of(0.0, 1.0, 0.0)),
        part("model1."));
  }

  @Test
  void shouldAverageWhenTheWeightsOfTaskArithmeticAreEqualAndSumToOne() {
    double third = 1.0 / 3;
    assertClose(
        WeightMerging.taskArithmetic(part("start."), models, List.of(third, third, third)),
        part("average."));
  }

  @Test
  void shouldGiveBackTheStartWhenAllWeightsAreZero() {
    assertClose(
        WeightMerging.taskArithmetic(part("start."), models, List.of(0.0, 0.0, 0.0)),
        part("start."));
  }

  @Test
  void shouldRefuseModelsOfDifferentShape() {
    Map<String, HostTensor> wider = new LinkedHashMap<>(part("model0."));
    wider.put("conv.bias", HostTensor.ofFloats(new float[8], 8));
    assertThatThrownBy(() -> WeightMerging.average(List.of(part("model0."), wider)))
        .hasMessage(
            "Models of different shape cannot be merged: 'conv.bias' is F32[4] in model 1 and F32[8] in model 2.");
    Map<String, HostTensor> deeper = new LinkedHashMap<>(part("model0."));
    deeper.put("more", HostTensor.ofFloats(new float[1], 1));
    assertThatThrownBy(() -> WeightMerging.average(List.of(part("model0."), deeper)))
        .hasMessageContaining("model 2 has other tensors than model 1");
  }

  @Test
  void shouldRefuseAnotherNumberOfWeightsThanModels() {
    assertThatThrownBy(
            () -> WeightMerging.taskArithmetic(part("start."), models, List.of(0.5, 0.5)))
        .hasMessage("Task arithmetic needs one weight per model: expected 3, found 2.");
  }

  @Test
  void shouldCountTheBytesOfFloats() {
    assertThat(WeightMerging.bytes(part("model0."))).isEqualTo(4L * (4 * 27 + 4 + 20));
  }
}
