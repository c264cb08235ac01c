package dev.atelier.pipeline;

import static dev.atelier.pipeline.PipelineFixture.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.network.tensors.HostTensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against AutoencoderKL of diffusers; the fixtures: pipeline_fixtures.py. */
class AutoencoderTest {
  private static final String WEIGHTS = "diffusion_pytorch_model.safetensors";

  @TempDir Path directory;

  /** sd2: in float16, without quant convolutions and without attention. */
  @ParameterizedTest
  @ValueSource(strings = {"sd1", "sd2"})
  void shouldEqualDiffusersBothWays(String name) throws Exception {
    check(Autoencoder.read(PipelineFixture.folder(name), "vae", Optional.empty()), name);
  }

  private void check(Autoencoder autoencoder, String name) throws Exception {
    Map<String, HostTensor> answers = PipelineFixture.answers(name);
    try (Autoencoder.Encoder encoder = autoencoder.encoder("cpu", directory)) {
      Autoencoder.Latents latents = encoder.encode(answers.get("image"));
      assertClose(latents.mean(), answers.get("mean"), 1e-5f);
      assertClose(latents.logVariance(), answers.get("logvar"), 1e-5f);
    }
    try (Autoencoder.Decoder decoder = autoencoder.decoder("cpu", directory)) {
      assertClose(decoder.decode(answers.get("latents")), answers.get("decoded"), 1e-5f);
    }
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void shouldReadTheNamesThatAttentionHadBeforeDiffusers017() throws Exception {
    Path folder = PipelineFixture.copy("sd1/vae", directory.resolve("old"));
    PipelineFixture.change(
        folder.resolve(WEIGHTS),
        PipelineFixture.renamed(
            name ->
                name.replace(".to_q.", ".query.")
                    .replace(".to_k.", ".key.")
                    .replace(".to_v.", ".value.")
                    .replace(".to_out.0.", ".proj_attn.")));
    Autoencoder autoencoder =
        Autoencoder.read(directory.resolve("old"), "vae", Optional.of("fp16"));
    try (Autoencoder.Decoder decoder = autoencoder.decoder("cpu", directory)) {
      Map<String, HostTensor> answers = PipelineFixture.answers("sd1");
      assertClose(decoder.decode(answers.get("latents")), answers.get("decoded"), 1e-5f);
    }
  }

  @Test
  void shouldBoundTheLogVarianceAsDiffusers() throws Exception {
    Path folder = PipelineFixture.copy("sd1/vae", directory);
    PipelineFixture.change(
        folder.resolve(WEIGHTS),
        tensors -> {
          tensors.put(
              "quant_conv.bias", HostTensor.ofFloats(new float[] {0, 0, 0, 0, 100, -100, 0, 0}, 8));
          return tensors;
        });
    try (Autoencoder.Encoder encoder =
        Autoencoder.read(directory, "vae", Optional.empty()).encoder("cpu", directory)) {
      float[] logVariance =
          encoder
              .encode(HostTensor.zeros(HostTensor.DType.F32, 1, 3, 4, 4))
              .logVariance()
              .toFloats(); // [1, 4, 2, 2]
      assertThat(logVariance[0]).isEqualTo(20);
      assertThat(logVariance[4]).isEqualTo(-30);
      assertThat(logVariance[8]).isBetween(-29f, 19f);
    }
  }

  @Test
  void shouldComputeForPicturesThatAreNotSquare() throws Exception {
    Autoencoder autoencoder =
        Autoencoder.read(PipelineFixture.folder("sd1"), "vae", Optional.empty());
    try (Autoencoder.Encoder encoder = autoencoder.encoder("cpu", directory)) {
      assertThat(encoder.encode(HostTensor.zeros(HostTensor.DType.F32, 1, 3, 8, 12)).mean().shape())
          .containsExactly(1, 4, 4, 6);
      assertThatThrownBy(() -> encoder.encode(HostTensor.zeros(HostTensor.DType.F32, 1, 3, 8, 9)))
          .hasMessage(
              "Expected images of shape [N, 3, H, W] with multiples of 2 as H and W, found F32[1, 3, 8, 9].");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '^',
      value = {
        "_class_name ^ \"AutoencoderTiny\" ^ _class_name is \"AutoencoderTiny\", supported: \"AutoencoderKL\"",
        "act_fn ^ \"relu\" ^ act_fn is \"relu\", supported: \"silu\"",
        "shift_factor ^ 0.1 ^ shift_factor is 0.1, supported: null",
        "down_block_types ^ [\"DownEncoderBlock2D\"] ^ supported: DownEncoderBlock2D for each of 2 widths",
        "up_block_types ^ [\"UpDecoderBlock2D\", \"AttnUpDecoderBlock2D\"] ^ supported: UpDecoderBlock2D for each of 2 widths",
        "block_out_channels ^ [4, 5] ^ norm_num_groups is 2, supported: a divisor of every width",
        "block_out_channels ^ [] ^ block_out_channels is [], supported: 1 to 8 widths from 1 to 4096",
        "scaling_factor ^ 0 ^ scaling_factor is 0, supported: a number above 0",
        "out_channels ^ 1 ^ out_channels is 1, supported: 3",
        "use_quant_conv ^ 1 ^ use_quant_conv is 1, supported: true or false",
        "use_quant_conv ^ false ^ of vae/config.json doesn't fit the network: quant_conv.bias is unknown; quant_conv.weight is unknown",
        "temporal ^ true ^ temporal is true, supported: no such field",
        "latent_channels ^ 8 ^ encoder.conv_out.weight: expected F32[16, 6, 3, 3], found F32[8, 6, 3, 3]",
      })
  void shouldNameWhatDoesNotFit(String field, String value, String fault) throws Exception {
    PipelineFixture.set(PipelineFixture.copy("sd1/vae", directory), field, value);
    assertThatThrownBy(() -> Autoencoder.read(directory, "vae", Optional.empty()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("vae/config.json")
        .hasMessageContaining(fault);
  }

  @Test
  void shouldSayThatThePartIsMissing() throws Exception {
    assertThatThrownBy(() -> Autoencoder.read(directory, "vae", Optional.empty()))
        .hasMessage("expected vae/config.json, found none");
    Files.delete(PipelineFixture.copy("sd1/vae", directory).resolve(WEIGHTS));
    assertThatThrownBy(() -> Autoencoder.read(directory, "vae", Optional.empty()))
        .hasMessageContaining("expected vae/diffusion_pytorch_model.safetensors");
  }
}
