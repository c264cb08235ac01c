package dev.atelier.pipeline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.CrossAttentionSpec;
import dev.atelier.spec.NetworkSpec.LatentsSpec;
import dev.atelier.spec.NetworkSpecBuilder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Parts of a pipeline for a network that is not the one they were made with. */
class PartsTest {

  private static final Path SD1 = Path.of("src/test/resources/pipeline/sd1");

  @TempDir Path directory;

  private static NetworkSpec network(
      Optional<LatentsSpec> latents, Optional<CrossAttentionSpec> texts) {
    return NetworkSpecBuilder.builder(NetworkSpec.ofWidth(8))
        .latents(latents)
        .crossAttention(texts)
        .build();
  }

  private static void refused(Path folder, NetworkSpec network, String clause) {
    assertThatThrownBy(() -> Parts.read(folder, network, Optional.empty()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(clause);
  }

  @Test
  void shouldRefuseLatentsOfAnotherAutoencoder() throws IOException {
    refused(
        SD1,
        network(Optional.of(new LatentsSpec(16, 2)), Optional.empty()),
        "the latents of vae/config.json have 4 channels at 1/2, but those of the network 16 at 1/2");
    refused(
        SD1,
        network(Optional.of(new LatentsSpec(4, 8)), Optional.empty()),
        "the latents of vae/config.json have 4 channels at 1/2, but those of the network 4 at 1/8");
    refused(
        directory,
        network(Optional.of(new LatentsSpec(4, 2)), Optional.empty()),
        "the network works on latents, but there is no vae");
    NetworkSpec fits = network(Optional.of(new LatentsSpec(4, 2)), Optional.empty());
    assertThat(Parts.read(SD1, fits, Optional.empty()).autoencoder())
        .as("negative control")
        .isPresent();
  }

  @Test
  void shouldRefuseTextsOfAnotherEncoder() {
    refused(
        SD1,
        network(
            Optional.empty(),
            Optional.of(new CrossAttentionSpec(768, 77, Optional.empty(), false))),
        "text_encoder/config.json has 77 tokens of width 8, but the network reads 77 of width 768");
  }
}
