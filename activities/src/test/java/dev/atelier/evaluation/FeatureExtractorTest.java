package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.network.TorchScriptArchive;
import dev.atelier.network.TorchScriptModule;
import dev.atelier.spec.EvaluationSpec.ExtractorSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FeatureExtractorTest {

  private static final int RESOLUTION = 16;

  @TempDir Path directory;

  @Test
  void shouldWriteTheSameRandomConvFileEveryTime() throws IOException {
    Path first = directory.resolve("first.pt");
    Path second = directory.resolve("second.pt");
    RandomConvExtractor.write(first);
    RandomConvExtractor.write(second);
    assertThat(first).hasSameBinaryContentAs(second);
    try (ZipFile zip = new ZipFile(first.toFile())) {
      assertThat(zip.stream().map(ZipEntry::getTimeLocal).distinct())
          .containsExactly(LocalDateTime.of(1980, 1, 1, 0, 0)); // also at another time of day
    }
  }

  @Test
  void shouldTellNoiseFromSmoothImagesAndNotTwoSetsOfTheSameKind() throws IOException {
    Path file = directory.resolve("random-conv.pt");
    RandomConvExtractor.write(file);
    try (FeatureExtractor extractor = open(file, Optional.empty());
        LinearAlgebra algebra = new LinearAlgebra()) {
      FeatureStatistics smooth = statistics(extractor, algebra, smoothImages(256, 1));
      FeatureStatistics alsoSmooth = statistics(extractor, algebra, smoothImages(256, 2));
      FeatureStatistics noise = statistics(extractor, algebra, noiseImages(256));
      double same = FrechetDistance.between(smooth.gaussian(), alsoSmooth.gaussian(), algebra);
      double different = FrechetDistance.between(smooth.gaussian(), noise.gaussian(), algebra);
      assertThat(different).isGreaterThan(20 * same);
    }
  }

  @Test
  void shouldTakeTheFirstOfATupleAsFeatures() throws IOException {
    Path file =
        script(
            """
            def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
              return (torch.mean(x, [2, 3]), torch.sum(x, [1, 2, 3]))
            """);
    try (FeatureExtractor extractor = open(file, Optional.empty())) {
      assertThat(extractor.dimension()).isEqualTo(3);
      byte[] white = new byte[3 * RESOLUTION * RESOLUTION];
      java.util.Arrays.fill(white, (byte) 255);
      assertThat(extractor.features(white, 1, 3, RESOLUTION)).containsExactly(255f, 255f, 255f);
    }
  }

  @Test
  void shouldResizeBeforeTheNetworkWhenAsked() throws IOException {
    Path file =
        script(
            """
            def forward(self, x: Tensor) -> Tensor:
              return torch.slice(torch.flatten(x, 1), 1, 0, 9223372036854775807)
            """);
    try (FeatureExtractor extractor = open(file, Optional.of(8))) {
      assertThat(extractor.dimension()).isEqualTo(3 * 8 * 8);
      byte[] checkerboard = new byte[3 * RESOLUTION * RESOLUTION];
      for (int i = 0; i < checkerboard.length; i++) {
        int row = i / RESOLUTION % RESOLUTION;
        checkerboard[i] = (byte) ((row + i) % 2 == 0 ? 255 : 0);
      }
      // Antialiased halving of a checkerboard is grey away from the border; skipping pixels is not.
      float[] pixels = extractor.features(checkerboard, 1, 3, RESOLUTION);
      assertThat(pixels[3 * 8 + 3]).isCloseTo(127.5f, within(1f));
    }
  }

  @Test
  void shouldSayWhatIsWrongWithAFileThatIsNoExtractor() throws IOException {
    Path text = directory.resolve("notes.txt");
    Files.writeString(text, "not a network");
    assertThatThrownBy(() -> open(text, Optional.empty()))
        .isInstanceOf(ExtractorException.class)
        .hasMessageContaining("'notes.txt'")
        .hasMessageContaining("expected a TorchScript file");

    Path scalar =
        script(
            """
            def forward(self, x: Tensor) -> Tensor:
              return torch.sum(x)
            """);
    assertThatThrownBy(() -> open(scalar, Optional.empty()))
        .isInstanceOf(ExtractorException.class)
        .hasMessageContaining("expected float features [2, D]");
  }

  @Test
  void shouldRefuseFeaturesThatAreNotFinite() throws IOException {
    Path file =
        script(
            """
            def forward(self, x: Tensor) -> Tensor:
              return torch.log(torch.sub(torch.mean(x, [2, 3]), 300.))
            """);
    try (FeatureExtractor extractor = open(file, Optional.empty())) {
      assertThatThrownBy(
              () -> extractor.features(new byte[3 * RESOLUTION * RESOLUTION], 1, 3, RESOLUTION))
          .isInstanceOf(ExtractorException.class)
          .hasMessageContaining("NaN as feature 0");
    }
  }

  @Test
  void shouldTellClassesOnlyWhenTheSecondOfATupleIsLogits() throws IOException {
    Path classes =
        script(
            """
            def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
              return (torch.mean(x, [2, 3]), torch.slice(torch.flatten(x, 1), 1, 0, 5))
            """);
    try (FeatureExtractor extractor = open(classes, Optional.empty())) {
      assertThat(extractor.classes()).isEqualTo(5);
      assertThat(extractor.classOutputs()).isEqualTo(ClassScore.Outputs.LOGITS);
    }
    Path other =
        script(
            """
            def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
              return (torch.mean(x, [2, 3]), torch.sum(x, [1, 2, 3]))
            """);
    try (FeatureExtractor extractor = open(other, Optional.empty())) {
      assertThat(extractor.classes()).isZero();
      assertThat(extractor.classOutputs()).isEqualTo(ClassScore.Outputs.NONE);
    }
  }

  /** A small network with the signature of inception-2015-12-05.pt. */
  private static final String INCEPTION_LIKE =
      """
      def forward(self, img: Tensor, return_features: bool=False, use_fp16: bool=False, no_output_bias: bool=False) -> Tensor:
        features = torch.mean(torch.to(img, 6), [2, 3])
        if return_features:
          out = features
        else:
          if no_output_bias:
            logits = torch.div(features, 100.)
          else:
            logits = features
          out = torch.softmax(logits, 1)
        return out
      """;

  @Test
  void shouldAskInceptionForFeaturesAndForProbabilitiesWithoutBias() throws IOException {
    byte[] red = new byte[3 * RESOLUTION * RESOLUTION];
    java.util.Arrays.fill(red, 0, RESOLUTION * RESOLUTION, (byte) 100);
    try (FeatureExtractor extractor =
        FeatureExtractor.open(
            script(INCEPTION_LIKE),
            "inception.pt",
            FeatureExtractor.Convention.INCEPTION,
            Optional.empty(),
            RESOLUTION,
            "cpu")) {
      assertThat(extractor.dimension()).isEqualTo(3);
      assertThat(extractor.classes()).isEqualTo(3);
      assertThat(extractor.classOutputs()).isEqualTo(ClassScore.Outputs.PROBABILITIES);
      FeatureExtractor.Outputs outputs = extractor.outputs(red, 1, 3, RESOLUTION);
      assertThat(outputs.features()).containsExactly(100f, 0f, 0f);
      float e = (float) Math.E;
      assertThat(outputs.classes()[0]).isCloseTo(e / (e + 2), within(1e-6f));
      assertThat(extractor.features(red, 1, 3, RESOLUTION)).containsExactly(100f, 0f, 0f);
    }
  }

  @Test
  void shouldRefuseToResizeForInceptionWhichResizesItself() throws IOException {
    Path file = script(INCEPTION_LIKE);
    assertThatThrownBy(
            () ->
                FeatureExtractor.open(
                    file,
                    "inception.pt",
                    FeatureExtractor.INCEPTION_SHA256,
                    Optional.of(299),
                    RESOLUTION,
                    "cpu"))
        .isInstanceOf(ExtractorException.class)
        .hasMessageContaining("resizes images itself")
        .hasMessageContaining("found resizeTo 299");
  }

  @Test
  void shouldHaveAsManyFeaturesAsSpecsAreCheckedFor() throws IOException {
    Path file = directory.resolve("random-conv.pt");
    RandomConvExtractor.write(file);
    try (FeatureExtractor extractor = open(file, Optional.empty())) {
      assertThat(extractor.dimension()).isEqualTo(ExtractorSpec.RANDOM_CONV_FEATURES);
    }
  }

  @Test
  void shouldBeCalledFidOnlyWithTheInceptionWeights() {
    assertThat(FeatureExtractor.metricName("inception.pt", FeatureExtractor.INCEPTION_SHA256))
        .isEqualTo("FID");
    assertThat(FeatureExtractor.metricName("inception.pt", "0".repeat(64)))
        .isEqualTo("Fréchet distance (inception.pt)");
    assertThat(Metric.KERNEL_DISTANCE.label("FID")).isEqualTo("KID");
    assertThat(Metric.KERNEL_DISTANCE.label("Fréchet distance (inception.pt)"))
        .isEqualTo("kernel distance");
  }

  private static FeatureExtractor open(Path file, Optional<Integer> resizeTo) {
    return FeatureExtractor.open(
        file,
        file.getFileName().toString(),
        FeatureExtractor.Convention.PLAIN,
        resizeTo,
        RESOLUTION,
        "cpu");
  }

  private Path script(String forward) throws IOException {
    Path file = Files.createTempFile(directory, "extractor-", ".pt");
    TorchScriptArchive.write(file, new TorchScriptModule("Extractor", forward, Map.of()));
    return file;
  }

  private static FeatureStatistics statistics(
      FeatureExtractor extractor, LinearAlgebra algebra, byte[] images) {
    int count = images.length / (3 * RESOLUTION * RESOLUTION);
    return algebra.statistics(
        extractor.features(images, count, 3, RESOLUTION), extractor.dimension());
  }

  private static byte[] smoothImages(int count, long seed) {
    Random random = new Random(seed);
    byte[] images = new byte[count * 3 * RESOLUTION * RESOLUTION];
    for (int plane = 0; plane < count * 3; plane++) {
      int from = random.nextInt(128);
      int slope = random.nextInt(8);
      for (int i = 0; i < RESOLUTION * RESOLUTION; i++) {
        images[plane * RESOLUTION * RESOLUTION + i] = (byte) (from + slope * (i / RESOLUTION));
      }
    }
    return images;
  }

  private static byte[] noiseImages(int count) {
    byte[] images = new byte[count * 3 * RESOLUTION * RESOLUTION];
    new Random(3).nextBytes(images);
    return images;
  }
}
