package dev.atelier.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.python.Python;
import dev.atelier.python.RequiresPython;
import dev.atelier.workflows.vocabulary.Metric;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FeaturePassTest {

  private static final int SIDE = 16;
  private static final int BYTES = 3 * SIDE * SIDE;

  @TempDir Path directory;
  private LinearAlgebra algebra;

  @BeforeEach
  void load() {
    algebra = new LinearAlgebra();
  }

  @AfterEach
  void close() {
    algebra.close();
  }

  /** Six features (mean and deviation of each channel) and three logits. */
  private Path network() throws IOException {
    Path file = directory.resolve("network.pt");
    TorchScriptArchive.write(
        file,
        new TorchScriptModule(
            "Network",
            """
            def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
              mean = torch.mean(x, [2, 3])
              features = torch.cat([mean, torch.std(x, [2, 3], False)], 1)
              return (features, torch.div(mean, 20.))
            """,
            Map.of()));
    return file;
  }

  private static byte[] images(int count, long seed) {
    Random random = new Random(seed);
    byte[] images = new byte[count * BYTES];
    for (int i = 0; i < count * 3; i++) {
      int from = random.nextInt(100);
      int spread = 1 + random.nextInt(150);
      for (int j = 0; j < SIDE * SIDE; j++) {
        images[i * SIDE * SIDE + j] = (byte) (from + random.nextInt(spread));
      }
    }
    return images;
  }

  private static MeasuredFeatures measure(FeaturePass pass, byte[] images, int batch) {
    for (int first = 0; first < images.length; first += batch * BYTES) {
      int end = Math.min(images.length, first + batch * BYTES);
      pass.add(Arrays.copyOfRange(images, first, end), (end - first) / BYTES, 3, SIDE);
    }
    return pass.result();
  }

  @Test
  void shouldGiveTheSameFiguresWhateverTheBatchSize() throws IOException {
    byte[] samples = images(90, 1);
    byte[] real = images(110, 2);
    try (FeatureExtractor extractor = open(network(), Optional.empty())) {
      Comparison[] comparisons = new Comparison[2];
      for (int i = 0; i < 2; i++) {
        int batch = i == 0 ? 200 : 7;
        comparisons[i] =
            Comparison.of(
                measure(FeaturePass.ofSamples(90, extractor, algebra), samples, batch),
                Reference.of(
                    measure(FeaturePass.ofReference(110, extractor, algebra), real, batch)),
                Optional.of(40),
                algebra);
      }
      assertThat(comparisons[0].figures())
          .containsOnlyKeys(
              EnumSet.complementOf(EnumSet.of(Metric.CLIP_SCORE, Metric.CLIP_DISTANCE))
                  .toArray(Metric[]::new));
      comparisons[0]
          .figures()
          .forEach(
              (metric, value) ->
                  assertThat(comparisons[1].figures().get(metric))
                      .as(metric.key())
                      .isCloseTo(value, within(1e-6 * Math.max(1, Math.abs(value)))));
    }
  }

  @Test
  void shouldGiveTheFiguresOfOnePassBitForBitHoweverManyShardsThereAre() throws IOException {
    byte[] samples = images(90, 1);
    int batch = 7;
    try (FeatureExtractor extractor = open(network(), Optional.empty())) {
      Reference real =
          Reference.of(
              measure(FeaturePass.ofReference(110, extractor, algebra), images(110, 2), batch));
      Comparison onePass =
          Comparison.of(
              measure(FeaturePass.ofSamples(90, extractor, algebra), samples, batch),
              real,
              Optional.of(40),
              algebra);
      for (int size : new int[] {7, 35, 84, 91}) {
        List<FeatureShard> shards = new ArrayList<>();
        for (int first = 0; first < 90; first += size) {
          shards.add(shard(samples, first, Math.min(90, first + size), batch, extractor));
        }
        FeatureAccumulator all = shards.get(0).accumulator(90, algebra);
        shards.forEach(shard -> shard.addTo(all, batch));

        assertThat(Comparison.of(all.result(), real, Optional.of(40), algebra)).isEqualTo(onePass);
      }
    }
  }

  /** Images [first, end), written and read. */
  private FeatureShard shard(
      byte[] images, int first, int end, int batch, FeatureExtractor extractor) throws IOException {
    FeatureShard shard = new FeatureShard(end - first, extractor);
    for (int i = first; i < end; i += batch) {
      int n = Math.min(batch, end - i);
      shard.add(Arrays.copyOfRange(images, i * BYTES, (i + n) * BYTES), n, 3, SIDE, extractor);
    }
    Path file = directory.resolve("shard.safetensors");
    shard.write(file);
    return FeatureShard.read(file);
  }

  @Test
  void shouldRefuseToWriteAShardWithoutAllItsImages() throws IOException {
    try (FeatureExtractor extractor = open(network(), Optional.empty())) {
      FeatureShard shard = new FeatureShard(10, extractor);
      shard.add(images(9, 1), 9, 3, SIDE, extractor);
      assertThatThrownBy(() -> shard.write(directory.resolve("shard.safetensors")))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("A shard of 10 images was announced, found 9.");
    }
  }

  @Test
  void shouldKeepRowsEvenlySpreadWhenThereAreTooManyImages() throws IOException {
    Path file = directory.resolve("first-pixel.pt");
    TorchScriptArchive.write(
        file,
        new TorchScriptModule(
            "Pixel",
            """
            def forward(self, x: Tensor) -> Tensor:
              return torch.slice(torch.flatten(x, 1), 1, 0, 2)
            """,
            Map.of()));
    int count = FeatureRows.MOST * 5 / 2;
    byte[] images = new byte[count * 3];
    for (int i = 0; i < count; i++) {
      images[i * 3] = (byte) (i / 100); // at most 250
      images[i * 3 + 1] = (byte) (i % 100);
    }
    try (FeatureExtractor extractor =
        FeatureExtractor.open(
            file, "pixel", FeatureExtractor.Convention.PLAIN, Optional.empty(), 1, "cpu")) {
      FeaturePass pass = FeaturePass.ofReference(count, extractor, algebra);
      pass.add(images, count, 3, 1);
      MeasuredFeatures measured = pass.result();
      assertThat(measured.statistics().count()).isEqualTo(count);
      float[] rows = measured.rows().tensor().toFloats();
      assertThat(measured.rows().count()).isEqualTo(FeatureRows.MOST);
      for (int kept = 0; kept < FeatureRows.MOST; kept++) {
        int image = (int) (rows[2 * kept] * 100 + rows[2 * kept + 1]);
        assertThat(image).isEqualTo((5 * (kept + 1) + 1) / 2 - 1);
      }
    }
  }

  @Test
  @RequiresPython
  void shouldEqualPythonOnTheSameImagesWithTheSameExtractor() throws Exception {
    byte[] samples = images(120, 1);
    byte[] real = images(150, 2);
    Path network = network();
    Files.write(directory.resolve("samples.bin"), samples);
    Files.write(directory.resolve("real.bin"), real);
    Python.run(
        directory,
        """
        import json, numpy as np, torch
        from scipy import linalg
        net = torch.jit.load('network.pt').eval()
        def run(name):
            x = torch.from_numpy(np.fromfile(name, 'u1').reshape(-1, 3, 16, 16)).float()
            x = torch.nn.functional.interpolate(x, (24, 24), mode='bilinear', antialias=True)
            with torch.no_grad():
                return [y.double().numpy() for y in net(x)]
        (a, logits), (b, _) = run('samples.bin'), run('real.bin')
        s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
        frechet = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(s1 + s2 - 2 * linalg.sqrtm(s1 @ s2).real)
        k = lambda x, y: (x @ y.T / x.shape[1] + 1) ** 3
        off = lambda m: (m.sum() - np.trace(m)) / (len(m) * (len(m) - 1))
        rng, m = np.random.RandomState(2020), 60
        kids = []
        for _ in range(100):
            x, y = a[rng.choice(len(a), m, replace=False)], b[rng.choice(len(b), m, replace=False)]
            kids.append(off(k(x, x)) + off(k(y, y)) - 2 * k(x, y).mean())
        p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        p = p[np.random.RandomState(2020).permutation(len(p))]
        scores = [np.exp((q * np.log(q / q.mean(0))).sum(1).mean()) for q in np.split(p, 10)]
        d = lambda x, y: np.sqrt(((x[:, None] - y[None]) ** 2).sum(2))
        radius = lambda x, k=3: np.sort(d(x, x), 1)[:, k]
        near = d(b, a) <= radius(b, 5)[:, None]
        json.dump({
            'frechetDistance': frechet, 'kernelDistance': np.mean(kids),
            'kernelDistanceDeviation': np.std(kids), 'classScore': np.mean(scores),
            'classScoreDeviation': np.std(scores), 'precision': (d(a, b) <= radius(b)).any(1).mean(),
            'density': near.sum() / (5 * len(a)), 'coverage': near.any(1).mean(),
            'recall': (d(b, a) <= radius(a)).any(1).mean()}, open('figures.json', 'w'))
        """);
    JsonNode expected = new ObjectMapper().readTree(directory.resolve("figures.json").toFile());
    try (FeatureExtractor extractor = open(network, Optional.of(24))) {
      Map<String, Double> figures =
          Comparison.of(
                  measure(FeaturePass.ofSamples(120, extractor, algebra), samples, 32),
                  Reference.of(measure(FeaturePass.ofReference(150, extractor, algebra), real, 32)),
                  Optional.of(60),
                  algebra)
              .byKey();
      assertThat(figures).hasSize(expected.size());
      figures.forEach(
          (name, value) -> {
            double theirs = expected.get(name).asDouble();
            assertThat(value)
                .as(name)
                .isCloseTo(theirs, within(1e-4 * Math.max(1e-2, Math.abs(theirs))));
          });
    }
  }

  private static FeatureExtractor open(Path file, Optional<Integer> resizeTo) {
    return FeatureExtractor.open(
        file, "network", FeatureExtractor.Convention.PLAIN, resizeTo, SIDE, "cpu");
  }
}
