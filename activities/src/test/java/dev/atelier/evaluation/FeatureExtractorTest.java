package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.python.Python;
import dev.atelier.python.RequiresPython;
import dev.atelier.spec.EvaluationSpec.ExtractorSpec;
import dev.atelier.workflows.vocabulary.Metric;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
  void shouldNameBatchAndResolutionWhenMemoryRunsOut() throws IOException {
    Path file =
        script(
            """
            def forward(self, x: Tensor) -> Tensor:
              y = torch.ones([4000000000000000])
              return torch.mean(torch.add(x, y[0]), [2, 3])
            """); // 16 PB
    assertThatThrownBy(() -> open(file, Optional.empty()))
        .isInstanceOf(MemoryRanOutException.class)
        .hasMessageMatching(
            "The extractor ran out of memory with \\d+ samples? of \\d+×\\d+ at once: .*allocate memory.*");
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

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "torch.mean(torch.dropout(x, 0.1, True), [2, 3]) | its features differ when it is asked again for the same images",
        "torch.add(m, torch.rand_like(m)) | its features differ when it is asked again",
        "torch.batch_norm(m, None, None, None, None, True, 0.1, 1e-5, False) | depend on what else is in its batch",
        "torch.sub(m, torch.mean(m, [0], True)) | depend on what else is in its batch",
        "torch.reshape(m, [2, 3]) | for 2 images at a time but not for 1",
        "torch.slice(torch.cat([m, m], 0), 0, 0, 2) | for 2 images at a time but not for 1",
        "torch.squeeze(m) | for 2 images at a time but not for 1",
        "torch.reshape(m, [64, -1]) | it fails on images [2, 3, 16, 16]"
      })
  void shouldRefuseANetworkThatIsNoFunctionOfEachImageAlone(String features, String reason)
      throws IOException {
    Path file =
        script(
            """
            def forward(self, x: Tensor) -> Tensor:
              m = torch.mean(x, [2, 3])
              return %s
            """
                .formatted(features));
    assertThatThrownBy(() -> open(file, Optional.empty()))
        .isInstanceOf(ExtractorException.class)
        .hasMessageContaining(reason);
  }

  @Test
  void shouldRefuseANetworkWhoseClassesAloneAreDrawn() throws IOException {
    Path file =
        script(
            """
            def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
              m = torch.mean(x, [2, 3])
              return (m, torch.add(m, torch.rand_like(m)))
            """);
    assertThatThrownBy(() -> open(file, Optional.empty()))
        .isInstanceOf(ExtractorException.class)
        .hasMessageContaining("its class outputs differ when it is asked again");
  }

  /** Noise of relative size r: what healthy networks differ by passes, what shows is refused. */
  @ParameterizedTest
  @CsvSource({"0, 1e-5, true", "0, 1e-2, false", "1e4, 1e-3, true", "1e4, 1e0, false"})
  void shouldHoldDifferencesAgainstTheSpreadOfTheFeatures(
      double offset, double noise, boolean accepted) throws IOException {
    // Features of spread 1 about an offset, which rounding to float32 makes worse.
    Path file =
        script(
            """
            def forward(self, x: Tensor) -> Tensor:
              m = torch.div(torch.mean(x, [2, 3]), 50.)
              r = torch.mul(torch.sub(torch.rand_like(m), 0.5), %s)
              return torch.add(torch.add(m, r), %s)
            """
                .formatted(noise, offset));
    if (accepted) {
      open(file, Optional.empty()).close();
    } else {
      assertThatThrownBy(() -> open(file, Optional.empty()))
          .isInstanceOf(ExtractorException.class)
          .hasMessageContaining("of their spread, expected at most 0.001");
    }
  }

  @ParameterizedTest
  @CsvSource({"5, 127.3125", "15, 127.5"}) // float16, bfloat16: 11 and 8 bits of 127.3
  void shouldWidenFeaturesOfHalfPrecision(int type, float widened) throws IOException {
    Path file =
        script(
            """
            def forward(self, x: Tensor) -> Tensor:
              return torch.to(torch.add(torch.mean(x, [2, 3]), 0.3), %d)
            """
                .formatted(type));
    byte[] grey = new byte[3 * RESOLUTION * RESOLUTION];
    java.util.Arrays.fill(grey, (byte) 127);
    try (FeatureExtractor extractor = open(file, Optional.empty())) {
      assertThat(extractor.features(grey, 1, 3, RESOLUTION))
          .containsExactly(widened, widened, widened);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "torch.to(m, 7) | Tensor | it gave F64[2, 3], expected float features [2, D]",
        "torch.gt(m, 1.) | Tensor | found boolean",
        "torch.to(m, 9) | Tensor | found complex64",
        "annotate(List[Tensor], []) | List[Tensor] | expected a tensor as its result, found none",
        "3 | int | expected a tensor, or a list or tuple of tensors"
      })
  void shouldSayWhatIsExpectedOfResultsOfOtherTypes(String result, String type, String reason)
      throws IOException {
    Path file =
        script(
            """
            def forward(self, x: Tensor) -> %s:
              m = torch.mean(x, [2, 3])
              return %s
            """
                .formatted(type, result));
    assertThatThrownBy(() -> open(file, Optional.empty()))
        .isInstanceOf(ExtractorException.class)
        .hasMessageContaining(reason);
  }

  /** What PyTorch saves of the same network in training mode and after eval(). */
  @Test
  @RequiresPython
  void shouldTakeWhatWasTracedAfterEvalAndRefuseWhatWasNot() {
    Python.run(
        directory,
        """
        import torch
        from torch import nn
        torch.manual_seed(0)
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv, self.norm, self.drop = nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64), nn.Dropout(.5)
            def forward(self, x):
                return self.drop(torch.relu(self.norm(self.conv(x / 255)))).mean((2, 3))
        net = Net()
        net(torch.rand(64, 3, 16, 16) * 255)
        for mode in ('train', 'eval'):
            getattr(net, mode)()
            traced = torch.jit.trace(net, torch.rand(4, 3, 16, 16), check_trace=False)
            torch.jit.save(traced, mode + '.pt')
        torch.jit.save(torch.jit.trace(net.half(), torch.rand(4, 3, 16, 16).half()), 'half.pt')
        net.float()
        class Halves(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = Net().eval().bfloat16()
            def forward(self, x):
                return self.net(x.bfloat16())
        torch.jit.save(torch.jit.trace(Halves(), torch.rand(4, 3, 16, 16)), 'bfloat16.pt')
        """);
    assertThatThrownBy(() -> open(directory.resolve("train.pt"), Optional.empty()))
        .isInstanceOf(ExtractorException.class)
        .hasMessageContaining("save it after eval()");
    for (String healthy : new String[] {"eval.pt", "bfloat16.pt"}) {
      try (FeatureExtractor extractor = open(directory.resolve(healthy), Optional.empty())) {
        assertThat(extractor.dimension()).as(healthy).isEqualTo(64);
      }
    }
    assertThatThrownBy(() -> open(directory.resolve("half.pt"), Optional.empty())) // wants half
        .isInstanceOf(ExtractorException.class)
        .hasMessageContaining("it fails on images [2, 3, 16, 16]");
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
    assertThat(
            FeatureExtractor.metricName(
                "inception.pt", FeatureExtractor.INCEPTION_SHA256, Optional.empty()))
        .isEqualTo("Fréchet distance (inception.pt; statistics of an unnamed network)");
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
