package dev.atelier.dataset;

import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Takes decoded images in any order and from any thread, each into its slot of one file, and packs
 * the filled slots in order into shards. Memory stays small however many images there are.
 */
final class PackedShards implements Closeable {

  static final int CHANNELS = 3;
  static final long MAX_SHARD_BYTES = 256L << 20;

  private final Path directory;
  private final Path slotFile;
  private final FileChannel slots;
  private final AtomicIntegerArray filled; // 0 or 1 per slot
  private final int resolution;
  private final int imageBytes;

  PackedShards(Path directory, int slotCount, int resolution) {
    this.directory = directory;
    this.resolution = resolution;
    this.imageBytes = CHANNELS * resolution * resolution;
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

  /** chw: uint8 [C, H, W]. */
  void put(int slot, byte[] chw) {
    try {
      ByteBuffer buffer = ByteBuffer.wrap(chw);
      long position = (long) slot * imageBytes;
      while (buffer.hasRemaining()) {
        position += slots.write(buffer, position);
      }
    } catch (IOException e) {
      throw cannotWrite(e);
    }
    filled.set(slot, 1);
  }

  int count() {
    int count = 0;
    for (int i = 0; i < filled.length(); i++) {
      count += filled.get(i);
    }
    return count;
  }

  /** Writes shards and manifest; {@code maxShardBytes} bounds each file. */
  DatasetManifest pack(long maxShardBytes, int skipped, List<String> skippedNames, String source) {
    int perShard = (int) Math.max(1, maxShardBytes / imageBytes);
    MessageDigest content = sha256();
    content.update(
        "atelier images %d %dx%dx%d uint8\n"
            .formatted(DatasetManifest.FORMAT_VERSION, CHANNELS, resolution, resolution)
            .getBytes(StandardCharsets.UTF_8));
    List<DatasetManifest.Shard> shards = new ArrayList<>();
    int total = count();
    try {
      int slot = 0;
      byte[] image = new byte[imageBytes];
      for (int done = 0; done < total; done += perShard) {
        String name = "images-%05d.u8".formatted(shards.size());
        int images = Math.min(perShard, total - done);
        MessageDigest digest = sha256();
        try (OutputStream out =
            new DigestOutputStream(
                new java.io.BufferedOutputStream(
                    Files.newOutputStream(directory.resolve(name)), 1 << 20),
                digest)) {
          for (int i = 0; i < images; slot++) {
            if (filled.get(slot) == 1) {
              read(slot, image);
              content.update(image);
              out.write(image);
              i++;
            }
          }
        }
        shards.add(
            new DatasetManifest.Shard(
                name, images, (long) images * imageBytes, hex(digest.digest())));
      }
      DatasetManifest manifest =
          new DatasetManifest(
              DatasetManifest.FORMAT_VERSION,
              hex(content.digest()),
              resolution,
              CHANNELS,
              total,
              shards,
              skipped,
              skippedNames,
              source);
      Files.write(directory.resolve(DatasetManifest.FILE_NAME), manifest.toJson());
      return manifest;
    } catch (IOException e) {
      throw cannotWrite(e);
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

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
  }

  private static String hex(byte[] digest) {
    return HexFormat.of().formatHex(digest);
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
