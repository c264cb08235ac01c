package dev.atelier.network.files;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.diffusion.SampledBatch;
import dev.atelier.network.ClosedForm;
import dev.atelier.network.Network;
import dev.atelier.network.TextNetworks;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.pipeline.Autoencoder;
import dev.atelier.pipeline.DiffusersPipeline;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpecSamplerSpecBuilder;
import dev.atelier.spec.TimestepRange;
import dev.atelier.training.ClassSequence;
import dev.atelier.training.EnsembleSampler;
import dev.atelier.training.EnsembleSampler.LatentDecoder;
import dev.atelier.training.EnsembleSampler.OwnedModel;
import dev.atelier.training.EnsembleSampler.Sampled;
import dev.atelier.training.EnsembleSampler.Texts;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two students of texts that take turns, with guidance, against the loop of diffusers' pipeline
 * with its own networks, schedulers and autoencoder, by {@code guided_fixtures.py}.
 */
class GuidedEnsembleTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long SEED = 9;
  private static final int IMAGES = 2;
  private static final int CHANNELS = 4;
  private static final int SIDE = 8;

  @TempDir static Path directory;

  private static SafetensorsFile fixture;
  private static Path narrow;
  private static Path wide;

  @BeforeAll
  static void read() throws Exception {
    fixture =
        SafetensorsFile.read(
            Path.of(GuidedEnsembleTest.class.getResource("/diffusion/guided.safetensors").toURI()));
    narrow = archive(8);
    wide = archive(16);
  }

  private static Path archive(int width) throws Exception {
    Network network = TextNetworks.ofWidth(width);
    Path archive = directory.resolve(width + ".pt");
    TorchScriptArchive.write(archive, network.inferenceModule("UNet", ClosedForm.weights(network)));
    return archive;
  }

  /** The prompts of the images, and none. */
  private static final Texts TEXTS =
      new Texts() {
        @Override
        public HostTensor of(long first, int n) {
          return ClosedForm.tensor(4000, 1, 0, IMAGES, 7, 12).rows(first, first + n);
        }

        @Override
        public HostTensor none(int n) {
          HostTensor one = ClosedForm.tensor(4001, 1, 0, 1, 7, 12);
          float[] all = new float[n * 7 * 12];
          for (int i = 0; i < n; i++) {
            System.arraycopy(one.toFloats(), 0, all, i * 7 * 12, 7 * 12);
          }
          return HostTensor.ofFloats(all, n, 7, 12);
        }
      };

  private static EnsembleSampler sampler(
      String name, double guidance, int boundary, LatentDecoder decoder) throws Exception {
    JsonNode config = JSON.readTree(fixture.metadata().get(name));
    int steps = Integer.parseInt(fixture.metadata().get("steps"));
    DiffusionSpec diffusion = SchedulerConfig.diffusion(config);
    SamplerSpec sampler =
        EvaluationSpecSamplerSpecBuilder.builder(SchedulerConfig.sampler(config, steps))
            .eta(Double.valueOf(fixture.metadata().get(name + "/eta")))
            .build();
    return new EnsembleSampler(
        List.of(
            owned(narrow, 0, boundary, diffusion, guidance),
            owned(wide, boundary, 1000, diffusion, guidance)),
        diffusion,
        sampler,
        SEED,
        new Sampled(CHANNELS, SIDE, ClassSequence.NONE, Optional.of(TEXTS), Optional.of(decoder)),
        "cpu",
        OptionalLong.empty());
  }

  private static OwnedModel owned(
      Path archive, int low, int high, DiffusionSpec diffusion, double guidance) {
    return new OwnedModel(
        archive,
        new TimestepRange(low, high),
        diffusion.teacherPredicts(),
        Optional.empty(),
        Optional.empty(),
        guidance);
  }

  /** What models see before each step, and the latents at the end: what a decoder is given. */
  private static float[] frames(String name, double guidance, int boundary) throws Exception {
    List<float[]> seen = new ArrayList<>();
    LatentDecoder decoder =
        latents -> {
          seen.add(latents.toFloats());
          return HostTensor.zeros(HostTensor.DType.F32, 1, 3, 2, 2);
        };
    try (EnsembleSampler sampler = sampler(name, guidance, boundary, decoder)) {
      sampler.trajectory(IMAGES, Integer.MAX_VALUE, () -> false);
    }
    float[] all = new float[seen.size() * seen.get(0).length];
    for (int i = 0; i < seen.size(); i++) {
      System.arraycopy(seen.get(i), 0, all, i * seen.get(i).length, seen.get(i).length);
    }
    return all;
  }

  /** The largest error, of elements of more than 1 their share. */
  private static double error(float[] found, float[] expected) {
    assertThat(found).hasSameSizeAs(expected);
    double worst = 0;
    for (int i = 0; i < found.length; i++) {
      double error = Math.abs(found[i] - expected[i]) / Math.max(1, Math.abs(expected[i]));
      worst = Math.max(worst, error);
    }
    return worst;
  }

  private static float[] expected(String name) {
    return fixture.tensors().get(name).toFloats();
  }

  private static double guidance() {
    return Double.parseDouble(fixture.metadata().get("guidance"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ddim",
        "ddim-eta",
        "ddim-v",
        "ddpm",
        "dpm-solver++",
        "unipc",
        "heun",
        "euler",
        "pndm",
        "plms"
      })
  void shouldGoTheWayOfDiffusersWhenGuidedStudentsTakeTurns(String name) throws Exception {
    assertThat(error(frames(name, guidance(), 500), expected(name))).isLessThan(1e-4);
  }

  @Test
  void shouldEndElsewhereWithAnotherGuidanceOrAnotherBoundary() throws Exception {
    assertThat(error(frames("ddim", guidance() + 0.1, 500), expected("ddim"))).isGreaterThan(1e-2);
    assertThat(error(frames("ddim", 1, 500), expected("ddim"))).isGreaterThan(1e-2);
    assertThat(error(frames("ddim", guidance(), 300), expected("ddim"))).isGreaterThan(1e-2);
  }

  /** What an extractor is given. */
  @Test
  void shouldPaintTheLatentsAsTheAutoencoderOfDiffusersDoes() throws Exception {
    Path folder = Path.of(GuidedEnsembleTest.class.getResource("/pipeline/sd1").toURI());
    byte[] theirs = SampledBatch.pixels(fixture.tensors().get("decoded").data().asFloatBuffer());
    byte[] ours = new byte[theirs.length];
    try (Autoencoder.Decoder decoder =
            DiffusersPipeline.read(folder, Optional.empty())
                .autoencoder()
                .orElseThrow()
                .decoder("cpu", directory);
        EnsembleSampler sampler = sampler("ddim", guidance(), 500, decoder::decodeScaled)) {
      sampler.sample(
          0,
          IMAGES,
          IMAGES,
          (first, n, chw) -> System.arraycopy(chw, 0, ours, 0, chw.length),
          () -> false);
    }
    int differing = 0;
    for (int i = 0; i < ours.length; i++) {
      int difference = Math.abs((ours[i] & 0xFF) - (theirs[i] & 0xFF));
      assertThat(difference).isLessThanOrEqualTo(1); // where rounding decides
      differing += difference;
    }
    assertThat(differing).isLessThan(ours.length / 50);
  }
}
