package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against torch-fidelity and SciPy; the fixture is made by src/test/python/metrics_fixture.py. */
class MetricsParityTest {

  @TempDir static Path directory;
  private static LinearAlgebra algebra;
  private static Map<String, HostTensor> features;
  private static Expected expected;

  /** What the reference tools gave. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Expected(
      double frechet,
      double[] kid,
      int kidSubsetSize,
      double[] classScore,
      double precision,
      double recall,
      int[] permutation2020,
      int[] permutation7Long) {}

  @BeforeAll
  static void load() throws IOException {
    algebra = new LinearAlgebra();
    Path file = directory.resolve("features.safetensors");
    try (InputStream in = resource("features.safetensors")) {
      Files.copy(in, file);
    }
    features = SafetensorsFile.read(file).tensors();
    try (InputStream in = resource("metrics.json")) {
      expected = new ObjectMapper().readValue(in, Expected.class);
    }
  }

  @AfterAll
  static void close() {
    algebra.close();
  }

  private static InputStream resource(String name) {
    return MetricsParityTest.class.getResourceAsStream("/evaluation/" + name);
  }

  private static FeatureRows rows(String name) {
    HostTensor tensor = features.get(name);
    return new FeatureRows(tensor.toFloats(), (int) tensor.shape()[1]);
  }

  private static Gaussian gaussian(String name) {
    HostTensor tensor = features.get(name);
    return algebra.statistics(tensor.toFloats(), (int) tensor.shape()[1]).gaussian();
  }

  @Test
  void shouldEqualScipyWhenMeasuringTheFrechetDistance() {
    assertThat(FrechetDistance.between(gaussian("samples"), gaussian("reference"), algebra))
        .isCloseTo(expected.frechet(), within(1e-6 * expected.frechet()));
  }

  @Test
  void shouldEqualTorchFidelityWhenMeasuringTheKernelDistance() {
    MeanAndDeviation distance =
        KernelDistance.between(
            rows("samples"), rows("reference"), expected.kidSubsetSize(), algebra);
    assertThat(distance.mean()).isCloseTo(expected.kid()[0], within(1e-6 * expected.kid()[0]));
    assertThat(distance.deviation()).isCloseTo(expected.kid()[1], within(1e-6 * expected.kid()[1]));
  }

  @Test
  void shouldEqualTorchFidelityWhenMeasuringPrecisionAndRecall() {
    PrecisionRecall near = PrecisionRecall.of(rows("samples"), rows("reference"), algebra);
    assertThat(near.precision()).isCloseTo(expected.precision(), within(1e-6));
    assertThat(near.recall()).isCloseTo(expected.recall(), within(1e-6));
    assertThat(near.precision()).isNotCloseTo(near.recall(), within(1e-2)); // sides aren't swapped
  }

  @Test
  void shouldEqualTorchFidelityWhenMeasuringTheClassScoreInBatches() {
    float[] logits = features.get("logits").toFloats();
    ClassScore score = new ClassScore(logits.length / 10, 10);
    for (int first = 0; first < logits.length; first += 640) {
      score.add(
          Arrays.copyOfRange(logits, first, Math.min(logits.length, first + 640)),
          ClassScore.Outputs.LOGITS);
    }
    assertThat(score.score().mean()).isCloseTo(expected.classScore()[0], within(1e-6));
    assertThat(score.score().deviation()).isCloseTo(expected.classScore()[1], within(1e-6));
  }

  @Test
  void shouldGiveTheSameClassScoreWhenProbabilitiesAreGivenEvenWithZeros() {
    float[] probabilities = {1, 0, 0.25f, 0.75f, 0, 1, 0.5f, 0.5f};
    ClassScore score = new ClassScore(4, 2);
    score.add(probabilities, ClassScore.Outputs.PROBABILITIES);
    // One image per split: p equals its own mean, so that each divergence is 0.
    assertThat(score.score().mean()).isCloseTo(1, within(1e-12));
    assertThat(score.splits()).isEqualTo(4);
  }

  @Test
  void shouldShuffleAsNumpyDoes() {
    assertThat(new NumpyRandom(2020).permutation(20)).containsExactly(expected.permutation2020());
    assertThat(Arrays.copyOf(new NumpyRandom(7).permutation(2000), 20))
        .containsExactly(expected.permutation7Long());
  }

  @Test
  void shouldCountEqualImagesAsCoveredWhenAGeneratorRepeatsOne() {
    float[] same = new float[8 * 3];
    Arrays.fill(same, 0.1f);
    FeatureRows repeated = new FeatureRows(same, 3);
    PrecisionRecall near = PrecisionRecall.of(repeated, repeated, algebra);
    assertThat(near.precision()).isEqualTo(1);
    assertThat(near.recall()).isEqualTo(1);
  }

  @Test
  void shouldChooseTheSubsetSizeAndRefuseOneAboveTheNumberOfImages() {
    assertThat(KernelDistance.subsetSize(Optional.empty(), 5000, 3000)).isEqualTo(1000);
    assertThat(KernelDistance.subsetSize(Optional.empty(), 5000, 300)).isEqualTo(300);
    assertThat(KernelDistance.subsetSize(Optional.of(50), 5000, 300)).isEqualTo(50);
    assertThatThrownBy(() -> KernelDistance.subsetSize(Optional.of(301), 5000, 300))
        .isInstanceOf(EvaluationException.class)
        .hasMessageContaining("subsets of 301 images")
        .hasMessageContaining("300 reference images");
  }

  @Test
  void shouldRefuseFewerImagesThanTheCovarianceNeeds() {
    MeasuredFeatures few = new MeasuredFeatures(statistics(12), rows("samples"), Optional.empty());
    MeasuredFeatures enough =
        new MeasuredFeatures(statistics(13), rows("samples"), Optional.empty());
    Reference reference = Reference.of(enough);
    assertThat(Comparison.of(enough, reference, Optional.empty(), algebra).distance())
        .isCloseTo(0, within(1e-6));
    assertThatThrownBy(() -> Comparison.of(few, reference, Optional.empty(), algebra))
        .isInstanceOf(EvaluationException.class)
        .hasMessageContaining("more than 12 samples, found 12");
    assertThatThrownBy(() -> Comparison.of(enough, Reference.of(few), Optional.empty(), algebra))
        .hasMessageContaining("more than 12 reference images, found 12");
  }

  private static FeatureStatistics statistics(int images) {
    return algebra.statistics(Arrays.copyOf(features.get("samples").toFloats(), images * 12), 12);
  }

  @Test
  void shouldMeasureOnlyTheFrechetDistanceAgainstStatisticsWithoutImages() {
    MeasuredFeatures samples =
        new MeasuredFeatures(statistics(150), rows("samples"), Optional.empty());
    Reference given =
        Reference.of(
            new ReferenceStatistics(
                gaussian("reference"), java.util.OptionalLong.empty(), Optional.empty()));
    Comparison comparison = Comparison.of(samples, given, Optional.empty(), algebra);
    assertThat(comparison.byKey()).containsOnlyKeys("frechetDistance");
    assertThat(comparison.kernel()).isEmpty();
  }

  @Test
  void shouldSurviveWritingAndReadingAReference() throws IOException {
    MeasuredFeatures measured =
        new MeasuredFeatures(statistics(150), rows("samples"), Optional.empty());
    Path file = directory.resolve("reference.safetensors");
    Reference.of(measured).write(file);
    Reference read = Reference.read(file);
    assertThat(read.images()).hasValue(150);
    assertThat(read.gaussian().mean()).containsExactly(measured.statistics().mean());
    assertThat(read.gaussian().covariance()).containsExactly(measured.statistics().covariance());
    assertThat(read.rows().orElseThrow().tensor().toFloats())
        .containsExactly(rows("samples").tensor().toFloats());
  }
}
