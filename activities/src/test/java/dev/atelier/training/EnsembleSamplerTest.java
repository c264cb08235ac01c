package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.SampledBatch;
import dev.atelier.diffusion.Sampler;
import dev.atelier.diffusion.SamplerPlan;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.diffusion.Trajectories;
import dev.atelier.network.ClosedForm;
import dev.atelier.network.Network;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.DiffusionSpecBuilder;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Kind;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Spacing;
import dev.atelier.spec.EvaluationSpecSamplerSpecBuilder;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TimestepRange;
import dev.atelier.training.EnsembleSampler.Frames;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class EnsembleSamplerTest {
  private static final DiffusionSpec DIFFUSION = DiffusionSpec.DEFAULTS;

  @TempDir Path directory;

  private OwnedModel model(int channels, int low, int high) throws Exception {
    Network network =
        Network.of(
            new NetworkSpec(channels, List.of(1, 2), 1, List.of(), 1, 0.0, Optional.empty()), 8, 3);
    Path archive = directory.resolve(channels + ".pt");
    TorchScriptArchive.write(archive, network.inferenceModule("UNet", ClosedForm.weights(network)));
    return new OwnedModel(
        archive,
        new TimestepRange(low, high),
        Optional.of(network.macs()),
        Optional.of(network.activationBytes()));
  }

  private byte[] sample(SamplerSpec spec, int batchSize, OptionalLong memory) throws Exception {
    return sample(List.of(model(8, 0, 400), model(16, 400, 1000)), spec, batchSize, memory);
  }

  private static byte[] sample(
      List<OwnedModel> models, SamplerSpec spec, int batchSize, OptionalLong memory) {
    byte[] all = new byte[5 * 192];
    try (EnsembleSampler sampler = sampler(models, spec, memory)) {
      var report =
          sampler.sample(
              10,
              5,
              batchSize,
              (first, count, chw) ->
                  System.arraycopy(chw, 0, all, (int) (first - 10) * 192, count * 192),
              () -> false);
      assertThat(report.images()).isEqualTo(5);
      assertThat(report.steps()).isEqualTo(spec.steps());
    }
    return all;
  }

  private static EnsembleSampler sampler(
      List<OwnedModel> models, SamplerSpec spec, OptionalLong memory) {
    return new EnsembleSampler(
        models,
        DIFFUSION,
        spec,
        9,
        EnsembleSampler.Sampled.pixels(3, 8, ClassSequence.NONE),
        "cpu",
        memory);
  }

  private static void assertSamePictures(byte[] one, byte[] other) {
    int differing = 0;
    for (int i = 0; i < one.length; i++) {
      int difference = Math.abs((one[i] & 0xFF) - (other[i] & 0xFF));
      assertThat(difference).isLessThanOrEqualTo(1); // kernels may sum in another order
      differing += difference;
    }
    assertThat(differing).isLessThan(one.length / 50);
  }

  @ParameterizedTest
  @CsvSource({
    "DDPM, 0",
    "DDIM, 0",
    "DDIM, 1",
    "DPM_SOLVER_PLUS_PLUS, 0",
    "HEUN, 0",
    "EULER, 0",
    "PNDM, 0",
    "PLMS, 0",
    "UNIPC, 0"
  })
  void shouldNotDependOnTheBatchSizeWhenItSamples(Kind kind, double eta) throws Exception {
    SamplerSpec spec = new SamplerSpec(kind, 6, Spacing.TRAILING, eta);
    byte[] five = sample(spec, 5, OptionalLong.empty());
    assertSamePictures(sample(spec, 1, OptionalLong.empty()), five);
    assertThat(sample(spec, 5, OptionalLong.empty())).isEqualTo(five);
  }

  @Test
  void shouldSampleTheSamePicturesInSmallerBatchesWhenMemoryIsShort() throws Exception {
    SamplerSpec spec = new SamplerSpec(Kind.DPM_SOLVER_PLUS_PLUS, 6, Spacing.TRAILING, 0.0);
    OwnedModel model = model(16, 0, 1000);
    OptionalLong forTwo =
        OptionalLong.of(2 * model.activationBytes().orElseThrow() + 2 * 192 * 16 + 1);
    for (OptionalLong memory : List.of(forTwo, OptionalLong.of(1), OptionalLong.empty())) {
      try (EnsembleSampler sampler =
          new EnsembleSampler(
              List.of(model),
              DIFFUSION,
              spec,
              9,
              EnsembleSampler.Sampled.pixels(3, 8, ClassSequence.NONE),
              "cpu",
              memory)) {
        List<Integer> batches = new ArrayList<>();
        sampler.sample(0, 5, 4, (first, count, chw) -> batches.add(count), () -> false);
        if (memory.isEmpty()) {
          assertThat(batches).containsExactly(4, 1);
        } else if (memory.equals(forTwo)) {
          assertThat(batches).containsExactly(2, 2, 1);
        } else {
          assertThat(batches).containsExactly(1, 1, 1, 1, 1);
        }
      }
    }
    assertSamePictures(sample(spec, 5, forTwo), sample(spec, 5, OptionalLong.empty()));
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void shouldEqualTheSingleModelBitForBitWhenStudentsAreTheSame(Kind kind) throws Exception {
    SamplerSpec spec = new SamplerSpec(kind, 10, Spacing.TRAILING, 0.0);
    OwnedModel single = model(8, 0, 1000);
    List<OwnedModel> students = List.of(model(8, 0, 250), model(8, 250, 600), model(8, 600, 1000));
    byte[] expected = sample(List.of(single), spec, 5, OptionalLong.empty());
    assertThat(sample(students, spec, 5, OptionalLong.empty())).isEqualTo(expected);
    List<OwnedModel> others = List.of(model(8, 0, 250), model(16, 250, 1000));
    assertThat(sample(others, spec, 5, OptionalLong.empty())).isNotEqualTo(expected);
  }

  /** Two models of different sizes, of which the smaller owns two ranges. */
  @ParameterizedTest
  @EnumSource(Kind.class)
  void shouldGiveTheSameBitsWhenModelsAreLoadedInTurn(Kind kind) throws Exception {
    SamplerSpec spec = new SamplerSpec(kind, 9, null, 0.0);
    List<OwnedModel> models = List.of(model(8, 0, 250), model(16, 250, 600), model(8, 600, 1000));
    long bytes = Files.size(models.get(0).archive()) + Files.size(models.get(1).archive());
    OptionalLong tooLittle = OptionalLong.of(bytes - 1);
    for (OptionalLong memory : List.of(tooLittle, OptionalLong.of(bytes), OptionalLong.empty())) {
      try (EnsembleSampler sampler = sampler(models, spec, memory)) {
        assertThat(sampler.loadsInTurn()).isEqualTo(memory.equals(tooLittle));
        assertThat(sampler.together(2)).isGreaterThanOrEqualTo(2);
        assertThat(sampler.weightBytes()).isBetween(bytes / 2, bytes);
      }
    }
    byte[] resident = sample(models, spec, 2, OptionalLong.of(bytes));
    assertThat(sample(models, spec, 2, tooLittle)).isEqualTo(resident);
    List<OwnedModel> others = List.of(model(8, 0, 600), model(16, 600, 1000));
    assertThat(sample(others, spec, 2, tooLittle)).isNotEqualTo(resident);
  }

  @Test
  void shouldLoadEachModelOnceForAllImagesWhenModelsTakeTurns() throws Exception {
    SamplerSpec spec = new SamplerSpec(Kind.DDIM, 4, Spacing.TRAILING, 0.0);
    List<OwnedModel> models = List.of(model(8, 0, 500), model(16, 500, 1000));
    try (EnsembleSampler sampler = sampler(models, spec, OptionalLong.of(1))) {
      assertThat(sampler.loadsInTurn()).isTrue();
      List<Long> firsts = new ArrayList<>();
      // Gone once it was loaded: to be loaded again would fail.
      Path large = models.get(1).archive();
      int[] asked = {0};
      sampler.sample(
          0,
          5,
          1,
          (first, count, chw) -> firsts.add(first),
          () -> {
            if (asked[0]++ == 1) {
              deleted(large);
            }
            return false;
          });
      assertThat(firsts).containsExactly(0L, 1L, 2L, 3L, 4L);
      assertThat(large).doesNotExist();
    }
  }

  private static void deleted(Path file) {
    try {
      Files.delete(file);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void shouldKeepTheWayFromNoiseToTheImagesThatItSamples() throws Exception {
    SamplerSpec spec = new SamplerSpec(Kind.DDIM, 10, Spacing.TRAILING, 0.0);
    List<OwnedModel> models = List.of(model(8, 0, 400), model(16, 400, 1000));
    try (EnsembleSampler sampler =
        new EnsembleSampler(
            models,
            DIFFUSION,
            spec,
            9,
            EnsembleSampler.Sampled.pixels(3, 8, ClassSequence.NONE),
            "cpu",
            OptionalLong.empty())) {
      byte[] images = new byte[4 * 192];
      sampler.sample(
          0, 4, 4, (i, n, chw) -> System.arraycopy(chw, 0, images, 0, n * 192), () -> false);

      Frames all = sampler.trajectory(4, 25, () -> false);
      assertThat(all.timesteps())
          .containsExactly(999, 899, 799, 699, 599, 499, 399, 299, 199, 99, -1);
      assertThat(all.images()).isEqualTo(4);
      assertThat(frame(all, 10)).isEqualTo(images);

      Frames some = sampler.trajectory(4, 3, () -> false);
      assertThat(some.timesteps()).containsExactly(999, 499, -1);
      assertThat(frame(some, 0)).isEqualTo(frame(all, 0)).isNotEqualTo(frame(all, 1));
      assertThat(frame(some, 1)).isEqualTo(frame(all, 5));
      assertThat(frame(some, 2)).isEqualTo(images);
    }
  }

  private static byte[] frame(Frames frames, int row) {
    int bytes = frames.images() * 192;
    return Arrays.copyOfRange(frames.chw(), row * bytes, (row + 1) * bytes);
  }

  @ParameterizedTest
  @ValueSource(ints = {5, 2, 1})
  void shouldMakeImagesOfTheClassesInTheirOrder(int batchSize) throws Exception {
    ClassSequence classes = ClassSequence.of(List.of(3, 1, 1));
    // Predicts x0 = y - 1: the classes are black, grey and white.
    double abar = NoiseSchedule.of(DIFFUSION).alphasCumprod(999);
    Path archive = directory.resolve("classes.pt");
    TorchScriptArchive.write(
        archive,
        new TorchScriptModule(
            "Classes",
            """
            def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
              x0 = torch.sub(torch.to(torch.reshape(y, [-1, 1, 1, 1]), 6), 1.)
              return torch.div(torch.sub(x, torch.mul(x0, %s)), %s)
            """
                .formatted(Math.sqrt(abar), Math.sqrt(1 - abar)),
            Map.of()));
    OwnedModel model =
        new OwnedModel(archive, new TimestepRange(0, 1000), Optional.empty(), Optional.empty());
    SamplerSpec spec = new SamplerSpec(null, 1, Spacing.TRAILING, 0.0);
    try (EnsembleSampler sampler =
        new EnsembleSampler(
            List.of(model),
            DIFFUSION,
            spec,
            9,
            EnsembleSampler.Sampled.pixels(3, 8, classes),
            "cpu",
            OptionalLong.empty())) {
      Map<Long, Integer> pixels = new TreeMap<>();
      sampler.sample(
          10,
          5,
          batchSize,
          (first, count, chw) -> {
            for (int i = 0; i < count; i++) {
              pixels.put(first + i, chw[192 * i] & 0xFF);
            }
          },
          () -> false);
      assertThat(pixels.keySet()).containsExactly(10L, 11L, 12L, 13L, 14L);
      pixels.forEach(
          (i, pixel) ->
              assertThat(pixel).as("image %d", i).isCloseTo(classes.of(i) * 255 / 2, within(1)));
    }
  }

  static Stream<Arguments> folders() {
    var small = DiffusionSpecBuilder.builder().betaEnd(0.002).build(); // much of the image is left
    return Stream.of(
        Arguments.of(
            small,
            EvaluationSpecSamplerSpecBuilder.builder()
                .kind(Kind.EULER)
                .steps(10)
                .clip(false)
                .spacing(Spacing.TRAILING)
                .initialNoise(Optional.of(SamplerSpec.InitialNoise.SCHEDULED))
                .build()),
        Arguments.of(
            small.predicting(Prediction.V),
            EvaluationSpecSamplerSpecBuilder.builder()
                .kind(Kind.PLMS)
                .steps(10)
                .clip(false)
                .stepsOffset(Optional.of(1))
                .finalSigma(Optional.of(SamplerSpec.FinalSigma.SIGMA_MIN))
                .build()),
        Arguments.of(
            DiffusionSpecBuilder.builder()
                .prediction(Optional.of(Prediction.V))
                .zeroTerminalSnr(Optional.of(true))
                .build(),
            EvaluationSpecSamplerSpecBuilder.builder()
                .kind(Kind.UNIPC)
                .steps(10)
                .spacing(Spacing.TRAILING)
                .clip(false)
                .build()));
  }

  /** What the trajectories against diffusers run pixel by pixel. */
  @ParameterizedTest
  @MethodSource("folders")
  void shouldGoTheSamplersWayFromItsOwnNoise(DiffusionSpec diffusion, SamplerSpec spec)
      throws Exception {
    Path archive = directory.resolve("analytic.pt");
    TorchScriptArchive.write(
        archive,
        new TorchScriptModule(
            "Analytic",
            """
            def forward(self, x: Tensor, t: Tensor) -> Tensor:
              told = torch.mul(torch.to(torch.reshape(t, [-1, 1, 1, 1]), 6), 0.004)
              wave = torch.mul(torch.cos(torch.add(torch.mul(x, 2.), told)), 0.3)
              return torch.add(torch.tanh(torch.add(torch.mul(x, 1.3), 0.1)), wave)
            """,
            Map.of()));
    OwnedModel model =
        new OwnedModel(
            archive,
            new TimestepRange(0, 1000),
            diffusion.teacherPredicts(),
            Optional.empty(),
            Optional.empty());
    float[] noise = new float[192];
    new SeededRandom(9).stream(Purpose.SAMPLE_XT, 0, 0).gaussians(noise, 0, 192);
    NoiseSchedule schedule = NoiseSchedule.of(diffusion);
    double[] start = new double[192];
    int first = SamplerPlan.of(spec, 1000).timesteps().get(0);
    Arrays.setAll(start, i -> noise[i] * Sampler.initialNoise(spec, schedule, first));
    double[] x =
        Trajectories.run(spec, schedule, start, Trajectories.ANALYTIC, diffusion.teacherPredicts());
    FloatBuffer pixels = FloatBuffer.allocate(192);
    Arrays.stream(x).forEach(pixel -> pixels.put((float) pixel));
    byte[] expected = SampledBatch.pixels(pixels.rewind());

    try (EnsembleSampler sampler =
        new EnsembleSampler(
            List.of(model),
            diffusion,
            spec,
            9,
            EnsembleSampler.Sampled.pixels(3, 8, ClassSequence.NONE),
            "cpu",
            OptionalLong.empty())) {
      sampler.sample(0, 1, 1, (i, n, chw) -> assertSamePictures(chw, expected), () -> false);
    }
  }

  @Test
  void shouldCountTheMacsOfTheOwnerWhenStepsAreShared() throws Exception {
    OwnedModel small = model(8, 0, 400);
    OwnedModel large = model(16, 400, 1000);
    SamplerSpec spec = new SamplerSpec(null, 10, Spacing.UNIFORM, 0.0);
    assertThat(SamplerPlan.of(spec, 1000).timesteps()).startsWith(900).endsWith(0);
    try (EnsembleSampler sampler =
        new EnsembleSampler(
            List.of(small, large),
            DIFFUSION,
            spec,
            9,
            EnsembleSampler.Sampled.pixels(3, 8, ClassSequence.NONE),
            "cpu",
            OptionalLong.empty())) {
      assertThat(sampler.macsPerStep().orElseThrow())
          .isCloseTo(
              0.4 * small.macs().orElseThrow() + 0.6 * large.macs().orElseThrow(), within(1e-3));
    }
  }

  @Test
  void shouldClampAndRoundHalfToEvenWhenPixelsAreMade() {
    // 0 is 127.5, the one float that lies halfway between two levels: the even one is 128.
    assertThat(SampledBatch.pixels(FloatBuffer.wrap(new float[] {-3, -1, 0, 1, 3})))
        .containsExactly(0, 0, 128, 255, 255);
    for (int level = 0; level < 255; level++) {
      float halfway = 2 * (level + 0.5f) / 255 - 1;
      assertThat(
              SampledBatch.pixels(FloatBuffer.wrap(new float[] {halfway - 1e-6f, halfway + 1e-6f})))
          .containsExactly(level, level + 1);
    }
  }
}
