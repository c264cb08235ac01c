package dev.atelier.encoding;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.dataset.PackedImages;
import dev.atelier.dataset.PreparationListener;
import dev.atelier.dataset.PreparedDataset;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.pipeline.Autoencoder;
import dev.atelier.pipeline.ClipText;
import dev.atelier.pipeline.Parts;
import dev.atelier.pipeline.RandomClip;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.training.ImageSource.CaptionTexts;
import dev.atelier.training.ImageSource.Latents;
import dev.atelier.work.Doing;
import dev.atelier.work.Scope;
import dev.atelier.workflows.ObjectRef;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatasetEncodingTest {

  private static final Path SD1 = Path.of("src/test/resources/pipeline/sd1");
  private static final Path SD2 = Path.of("src/test/resources/pipeline/sd2");
  private static final int IMAGES = 7;
  private static final long SMALL_SHARDS = 5_000;

  @TempDir Path directory;
  private PackedImages images;
  private Parts parts;
  private Shards store;

  /** Shards as files, which may break off like a process that is killed. */
  private final class Shards implements EncodedStore {
    private final Map<String, Path> kept = new HashMap<>();
    private final List<String> writes = new ArrayList<>();
    private OptionalInt dies = OptionalInt.empty(); // at this write

    @Override
    public Optional<ObjectRef> find(String inputs, String kind, int index) {
      String key = inputs + kind + index;
      return kept.containsKey(key) ? Optional.of(new ObjectRef(key, "")) : Optional.empty();
    }

    @Override
    public ObjectRef keep(String inputs, String kind, int index, Path file) {
      if (dies.isPresent() && writes.size() == dies.getAsInt()) {
        throw new IllegalStateException("killed");
      }
      String key = inputs + kind + index;
      writes.add(key);
      kept.put(key, put(key, read(file)));
      return new ObjectRef(key, "");
    }

    @Override
    public ObjectRef keepManifest(String inputs, String kind, byte[] json) {
      kept.put("manifest", put("manifest", json));
      return new ObjectRef("manifest", "");
    }

    private Path put(String name, byte[] content) {
      try {
        return Files.write(directory.resolve("kept-" + name), content);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    byte[] manifest() {
      return read(kept.get("manifest"));
    }

    private byte[] read(Path file) {
      try {
        return Files.readAllBytes(file);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static class Work implements Scope {
    private final Path path;

    Work(Path path) {
      this.path = path;
    }

    @Override
    public Path path() {
      return path;
    }

    @Override
    public void describe(Supplier<Doing> doing) {}

    @Override
    public boolean stops() {
      return false;
    }

    @Override
    public void stopIfAsked() {}

    @Override
    public void stopIfCanceled() {}
  }

  @BeforeEach
  void prepare() throws IOException {
    images = shapes(IMAGES, 16);
    parts = Parts.read(SD1, true, true, Optional.empty());
    store = new Shards();
  }

  private PackedImages shapes(int count, int side) throws IOException {
    PreparedDataset prepared =
        new DatasetPreparation(
                directory,
                object -> directory,
                new PreparationListener() {
                  @Override
                  public void onProgress(String sentence) {}
                })
            .prepare(
                new DatasetSpec("shapes?count=%d&seed=1".formatted(count), "", side, null),
                directory.resolve("images-" + side));
    return PackedImages.open(
        prepared.manifest(),
        prepared.manifest().shards().stream()
            .map(shard -> prepared.directory().resolve(shard.name()))
            .toList());
  }

  private DatasetEncoding encoding() {
    return new DatasetEncoding(store, "cpu", new Work(directory), SMALL_SHARDS);
  }

  private EncodedImages opened(boolean latents) throws IOException {
    Optional<byte[]> manifest = Optional.of(store.manifest());
    return EncodedImages.open(
        images,
        latents ? manifest : Optional.empty(),
        latents ? Optional.empty() : manifest,
        shard -> store.kept.get(shard.objectKey()));
  }

  private static float[] mirrored(float[] chw, int side) {
    float[] flipped = new float[chw.length];
    for (int i = 0; i < chw.length; i++) {
      int column = i % side;
      flipped[i] = chw[i - column + side - 1 - column];
    }
    return flipped;
  }

  @Test
  void shouldDrawLatentsFromWhatTheAutoencoderSaysOfAnImageAndOfItsMirrorImage()
      throws IOException {
    var unused = encoding().latents(images, parts.autoencoder().get(), true, "a");
    Latents latents = opened(true).latents().orElseThrow();
    Autoencoder autoencoder = parts.autoencoder().get();
    double scale = autoencoder.config().scalingFactor();
    byte[] chw = new byte[3 * 16 * 16];
    images.copy(5, chw, 0);
    float[] pixels = new float[chw.length];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (chw[i] & 0xFF) / 127.5f - 1;
    }
    for (boolean mirrored : List.of(false, true)) {
      Autoencoder.Latents expected;
      try (Autoencoder.Encoder encoder = autoencoder.encoder("cpu", directory)) {
        expected =
            encoder.encode(
                HostTensor.ofFloats(mirrored ? mirrored(pixels, 16) : pixels, 1, 3, 16, 16));
      }
      float[] mean = expected.mean().toFloats();
      float[] logVariance = expected.logVariance().toFloats();
      float[] noise = new float[mean.length];
      new SeededRandom(3).stream(Purpose.LATENT, 1, 2).gaussians(noise, 0, noise.length);
      float[] drawn = new float[mean.length];
      latents.draw(5, mirrored, new SeededRandom(3).stream(Purpose.LATENT, 1, 2), drawn, 0);
      for (int i = 0; i < mean.length; i++) {
        double wanted = scale * (mean[i] + Math.exp(0.5 * logVariance[i]) * noise[i]);
        assertThat((double) drawn[i]).isCloseTo(wanted, within(2e-3 * (1 + Math.abs(wanted))));
      }
    }
  }

  @Test
  void shouldEncodeImagesOf512PixelsOneAfterTheOther() throws IOException {
    images = shapes(2, 512);
    // Its autoencoder has no attention, which would see 65,536 places here.
    Autoencoder autoencoder =
        Parts.read(SD2, true, false, Optional.empty()).autoencoder().orElseThrow();
    List<String> said = new ArrayList<>();
    Scope scope =
        new Work(directory) {
          @Override
          public void describe(Supplier<Doing> doing) {
            said.add(doing.get().toString());
          }
        };
    var unused =
        new DatasetEncoding(store, "cpu", scope).latents(images, autoencoder, false, "large");
    assertThat(said).containsExactly("images encoded: 0 of 2", "images encoded: 1 of 2");
    assertThat(store.writes).containsExactly("largelatents0");
    Latents latents = opened(true).latents().orElseThrow();
    int side = 512 / autoencoder.config().reduction();
    int elements = autoencoder.config().latentChannels() * side * side;
    assertThat(Files.size(store.kept.get("largelatents0"))).isEqualTo(2L * 2 * elements * 2);
    float[] first = new float[elements];
    float[] second = new float[elements];
    latents.draw(0, false, new SeededRandom(3).stream(Purpose.LATENT, 1, 2), first, 0);
    latents.draw(1, false, new SeededRandom(3).stream(Purpose.LATENT, 1, 2), second, 0);
    assertThat(first).isNotEqualTo(second);
  }

  @Test
  void shouldNotMirrorWhatWasNotEncoded() throws IOException {
    var unused = encoding().latents(images, parts.autoencoder().get(), false, "a");
    Latents latents = opened(true).latents().orElseThrow();
    assertThatThrownBy(
            () ->
                latents.draw(
                    0, true, new SeededRandom(3).stream(Purpose.LATENT, 1, 2), new float[999], 0))
        .hasMessage("Mirror images were not encoded.");
  }

  @Test
  void shouldRepeatNoShardThatAnEarlierAttemptHasKept() throws IOException {
    store.dies = OptionalInt.of(2);
    assertThatThrownBy(() -> encoding().latents(images, parts.autoencoder().get(), true, "a"))
        .hasMessage("killed");
    assertThat(store.writes).containsExactly("alatents0", "alatents1");
    store.dies = OptionalInt.empty();
    var unused = encoding().latents(images, parts.autoencoder().get(), true, "a");
    assertThat(store.writes).doesNotHaveDuplicates().contains("alatents2");
    assertThat(opened(true).latents()).isPresent();
  }

  @Test
  void shouldEncodeEachDistinctCaptionOnceAndTheEmptyText() throws IOException {
    List<List<String>> captions =
        IntStream.range(0, IMAGES)
            .mapToObj(
                i -> List.of("a red circle", i % 2 == 0 ? "ein Kreis" : "円 " + "x ".repeat(99)))
            .toList();
    DatasetEncoding.EncodedTexts made =
        encoding().texts(IMAGES, captions::get, parts.texts().get(), "a");
    assertThat(made.texts()).isEqualTo(4);
    assertThat(made.truncated()).isEqualTo(1);
    CaptionTexts texts = opened(false).texts().orElseThrow();
    assertThat(texts.captions(3)).isEqualTo(2);
    assertEmbedding(texts, 3, 1, captions.get(3).get(1));
    assertEmbedding(texts, 2, 0, "a red circle");
    float[] empty = new float[texts.tokens() * texts.width()];
    texts.readEmpty(empty, 0);
    assertClose(empty, embedding(parts, ""));
  }

  private void assertEmbedding(CaptionTexts texts, int image, int caption, String text)
      throws IOException {
    float[] read = new float[texts.tokens() * texts.width()];
    texts.read(image, caption, read, 0);
    assertClose(read, embedding(parts, text));
  }

  private float[] embedding(Parts of, String text) throws IOException {
    try (ClipText.Encoder encoder = of.texts().get().encoder().load("cpu", directory)) {
      int[] ids = of.texts().get().tokenizer().paddedIds(text);
      return encoder.encode(ids).lastHiddenState().toFloats();
    }
  }

  private static void assertClose(float[] found, float[] expected) {
    for (int i = 0; i < expected.length; i++) {
      assertThat(found[i]).isCloseTo(expected[i], within(1e-3f * (1 + Math.abs(expected[i]))));
    }
  }

  @Test
  void shouldKnowTheWordsOfTheBuiltInCaptionsAsTokens() throws IOException {
    RandomClip.write(directory.resolve("clip"));
    Parts clip = Parts.read(directory.resolve("clip"), false, true, Optional.empty());
    assertThat(clip.texts().get().tokenizer().ids("A picture of a magenta triangle"))
        .hasSize(2 + 6);
    assertThat(clip.texts().get().tokenizer().ids("zebra").length).isGreaterThan(2 + 1);
    assertThat(embedding(clip, "a red circle")).isNotEqualTo(embedding(clip, "a blue circle"));
  }
}
