package dev.atelier.encoding;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.atelier.dataset.PackedImages;
import dev.atelier.diffusion.Pixels;
import dev.atelier.network.tensors.Float16;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.pipeline.Autoencoder;
import dev.atelier.pipeline.AutoencoderConfig;
import dev.atelier.pipeline.ClipText;
import dev.atelier.pipeline.DiffusersPipeline.Texts;
import dev.atelier.work.Scope;
import dev.atelier.workflows.ObjectRef;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;

/**
 * Makes latents of images and embeddings of captions, once, shard by shard: those that are in the
 * store already are not made again.
 */
public final class DatasetEncoding {

  private static final JsonMapper JSON = new JsonMapper();
  private static final String LATENTS = "latents";
  private static final String TEXTS = "texts";
  private static final String INDEX = "index";
  private static final long SHARD_BYTES = 64L << 20;
  private static final int PIXELS_AT_ONCE = 1 << 16; // of images that are encoded together
  private static final int TEXTS_AT_ONCE = 16;

  private final EncodedStore store;
  private final String device;
  private final Scope scope;
  private final long shardBytes;

  /**
   * @param device {@code cpu} or {@code cuda:<n>}
   * @param scope asked before each batch whether to stop
   */
  public DatasetEncoding(EncodedStore store, String device, Scope scope) {
    this(store, device, scope, SHARD_BYTES);
  }

  DatasetEncoding(EncodedStore store, String device, Scope scope, long shardBytes) {
    this.store = store;
    this.device = device;
    this.scope = scope;
    this.shardBytes = shardBytes;
  }

  /** Writes rows of a shard, float16. */
  private interface Rows {
    void write(int from, int to, OutputStream out) throws IOException;
  }

  /**
   * Makes the latents of every image, and where {@code mirrored} of its mirror image.
   *
   * @param inputs hash of images and autoencoder
   */
  public ObjectRef latents(
      PackedImages images, Autoencoder autoencoder, boolean mirrored, String inputs)
      throws IOException {
    AutoencoderConfig config = autoencoder.config();
    int side = images.resolution() / config.reduction();
    long rowBytes = (mirrored ? 4L : 2L) * config.latentChannels() * side * side * Float16.BYTES;
    int perShard = (int) Math.max(1, shardBytes / rowBytes);
    List<ObjectRef> shards;
    try (LazyEncoder encoder = new LazyEncoder(autoencoder)) {
      shards =
          shards(
              inputs,
              LATENTS,
              images.count(),
              perShard,
              (from, to, out) -> encode(images, encoder, mirrored, from, to, out));
    }
    return store.keepManifest(
        inputs,
        LATENTS,
        json(
            new LatentsManifest(
                LatentsManifest.FORMAT_VERSION,
                images.count(),
                config.latentChannels(),
                side,
                mirrored,
                perShard,
                shards)));
  }

  /** The shards of {@code count} rows. */
  private List<ObjectRef> shards(String inputs, String kind, int count, int perShard, Rows rows)
      throws IOException {
    List<ObjectRef> shards = new ArrayList<>();
    for (int from = 0; from < count; from += perShard) {
      int first = from;
      int end = Math.min(count, from + perShard);
      shards.add(shard(inputs, kind, shards.size(), out -> rows.write(first, end, out)));
    }
    return shards;
  }

  /** Writes a whole file. */
  private interface Content {
    void write(OutputStream out) throws IOException;
  }

