package dev.atelier.dataset;

import dev.atelier.workflows.PassedOver;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;

/**
 * Takes decoded images in any order and from any thread, each into its slot of one file, and packs
 * the filled slots in order into shards. Memory stays small however many images there are.
 */
final class PackedShards implements Closeable {

  static final String LABELS_FILE = "labels.u16";
  static final long MAX_SHARD_BYTES = 256L << 20;

  private final Path directory;
  private final Path slotFile;
  private final FileChannel slots;
  private final AtomicIntegerArray filled; // 0, or the image's label + 1, per slot
  private final int resolution;
  private final int channels;
  private final int imageBytes;
  private final PreparationListener listener;

  PackedShards(
      Path directory, int slotCount, int resolution, int channels, PreparationListener listener) {
    this.listener = listener;
    this.directory = directory;
    this.resolution = resolution;
    this.channels = channels;
    this.imageBytes = channels * resolution * resolution;
    this.filled = new AtomicIntegerArray(slotCount);
    this.slotFile = directory.resolve("images.slots");
    try {
      Files.createDirectories(directory);
      // A directory with a manifest is complete, so an old one goes first and the new one comes
      // last.
      Files.deleteIfExists(directory.resolve(DatasetManifest.FILE_NAME));
      this.slots =
          FileChannel.open(
              slotFile,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /**
   * rgb: uint8 [3, H, W], turned into grey where that is asked; label: index of its class, or 0.
   */
  void put(int slot, byte[] rgb, int label) {
    try {
      ByteBuffer buffer = ByteBuffer.wrap(channels == 1 ? luma(rgb) : rgb);
      long position = (long) slot * imageBytes;
      while (buffer.hasRemaining()) {
        position += slots.write(buffer, position);
      }
    } catch (IOException e) {
      throw cannotWrite(e);
    }
    filled.set(slot, label + 1);
  }

  // ITU-R BT.601 in the fixed-point form of Pillow.
  private static byte[] luma(byte[] rgb) {
    byte[] grey = new byte[rgb.length / 3];
    for (int i = 0; i < grey.length; i++) {
      int red = rgb[i] & 0xFF;
      int green = rgb[i + grey.length] & 0xFF;
      int blue = rgb[i + 2 * grey.length] & 0xFF;
      grey[i] = (byte) ((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16);
    }
    return grey;
  }

  int count() {
    int count = 0;
    for (int i = 0; i < filled.length(); i++) {
      count += filled.get(i) > 0 ? 1 : 0;
    }
    return count;
  }

  /**
   * Writes shards, labels and manifest; {@code maxShardBytes} bounds each shard. {@code passedOver}
   * is what the source held besides, {@code classes} are the names of the labels, empty if there
   * are none, and so are {@code captions}, where each filled slot has some.
   *
   * @throws DatasetException when a class of the whole has no image
   */
  DatasetManifest pack(
      long maxShardBytes,
      List<PassedOver> passedOver,
      String source,
      List<String> classes,
      Optional<CaptionSlots> captions,
      Extent extent) {
    int total = count();
    try (ShardWriter writer = new ShardWriter(directory, channels, resolution, maxShardBytes)) {
      byte[] image = new byte[imageBytes];
      int perReport = (int) Math.max(1, maxShardBytes / imageBytes);
      int reported = 0;
      for (int slot = 0; writer.images() < total; slot++) {
        if (filled.get(slot) > 0) {
          read(slot, image);
          writer.add(image);
          if (writer.images() - reported == perReport || writer.images() == total) {
            reported = writer.images();
            listener.onProgress("packed %d of %d images".formatted(reported, total));
          }
        }
      }
      List<DatasetManifest.ImageClass> counted = count(classes, source, extent);
      byte[] labels = labels(total);
      int captionCount = captions.isPresent() ? writeCaptions(captions.get()) : 0;
      return writeManifest(
          directory,
          writer,
          resolution,
          channels,
          counted,
          labels,
          captions.isPresent() ? Optional.of(captionCount) : Optional.empty(),
          passedOver,
          source,
          listener);
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }

  /**
   * Writes labels and manifest beside the shards, and the captions that are there.
   *
   * @param labels uint16, little-endian; none are written where there are no classes
   * @param captionCount captions of all images together; empty: they have none
   */
  static DatasetManifest writeManifest(
      Path directory,
      ShardWriter images,
      int resolution,
      int channels,
      List<DatasetManifest.ImageClass> classes,
      byte[] labels,
      Optional<Integer> captionCount,
      List<PassedOver> passedOver,
      String source,
      PreparationListener listener)
      throws IOException {
    List<DatasetManifest.Shard> shards = images.shards();
    MessageDigest content = images.content();
    List<DatasetManifest.Shard> labelFiles = new ArrayList<>();
    if (!classes.isEmpty()) {
      Files.write(directory.resolve(LABELS_FILE), labels);
      labelFiles.add(
          new DatasetManifest.Shard(
              LABELS_FILE, images.images(), labels.length, ContentHash.of(labels)));
      addClasses(content, classes.stream().map(DatasetManifest.ImageClass::name).toList(), labels);
    }
    List<DatasetManifest.Shard> captionFiles = new ArrayList<>();
    if (captionCount.isPresent()) {
      addCaptions(content, directory.resolve(CaptionLine.FILE_NAME));
      captionFiles.add(captionShard(directory, images.images(), listener));
    }
    DatasetManifest manifest =
        new DatasetManifest(
            DatasetManifest.FORMAT_VERSION,
            ContentHash.hex(content.digest()),
            resolution,
            channels,
            images.images(),
            shards,
            passedOver,
            source,
            classes,
            labelFiles,
            captionFiles,
            captionCount.orElse(0));
    Files.write(directory.resolve(DatasetManifest.FILE_NAME), manifest.toJson());
    return manifest;
  }

  static String shardName(int index) {
    return "images-%05d.u8".formatted(index);
  }

  /** The content hash before any image, see {@link DatasetManifest#sha256}. */
  static MessageDigest contentOf(int channels, int resolution) {
    MessageDigest content = ContentHash.sha256();
    content.update(
        "atelier images %d %dx%dx%d uint8\n"
            .formatted(DatasetManifest.FORMAT_VERSION, channels, resolution, resolution)
            .getBytes(StandardCharsets.UTF_8));
    return content;
  }

  /** What the content hash has behind the images; labels: their file. */
  static void addClasses(MessageDigest content, List<String> classes, byte[] labels) {
    for (String name : classes) {
      byte[] utf8 = name.getBytes(StandardCharsets.UTF_8);
      content.update("class %d ".formatted(utf8.length).getBytes(StandardCharsets.UTF_8));
      content.update(utf8);
    }
    content.update(labels);
  }

  private List<DatasetManifest.ImageClass> count(
      List<String> classes, String source, Extent extent) {
    int[] images = new int[classes.size()];
    for (int slot = 0; slot < filled.length() && images.length > 0; slot++) {
      if (filled.get(slot) > 0) {
        images[filled.get(slot) - 1]++;
      }
    }
    List<DatasetManifest.ImageClass> counted = new ArrayList<>();
    for (int label = 0; label < images.length; label++) {
      if (images[label] == 0 && extent == Extent.WHOLE) {
        throw new DatasetException(
            DatasetException.Kind.CORRUPT,
            "Cannot use the dataset source '%s' with dataset.classConditional: expected images of each of its %d classes, found none of '%s' (dataset.maxImages keeps the first in name order; damaged images are skipped)."
                .formatted(source, classes.size(), classes.get(label)));
      }
      counted.add(new DatasetManifest.ImageClass(classes.get(label), images[label]));
    }
    return counted;
  }

  private byte[] labels(int images) {
    ByteBuffer labels = ByteBuffer.allocate(2 * images).order(ByteOrder.LITTLE_ENDIAN);
    for (int slot = 0; slot < filled.length(); slot++) {
      if (filled.get(slot) > 0) {
        labels.putShort((short) (filled.get(slot) - 1));
      }
    }
    return labels.array();
  }

  private int writeCaptions(CaptionSlots captions) throws IOException {
    Path file = directory.resolve(CaptionLine.FILE_NAME);
    Iterable<Integer> slotsInUse =
        () -> IntStream.range(0, filled.length()).filter(slot -> filled.get(slot) > 0).iterator();
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 16)) {
      return captions.writeLines(slotsInUse, out);
    }
  }

  private static DatasetManifest.Shard captionShard(
      Path directory, int images, PreparationListener listener) throws IOException {
    Path file = directory.resolve(CaptionLine.FILE_NAME);
    try (InputStream in = Files.newInputStream(file)) {
      return new DatasetManifest.Shard(
          CaptionLine.FILE_NAME, images, Files.size(file), new ContentHash(listener).of(in));
    }
  }

  /** What the content hash has behind images and classes. */
  static void addCaptions(MessageDigest content, Path captions) throws IOException {
    content.update(
        "captions %d\n".formatted(Files.size(captions)).getBytes(StandardCharsets.UTF_8));
    try (InputStream in = Files.newInputStream(captions)) {
      byte[] buffer = new byte[1 << 16];
      for (int read; (read = in.read(buffer)) >= 0; ) {
        content.update(buffer, 0, read);
      }
    }
  }

  private void read(int slot, byte[] image) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(image);
    long start = (long) slot * imageBytes;
    while (buffer.hasRemaining()) {
      if (slots.read(buffer, start + buffer.position()) < 0) {
        throw new IOException("'%s' ended early.".formatted(slotFile));
      }
    }
  }

  private UncheckedIOException cannotWrite(IOException e) {
    return new UncheckedIOException(
        "Cannot write the prepared images below '%s': %s".formatted(directory, e.getMessage()), e);
  }

  @Override
  public void close() {
    try {
      slots.close();
      Files.deleteIfExists(slotFile);
    } catch (IOException e) {
      throw cannotWrite(e);
    }
  }
}
