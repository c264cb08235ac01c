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
import java.security.DigestOutputStream;
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
   * @throws DatasetException when a class has no image
   */
  DatasetManifest pack(
      long maxShardBytes,
      List<PassedOver> passedOver,
      String source,
      List<String> classes,
      Optional<CaptionSlots> captions) {
    int perShard = (int) Math.max(1, maxShardBytes / imageBytes);
    MessageDigest content = contentOf(channels, resolution);
    List<DatasetManifest.Shard> shards = new ArrayList<>();
    int total = count();
    try {
      int slot = 0;
      byte[] image = new byte[imageBytes];
      for (int done = 0; done < total; done += perShard) {
        String name = shardName(shards.size());
        int images = Math.min(perShard, total - done);
        MessageDigest digest = ContentHash.sha256();
        try (OutputStream out =
            new DigestOutputStream(
                new BufferedOutputStream(Files.newOutputStream(directory.resolve(name)), 1 << 20),
                digest)) {
          for (int i = 0; i < images; slot++) {
            if (filled.get(slot) > 0) {
              read(slot, image);
              content.update(image);
              out.write(image);
              i++;
            }
          }
        }
        shards.add(
            new DatasetManifest.Shard(
                name, images, (long) images * imageBytes, ContentHash.hex(digest.digest())));
        listener.onProgress("packed %d of %d images".formatted(done + images, total));
      }
      List<DatasetManifest.ImageClass> counted = count(classes, source);
      List<DatasetManifest.Shard> labels = classes.isEmpty() ? List.of() : labels(total);
      if (!classes.isEmpty()) {
        addClasses(content, classes, Files.readAllBytes(directory.resolve(LABELS_FILE)));
      }
      int captionCount = captions.isPresent() ? writeCaptions(captions.get(), content) : 0;
      DatasetManifest manifest =
          new DatasetManifest(
              DatasetManifest.FORMAT_VERSION,
              ContentHash.hex(content.digest()),
              resolution,
              channels,
              total,
              shards,
              passedOver,
              source,
              counted,
              labels,
              captions.isPresent() ? List.of(captionShard(total)) : List.of(),
              captionCount);
      Files.write(directory.resolve(DatasetManifest.FILE_NAME), manifest.toJson());
      return manifest;
    } catch (IOException e) {
      throw cannotWrite(e);
    }
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

  private List<DatasetManifest.ImageClass> count(List<String> classes, String source) {
    int[] images = new int[classes.size()];
    for (int slot = 0; slot < filled.length() && images.length > 0; slot++) {
      if (filled.get(slot) > 0) {
        images[filled.get(slot) - 1]++;
      }
    }
    List<DatasetManifest.ImageClass> counted = new ArrayList<>();
    for (int label = 0; label < images.length; label++) {
      if (images[label] == 0) {
        throw new DatasetException(
            DatasetException.Kind.CORRUPT,
            "Cannot use the dataset source '%s' with dataset.classConditional: expected images of each of its %d classes, found none of '%s' (dataset.maxImages keeps the first in name order; damaged images are skipped)."
                .formatted(source, classes.size(), classes.get(label)));
      }
      counted.add(new DatasetManifest.ImageClass(classes.get(label), images[label]));
    }
    return counted;
  }

  private List<DatasetManifest.Shard> labels(int images) throws IOException {
    ByteBuffer labels = ByteBuffer.allocate(2 * images).order(ByteOrder.LITTLE_ENDIAN);
    for (int slot = 0; slot < filled.length(); slot++) {
      if (filled.get(slot) > 0) {
        labels.putShort((short) (filled.get(slot) - 1));
      }
    }
    Files.write(directory.resolve(LABELS_FILE), labels.array());
    return List.of(
        new DatasetManifest.Shard(
            LABELS_FILE, images, 2L * images, ContentHash.of(labels.array())));
  }

  private int writeCaptions(CaptionSlots captions, MessageDigest content) throws IOException {
    Path file = directory.resolve(CaptionLine.FILE_NAME);
    Iterable<Integer> slotsInUse =
        () -> IntStream.range(0, filled.length()).filter(slot -> filled.get(slot) > 0).iterator();
    int count;
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 16)) {
      count = captions.writeLines(slotsInUse, out);
    }
    addCaptions(content, file);
    return count;
  }

  private DatasetManifest.Shard captionShard(int images) throws IOException {
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
