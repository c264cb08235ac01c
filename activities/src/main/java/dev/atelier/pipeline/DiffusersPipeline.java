package dev.atelier.pipeline;

import dev.atelier.graph.Value;
import dev.atelier.network.files.Denoiser;
import dev.atelier.spec.NetworkSpec.CrossAttentionSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A pipeline of diffusers: the network that predicts noise with its scheduler, and what stands
 * between it and users, an autoencoder where it works on latents, a text encoder with its tokenizer
 * where it reads texts.
 */
public record DiffusersPipeline(
    Denoiser denoiser, Optional<Autoencoder> autoencoder, Optional<Texts> texts) {

  /** Parts that say nothing of the image: a filter, and what it or nobody reads. */
  private static final Set<String> OTHERS =
      Set.of("safety_checker", "feature_extractor", "image_encoder");

  /** Parts that other pipelines of diffusers have and this one cannot do without. */
  private static final List<String> UNKNOWN = List.of("vqvae", "text_encoder_2", "prior", "bert");

  /**
   * Whether the folder is more than a network with its scheduler, or must be.
   *
   * @throws IllegalArgumentException if it is no folder of diffusers, as a clause
   */
  static boolean hasParts(Path root) throws IOException {
    return Stream.concat(Parts.FOLDERS.stream(), UNKNOWN.stream())
            .anyMatch(part -> Files.isDirectory(root.resolve(part)))
        || Denoiser.readsTexts(root);
  }

  /** Whether a file of a pipeline, by its name there, is of a part beside the network. */
  static boolean isOfPart(String file) {
    return Parts.hasFile(file);
  }

  /** The folders of parts that are not read. */
  static List<String> otherParts(Path root) throws IOException {
    try (Stream<Path> folders = Files.list(root)) {
      return folders
          .filter(Files::isDirectory)
          .map(folder -> folder.getFileName().toString())
          .filter(OTHERS::contains)
          .sorted()
          .toList();
    }
  }

  /** The folders of its parts beside the network. */
  List<String> parts() {
    return new Parts(autoencoder, texts).folders();
  }

  /** What makes of a text what the network reads. */
  public record Texts(ClipTokenizer tokenizer, ClipText encoder) {}

  /**
   * Reads the folder of a pipeline; what is wrong with any of its parts, or with them together, is
   * said before anything is computed.
   *
   * @param variant of the weights, such as fp16; absent: those without one, else the only one
   * @throws IllegalArgumentException naming the file or field, as a clause
   */
  public static DiffusersPipeline read(Path root, Optional<String> variant) throws IOException {
    for (String part : UNKNOWN) {
      if (Files.isDirectory(root.resolve(part))) {
        throw new IllegalArgumentException(
            "it has the part '%s', supported beside the network: vae, text_encoder and tokenizer"
                .formatted(part));
      }
    }
    Denoiser denoiser = Denoiser.read(root, variant);
    Optional<Autoencoder> autoencoder =
        Files.isDirectory(root.resolve(Parts.AUTOENCODER))
            ? Optional.of(Autoencoder.read(root, Parts.AUTOENCODER, variant))
            : Optional.empty();
    if (autoencoder.isPresent()) {
      requireChannels(denoiser, autoencoder.get().config());
    }
    Optional<CrossAttentionSpec> reads = denoiser.network().spec().crossAttention();
    return new DiffusersPipeline(
        denoiser,
        autoencoder,
        reads.isPresent() ? Optional.of(texts(root, variant, denoiser)) : Optional.empty());
  }

  private static void requireChannels(Denoiser denoiser, AutoencoderConfig config) {
    int channels = denoiser.network().imageChannels();
    if (config.latentChannels() != channels) {
      throw new IllegalArgumentException(
          "latent_channels of vae/config.json is %d, but in_channels of %s/config.json is %d"
              .formatted(config.latentChannels(), denoiser.part(), channels));
    }
  }

  private static Texts texts(Path root, Optional<String> variant, Denoiser denoiser)
      throws IOException {
    Value context = denoiser.network().graph().told().context().orElseThrow();
    Texts texts = Parts.texts(root, variant, denoiser.part());
    if (texts.encoder().width() != context.width()) {
      throw new IllegalArgumentException(
          "hidden_size of text_encoder/config.json is %d, but cross_attention_dim of %s/config.json is %d"
              .formatted(texts.encoder().width(), denoiser.part(), context.width()));
    }
    return texts;
  }

  /** Pixels per side of the images that it makes. */
  public int resolution() {
    return denoiser.network().resolution() * autoencoder.map(a -> a.config().reduction()).orElse(1);
  }

  /** Number of learned numbers of all parts. */
  public long parameters() {
    return denoiser.network().parameters()
        + autoencoder.map(Autoencoder::parameters).orElse(0L)
        + texts.map(t -> t.encoder().parameters()).orElse(0L);
  }
}
