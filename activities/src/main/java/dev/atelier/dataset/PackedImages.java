package dev.atelier.dataset;

import dev.atelier.training.ImageSource;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The images of a prepared dataset as memory-mapped uint8 [C, H, W]; safe for many threads. */
public final class PackedImages implements ImageSource {

  private final DatasetManifest manifest;
  private final List<MappedByteBuffer> shards;
  private final int imagesPerShard;
  private final int imageBytes;
  private final short[] labels;
  private final Optional<PackedCaptions> captions;

  private PackedImages(
      DatasetManifest manifest,
      List<MappedByteBuffer> shards,
      int imagesPerShard,
      int imageBytes,
      short[] labels,
      Optional<PackedCaptions> captions) {
    this.manifest = manifest;
    this.shards = shards;
    this.imagesPerShard = imagesPerShard;
    this.imageBytes = imageBytes;
    this.labels = labels;
    this.captions = captions;
  }

  /** Opens images without classes and captions. */
  public static PackedImages open(DatasetManifest manifest, List<Path> shardFiles) {
    return open(manifest, shardFiles, List.of());
  }

  /** Opens images without captions. */
  public static PackedImages open(
      DatasetManifest manifest, List<Path> shardFiles, List<Path> labelFiles) {
    return open(manifest, shardFiles, labelFiles, List.of());
  }

  /**
   * Maps {@code shardFiles}, given in the order of the manifest; checks their sizes, not hashes.
   *
   * @param labelFiles as the manifest has them: one, or none where there are no classes
   * @param captionFiles alike
   */
  public static PackedImages open(
      DatasetManifest manifest,
      List<Path> shardFiles,
      List<Path> labelFiles,
      List<Path> captionFiles) {
    List<DatasetManifest.Shard> expected = manifest.shards();
    if (expected.isEmpty() || shardFiles.size() != expected.size()) {
      throw corrupt(
          "Cannot open the dataset: expected %d shards, found %d."
              .formatted(expected.size(), shardFiles.size()));
    }
    long imageBytes = (long) manifest.channels() * manifest.resolution() * manifest.resolution();
    if (imageBytes <= 0 || imageBytes > PackedShards.MAX_SHARD_BYTES) {
      throw corrupt(
          "Cannot open the dataset: %d channels of %d pixels per side are out of range."
              .formatted(manifest.channels(), manifest.resolution()));
    }
    int perShard = expected.get(0).images();
    List<MappedByteBuffer> shards = new ArrayList<>();
    long images = 0;
    for (int i = 0; i < expected.size(); i++) {
      DatasetManifest.Shard shard = expected.get(i);
      boolean last = i == expected.size() - 1;
      if (shard.bytes() != shard.images() * imageBytes
          || shard.images() < 1
          || (last ? shard.images() > perShard : shard.images() != perShard)) {
        throw corrupt(
            "Cannot open the dataset: shard '%s' names %d images in %d bytes, which does not fit the others."
                .formatted(shard.name(), shard.images(), shard.bytes()));
      }
      shards.add(map(shardFiles.get(i), shard.bytes()));
      images += shard.images();
    }
    if (images != manifest.images()) {
      throw corrupt(
          "Cannot open the dataset: expected %d images, found %d in its shards."
              .formatted(manifest.images(), images));
    }
    return new PackedImages(
        manifest,
        shards,
        perShard,
        (int) imageBytes,
        labels(manifest, labelFiles),
        captions(manifest, captionFiles));
  }

  private static Optional<PackedCaptions> captions(DatasetManifest manifest, List<Path> files) {
    List<DatasetManifest.Shard> expected = manifest.captions();
    if (files.size() != expected.size() || expected.size() > 1) {
      throw corrupt(
          "Cannot open the dataset: expected %d files of captions, found %d."
              .formatted(Math.min(1, expected.size()), files.size()));
    }
    if (files.isEmpty()) {
      return Optional.empty();
    }
    long bytes = expected.get(0).bytes();
    if (bytes < 1 || bytes > Integer.MAX_VALUE) {
      throw corrupt("Cannot open the dataset: its captions have %d bytes.".formatted(bytes));
    }
    return Optional.of(new PackedCaptions(map(files.get(0), bytes), manifest.images()));
  }

  private static short[] labels(DatasetManifest manifest, List<Path> files) {
    if (files.size() != (manifest.classes().isEmpty() ? 0 : 1)) {
      throw corrupt(
          "Cannot open the dataset: %d classes and %d files of labels do not fit."
              .formatted(manifest.classes().size(), files.size()));
    }
    short[] labels = new short[files.isEmpty() ? 0 : manifest.images()];
    for (Path file : files) {
      map(file, 2L * manifest.images()).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer().get(labels);
    }
    for (short label : labels) {
      if ((label & 0xFFFF) >= manifest.classes().size()) {
        throw corrupt(
            "Cannot open the dataset: a label is %d, expected less than the %d classes."
                .formatted(label & 0xFFFF, manifest.classes().size()));
      }
    }
    return labels;
  }

  private static MappedByteBuffer map(Path file, long expectedBytes) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (channel.size() != expectedBytes) {
        throw corrupt(
            "Cannot open shard '%s': expected %d bytes, found %d."
                .formatted(file, expectedBytes, channel.size()));
      }
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, expectedBytes);
    } catch (IOException e) {
      throw new DatasetException(
          DatasetException.Kind.UNREACHABLE, "Cannot open shard '%s'.".formatted(file), e);
    }
  }

  static DatasetException corrupt(String message) {
    return new DatasetException(DatasetException.Kind.CORRUPT, message);
  }

  @Override
  public int count() {
    return manifest.images();
  }

  /** Pixels per side. */
  public int resolution() {
    return manifest.resolution();
  }

  public int channels() {
    return manifest.channels();
  }

  /** Index of the class of an image; 0 where there are no labels. */
  @Override
  public int label(int index) {
    java.util.Objects.checkIndex(index, count());
    return labels.length == 0 ? 0 : labels[index] & 0xFFFF;
  }

  /** The captions of an image, at least one; none where the dataset has none. */
  public List<String> captions(int index) {
    java.util.Objects.checkIndex(index, count());
    return captions.map(texts -> texts.of(index)).orElse(List.of());
  }

  /** Copies image {@code index} as uint8 [C, H, W] into {@code chw} from {@code offset} on. */
  @Override
  public void copy(int index, byte[] chw, int offset) {
    java.util.Objects.checkIndex(index, count());
    shards
        .get(index / imagesPerShard)
        .get(index % imagesPerShard * imageBytes, chw, offset, imageBytes);
  }
}
