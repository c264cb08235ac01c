package dev.atelier.encoding;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.atelier.dataset.DatasetException;
import dev.atelier.dataset.PackedImages;
import dev.atelier.diffusion.SeededRandom;
import dev.atelier.training.ImageSource;
import dev.atelier.workflows.ObjectRef;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;

/** A dataset as networks see it: its images, with latents in place of pixels, or with texts. */
public final class EncodedImages implements ImageSource {

  private static final JsonMapper JSON = new JsonMapper();

  private final PackedImages images;
  private final Optional<Latents> latents;
  private final Optional<CaptionTexts> texts;

  private EncodedImages(
      PackedImages images, Optional<Latents> latents, Optional<CaptionTexts> texts) {
    this.images = images;
    this.latents = latents;
    this.texts = texts;
  }

  /**
   * Opens a dataset.
   *
   * @param latents their manifest, as it was kept
   * @param texts likewise
   * @param local a shard as a file here
   * @throws DatasetException if they are not of these images
   */
  public static EncodedImages open(
      PackedImages images,
      Optional<byte[]> latents,
      Optional<byte[]> texts,
      Function<ObjectRef, Path> local)
      throws IOException {
    Optional<Latents> seen = Optional.empty();
    if (latents.isPresent()) {
      LatentsManifest manifest = JSON.readValue(latents.get(), LatentsManifest.class);
      requireOf(images, manifest.images(), manifest.formatVersion());
      seen = Optional.of(new MappedLatents(manifest, shards(manifest.shards(), local)));
    }
    Optional<CaptionTexts> read = Optional.empty();
    if (texts.isPresent()) {
      TextsManifest manifest = JSON.readValue(texts.get(), TextsManifest.class);
      requireOf(images, manifest.images(), manifest.formatVersion());
      read =
          Optional.of(
              new MappedTexts(
                  manifest, shards(manifest.shards(), local), local.apply(manifest.index())));
    }
    return new EncodedImages(images, seen, read);
  }

  private static List<Path> shards(List<ObjectRef> shards, Function<ObjectRef, Path> local) {
    return shards.stream().map(local).toList();
  }

  private static void requireOf(PackedImages images, int encoded, int formatVersion) {
    if (encoded != images.count() || formatVersion != LatentsManifest.FORMAT_VERSION) {
      throw new DatasetException(
          DatasetException.Kind.CORRUPT,
          "Cannot open the encoded dataset: expected %d images in format %d, found %d in %d."
              .formatted(images.count(), LatentsManifest.FORMAT_VERSION, encoded, formatVersion));
    }
  }

  @Override
  public int count() {
    return images.count();
  }

  @Override
  public void copy(int index, byte[] chw, int offset) {
    images.copy(index, chw, offset);
  }

  @Override
  public int label(int index) {
    return images.label(index);
  }

  @Override
  public Optional<Latents> latents() {
    return latents;
  }

  @Override
  public Optional<CaptionTexts> texts() {
    return texts;
  }

  private static final class MappedLatents implements Latents {
    private final LatentsManifest manifest;
    private final MappedShards rows;

    MappedLatents(LatentsManifest manifest, List<Path> files) throws IOException {
      this.manifest = manifest;
      this.rows = new MappedShards(files, manifest.images(), manifest.perShard(), manifest.kept());
    }

    @Override
    public void draw(
        int index, boolean mirrored, SeededRandom.Stream draws, float[] x0, int offset) {
      Objects.checkIndex(index, manifest.images());
      if (mirrored && !manifest.mirrored()) {
        throw new IllegalArgumentException("Mirror images were not encoded.");
      }
      int elements = manifest.elements();
      float[] moments = new float[2 * elements];
      rows.read(index, mirrored ? 2 * elements : 0, 2 * elements, moments, 0);
      draws.gaussians(x0, offset, elements);
      for (int i = 0; i < elements; i++) {
        x0[offset + i] = moments[i] + moments[elements + i] * x0[offset + i];
      }
    }
  }

  private static final class MappedTexts implements CaptionTexts {
    private final TextsManifest manifest;
    private final MappedShards rows;
    private final int[] index;

    MappedTexts(TextsManifest manifest, List<Path> files, Path index) throws IOException {
      this.manifest = manifest;
      this.rows =
          new MappedShards(files, manifest.texts(), manifest.perShard(), manifest.elements());
      IntBuffer numbers =
          ByteBuffer.wrap(Files.readAllBytes(index)).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
      this.index = new int[numbers.remaining()];
      numbers.get(this.index);
    }

    @Override
    public int tokens() {
      return manifest.tokens();
    }

    @Override
    public int width() {
      return manifest.width();
    }

    @Override
    public int captions(int image) {
      return index[image + 1] - index[image];
    }

    @Override
    public void read(int image, int caption, float[] context, int offset) {
      Objects.checkIndex(caption, captions(image));
      rows.read(index[index[image] + caption], 0, manifest.elements(), context, offset);
    }

    @Override
    public void readEmpty(float[] context, int offset) {
      rows.read(0, 0, manifest.elements(), context, offset);
    }
  }
}
