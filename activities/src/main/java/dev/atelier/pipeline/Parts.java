package dev.atelier.pipeline;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.pipeline.DiffusersPipeline.Texts;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpec.CrossAttentionSpec;
import dev.atelier.spec.NetworkSpec.LatentsSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What a pipeline has beside its network.
 *
 * @param autoencoder absent: the network works on pixels
 * @param texts absent: it reads none
 */
public record Parts(Optional<Autoencoder> autoencoder, Optional<Texts> texts) {

  static final String AUTOENCODER = "vae";
  private static final String ENCODER = "text_encoder";
  private static final String TOKENIZER = "tokenizer";

  /** The folders of all parts that there can be. */
  static final List<String> FOLDERS = List.of(AUTOENCODER, ENCODER, TOKENIZER);

  /** Whether a file of a pipeline, by its name there, is of a part. */
  public static boolean hasFile(String file) {
    return FOLDERS.stream().anyMatch(part -> file.startsWith(part + "/"));
  }

  /** The folders of those that there are. */
  List<String> folders() {
    return FOLDERS.stream()
        .filter(part -> part.equals(AUTOENCODER) ? autoencoder.isPresent() : texts.isPresent())
        .toList();
  }

  /**
   * Reads those parts in {@code root} that a network needs; what is wrong with them, or doesn't fit
   * it, is said before anything is computed.
   *
   * @param network as experiments see it, by the images
   * @param variant of the weights, taken where there is one
   * @throws IllegalArgumentException naming the file or field, as a clause
   */
  public static Parts read(Path root, NetworkSpec network, Optional<String> variant)
      throws IOException {
    Parts parts =
        read(root, network.latents().isPresent(), network.crossAttention().isPresent(), variant);
    parts.autoencoder.ifPresent(a -> requireLatents(network.latents().orElseThrow(), a.config()));
    parts.texts.ifPresent(t -> requireTexts(network.crossAttention().orElseThrow(), t.encoder()));
    return parts;
  }

  /**
   * Reads parts.
   *
   * @param latents whether there must be an autoencoder
   * @param reads whether there must be a text encoder and a tokenizer
   * @throws IllegalArgumentException naming the file or field, as a clause
   */
  public static Parts read(Path root, boolean latents, boolean reads, Optional<String> variant)
      throws IOException {
    Optional<Autoencoder> autoencoder = Optional.empty();
    if (latents) {
      if (!Files.isDirectory(root.resolve(AUTOENCODER))) {
        throw new IllegalArgumentException("the network works on latents, but there is no vae");
      }
      autoencoder = Optional.of(Autoencoder.read(root, AUTOENCODER, variant));
    }
    return new Parts(
        autoencoder, reads ? Optional.of(texts(root, variant, "the network")) : Optional.empty());
  }

  private static void requireLatents(LatentsSpec latents, AutoencoderConfig config) {
    if (config.latentChannels() != latents.channels()
        || config.reduction() != latents.reduction()) {
      throw new IllegalArgumentException(
          "the latents of vae/config.json have %d channels at 1/%d, but those of the network %d at 1/%d"
              .formatted(
                  config.latentChannels(),
                  config.reduction(),
                  latents.channels(),
                  latents.reduction()));
    }
  }

  private static void requireTexts(CrossAttentionSpec read, ClipText encoder) {
    if (encoder.width() != read.width() || encoder.tokens() != read.tokens()) {
      throw new IllegalArgumentException(
          "text_encoder/config.json has %d tokens of width %d, but the network reads %d of width %d"
              .formatted(encoder.tokens(), encoder.width(), read.tokens(), read.width()));
    }
  }

  /**
   * The text encoder and its tokenizer.
   *
   * @param reader what reads texts, for messages
   */
  static Texts texts(Path root, Optional<String> variant, String reader) throws IOException {
    for (String part : List.of(ENCODER, TOKENIZER)) {
      if (!Files.isDirectory(root.resolve(part))) {
        throw new IllegalArgumentException(
            "%s reads texts, so that the folder needs %s and %s, found no %s"
                .formatted(reader, ENCODER, TOKENIZER, part));
      }
    }
    ClipText encoder = ClipText.read(root, ENCODER, variant);
    ClipTokenizer tokenizer = ClipTokenizer.read(root.resolve(TOKENIZER));
    encoder.check(tokenizer);
    return new Texts(tokenizer, encoder);
  }

  /**
   * Encodes an image and a text, to try them.
   *
   * @throws IllegalArgumentException if what comes out is not finite, as a clause
   */
  public void probe(String device, Path work) throws IOException {
    boolean finite = true;
    if (autoencoder.isPresent()) {
      AutoencoderConfig config = autoencoder.get().config();
      int side = 2 * config.reduction();
      try (Autoencoder.Encoder encoder = autoencoder.get().encoder(device, work)) {
        HostTensor grey =
            HostTensor.zeros(HostTensor.DType.F32, 1, config.imageChannels(), side, side);
        finite = encoder.encode(grey).mean().isFinite();
      }
    }
    if (texts.isPresent()) {
      try (ClipText.Encoder encoder = texts.get().encoder().load(device, work)) {
        int[] ids = texts.get().tokenizer().paddedIds("a photo");
        finite &= encoder.encode(ids).lastHiddenState().isFinite();
      }
    }
    if (!finite) {
      throw new IllegalArgumentException(
          "what they make of an image or a text to try them has values that are not finite");
    }
  }

  /** The files of {@code names} that are of parts. */
  public static List<String> filesOf(Stream<String> names) {
    return names.filter(Parts::hasFile).sorted().toList();
  }
}