  private ObjectRef shard(String inputs, String kind, int index, Content content)
      throws IOException {
    Optional<ObjectRef> known = store.find(inputs, kind, index);
    if (known.isPresent()) {
      return known.get();
    }
    Path file = scope.path().resolve("%s-%05d".formatted(kind, index));
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20)) {
      content.write(out);
    }
    ObjectRef kept = store.keep(inputs, kind, index, file);
    Files.delete(file);
    return kept;
  }

  /** An encoder that is loaded when there is something to encode. */
  private final class LazyEncoder implements AutoCloseable {
    private final Autoencoder autoencoder;
    private Optional<Autoencoder.Encoder> loaded = Optional.empty();

    LazyEncoder(Autoencoder autoencoder) {
      this.autoencoder = autoencoder;
    }

    /** Scaled mean and deviation of each image, [N, 2, C, H, W] as numbers in a row. */
    float[][] moments(HostTensor images) throws IOException {
      if (loaded.isEmpty()) {
        loaded = Optional.of(autoencoder.encoder(device, scope.path()));
      }
      Autoencoder.Latents latents = loaded.get().encode(images);
      float[] mean = latents.mean().toFloats();
      float[] logVariance = latents.logVariance().toFloats();
      double scale = autoencoder.config().scalingFactor();
      int n = (int) images.shape()[0];
      int elements = mean.length / n;
      float[][] rows = new float[n][2 * elements];
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < elements; j++) {
          int at = i * elements + j;
          rows[i][j] = (float) (scale * mean[at]);
          rows[i][elements + j] = (float) (scale * Math.exp(0.5 * logVariance[at]));
        }
      }
      return rows;
    }

    @Override
    public void close() {
      loaded.ifPresent(Autoencoder.Encoder::close);
    }
  }

  private void encode(
      PackedImages images,
      LazyEncoder encoder,
      boolean mirrored,
      int from,
      int to,
      OutputStream out)
      throws IOException {
    int side = images.resolution();
    int together = Math.max(1, PIXELS_AT_ONCE / (side * side));
    for (int first = from; first < to; first += together) {
      scope.stopIfAsked();
      scope.describe("images encoded", first, images.count());
      int n = Math.min(together, to - first);
      float[][] plain = encoder.moments(pixels(images, first, n, false));
      float[][] flipped = mirrored ? encoder.moments(pixels(images, first, n, true)) : plain;
      for (int i = 0; i < n; i++) {
        out.write(halves(plain[i]));
        if (mirrored) {
          out.write(halves(flipped[i]));
        }
      }
    }
  }

  /** Images [N, C, H, W] in [−1, 1]. */
  private static HostTensor pixels(PackedImages images, int first, int n, boolean mirrored) {
    int side = images.resolution();
    int elements = images.channels() * side * side;
    byte[] chw = new byte[elements];
    float[] values = new float[n * elements];
    for (int i = 0; i < n; i++) {
      images.copy(first + i, chw, 0);
      Pixels.values(chw, side, mirrored, values, i * elements);
    }
    return HostTensor.ofFloats(values, n, images.channels(), side, side);
  }

  private static byte[] halves(float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * Float16.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      bytes.putShort(Float16.narrow(value));
    }
    return bytes.array();
  }

  /** Texts that are kept, and how many captions were cut to fit. */
  public record EncodedTexts(ObjectRef files, int texts, int truncated) {}

  /**
   * Makes the embedding of every distinct caption, and of the empty text.
   *
   * @param captions of each image, at least one
   * @param inputs hash of captions and text encoder
   */
  public EncodedTexts texts(
      int images, IntFunction<List<String>> captions, Texts texts, String inputs)
      throws IOException {
    Map<String, Integer> numbers = new LinkedHashMap<>();
    numbers.put("", 0);
    List<List<String>> ofImages = new ArrayList<>(images);
    int truncated = 0;
    for (int i = 0; i < images; i++) {
      List<String> own = captions.apply(i);
      ofImages.add(own);
      for (String caption : own) {
        if (numbers.putIfAbsent(caption, numbers.size()) == null
            && texts.tokenizer().truncates(caption)) {
          truncated++;
        }
      }
    }
    List<String> distinct = List.copyOf(numbers.keySet());
    ClipText encoder = texts.encoder();
    long rowBytes = (long) encoder.tokens() * encoder.width() * Float16.BYTES;
    int perShard = (int) Math.max(1, shardBytes / rowBytes);
    List<ObjectRef> shards;
    try (LazyTexts loaded = new LazyTexts(texts)) {
      shards =
          shards(
              inputs,
              TEXTS,
              distinct.size(),
              perShard,
              (from, to, out) -> encode(distinct, loaded, from, to, out));
    }
    ObjectRef index = shard(inputs, INDEX, 0, out -> writeIndex(ofImages, numbers, out));
    TextsManifest manifest =
        new TextsManifest(
            TextsManifest.FORMAT_VERSION,
            images,
            distinct.size(),
            encoder.tokens(),
            encoder.width(),
            perShard,
            shards,
            index,
            truncated);
    return new EncodedTexts(
        store.keepManifest(inputs, TEXTS, json(manifest)), distinct.size(), truncated);
  }

  /** A text encoder that is loaded when there is something to encode. */
  private final class LazyTexts implements AutoCloseable {
    private final Texts texts;
    private Optional<ClipText.Encoder> loaded = Optional.empty();

    LazyTexts(Texts texts) {
      this.texts = texts;
    }

    float[] embeddings(List<String> captions) throws IOException {
      if (loaded.isEmpty()) {
        loaded = Optional.of(texts.encoder().load(device, scope.path()));
      }
      int[][] ids = captions.stream().map(texts.tokenizer()::paddedIds).toArray(int[][]::new);
      return loaded.get().encode(ids).lastHiddenState().toFloats();
    }

    @Override
    public void close() {
      loaded.ifPresent(ClipText.Encoder::close);
    }
  }

  private void encode(List<String> captions, LazyTexts texts, int from, int to, OutputStream out)
      throws IOException {
    for (int first = from; first < to; first += TEXTS_AT_ONCE) {
      scope.stopIfAsked();
      scope.describe("captions encoded", first, captions.size());
      out.write(
          halves(texts.embeddings(captions.subList(first, Math.min(to, first + TEXTS_AT_ONCE)))));
    }
  }

  private static void writeIndex(
      List<List<String>> captions, Map<String, Integer> numbers, OutputStream file)
      throws IOException {
    DataOutputStream out = new DataOutputStream(file);
    int next = captions.size() + 1;
    for (List<String> own : captions) {
      out.writeInt(Integer.reverseBytes(next));
      next += own.size();
    }
    out.writeInt(Integer.reverseBytes(next));
    for (List<String> own : captions) {
      for (String caption : own) {
        out.writeInt(Integer.reverseBytes(numbers.get(caption)));
      }
    }
    out.flush();
  }

  private static byte[] json(Object manifest) {
    try {
      return JSON.writeValueAsBytes(manifest);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // a record of strings and numbers always has a JSON form
    }
  }
}
