package dev.atelier.evaluation;

import dev.atelier.evaluation.SamplingSpace.PartsFolder;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.pipeline.Autoencoder;
import dev.atelier.pipeline.ClipText;
import dev.atelier.pipeline.Parts;
import dev.atelier.training.EnsembleSampler.LatentDecoder;
import dev.atelier.training.EnsembleSampler.Texts;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.LongFunction;

/**
 * What stands between networks and people while samples are made, loaded: prompts in, images out.
 * Not safe for use by several threads at once.
 */
public final class LoadedParts implements AutoCloseable {
  private final Parts parts;
  private final Optional<Autoencoder.Decoder> decoder;
  private final Optional<ClipText.Encoder> encoder;

  private LoadedParts(
      Parts parts, Optional<Autoencoder.Decoder> decoder, Optional<ClipText.Encoder> encoder) {
    this.parts = parts;
    this.decoder = decoder;
    this.encoder = encoder;
  }

  /**
   * Loads parts.
   *
   * @param device {@code cpu} or {@code cuda:<n>}
   * @param work a directory for temporary files
   */
  public static LoadedParts load(PartsFolder folder, String device, Path work) throws IOException {
    Parts parts = Parts.read(folder.folder(), folder.latents(), folder.texts(), Optional.empty());
    Optional<Autoencoder.Decoder> decoder = Optional.empty();
    if (parts.autoencoder().isPresent()) {
      decoder = Optional.of(parts.autoencoder().get().decoder(device, work));
    }
    Optional<ClipText.Encoder> encoder = Optional.empty();
    if (parts.texts().isPresent()) {
      encoder = Optional.of(parts.texts().get().encoder().load(device, work));
    }
    return new LoadedParts(parts, decoder, encoder);
  }

  /** Channels of latents, where networks work on them. */
  Optional<Integer> channels() {
    return parts.autoencoder().map(autoencoder -> autoencoder.config().latentChannels());
  }

  /** Pixels per side for one of what networks see. */
  int reduction() {
    return parts.autoencoder().map(autoencoder -> autoencoder.config().reduction()).orElse(1);
  }

  /** Makes images of latents, where networks work on them. */
  Optional<LatentDecoder> decoder() {
    return decoder.map(loaded -> loaded::decodeScaled);
  }

  /**
   * What networks read of prompts, where they do.
   *
   * @param prompts by the number of the image
   */
  Optional<Texts> texts(LongFunction<String> prompts) {
    return encoder.map(loaded -> new Prompted(loaded, prompts));
  }

  private final class Prompted implements Texts {
    private final ClipText.Encoder loaded;
    private final LongFunction<String> prompts;
    private final HostTensor empty; // [1, tokens, width]

    Prompted(ClipText.Encoder loaded, LongFunction<String> prompts) {
      this.loaded = loaded;
      this.prompts = prompts;
      this.empty = encoded("");
    }

    private HostTensor encoded(String... texts) {
      int[][] ids =
          Arrays.stream(texts)
              .map(parts.texts().orElseThrow().tokenizer()::paddedIds)
              .toArray(int[][]::new);
      return loaded.encode(ids).lastHiddenState();
    }

    @Override
    public HostTensor of(long first, int n) {
      String[] texts = new String[n];
      Arrays.setAll(texts, i -> prompts.apply(first + i));
      return encoded(texts);
    }

    @Override
    public HostTensor none(int n) {
      HostTensor all =
          HostTensor.zeros(HostTensor.DType.F32, n, empty.shape()[1], empty.shape()[2]);
      FloatBuffer values = all.data().asFloatBuffer();
      for (int i = 0; i < n; i++) {
        values.put(empty.data().asFloatBuffer());
      }
      return all;
    }
  }

  @Override
  public void close() {
    decoder.ifPresent(Autoencoder.Decoder::close);
    encoder.ifPresent(ClipText.Encoder::close);
  }
}
