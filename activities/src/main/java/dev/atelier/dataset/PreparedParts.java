package dev.atelier.dataset;

import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DatasetSpecBuilder;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Joins what was prepared of the shards of a source, each of which is fetched, prepared and dropped
 * before the next: the disk holds one of them, and what is made.
 */
public final class PreparedParts implements Closeable {

  /** Prepares one shard. */
  @FunctionalInterface
  public interface Part {
    /**
     * Makes a {@link Extent#PART} of a dataset below {@code work}.
     *
     * @param pattern that names the shard
     */
    PreparedDataset prepare(Path pattern, DatasetSpec spec, Path work) throws IOException;
  }

  private final Path directory;
  private final DatasetSpec spec;
  private final PreparationListener listener;
  private final ShardWriter images;
  private final OutputStream captions;
  private final PassedOverFiles passedOver = new PassedOverFiles();
  private final Map<String, Integer> classes = new HashMap<>(); // in the order of their coming
  private final ByteArrayOutputStream labels = new ByteArrayOutputStream(); // of that order, uint16
  private int captionCount;
  private long captionBytes;

  private PreparedParts(
      Path directory, DatasetSpec spec, PreparationListener listener, long maxShardBytes)
      throws IOException {
    this.directory = directory;
    this.spec = spec;
    this.listener = listener;
    Files.createDirectories(directory);
    Files.deleteIfExists(directory.resolve(DatasetManifest.FILE_NAME));
    images = new ShardWriter(directory, spec.channels(), spec.resolution(), maxShardBytes);
    captions =
        spec.captions().isPresent()
            ? new BufferedOutputStream(
                Files.newOutputStream(directory.resolve(CaptionLine.FILE_NAME)), 1 << 16)
            : OutputStream.nullOutputStream();
  }

  /**
   * Prepares {@code shards} in their order, as far as images are wanted.
   *
   * @param directory for what is made, and for the shard at hand
   * @throws DatasetException if a shard cannot be fetched or used, or too many images are lost
   */
  public static PreparedDataset of(
      RemoteShards shards,
      DatasetSpec spec,
      Path directory,
      Part part,
      PreparationListener listener)
      throws IOException {
    return of(shards, spec, directory, part, listener, PackedShards.MAX_SHARD_BYTES);
  }

  static PreparedDataset of(
      RemoteShards shards,
      DatasetSpec spec,
      Path directory,
      Part part,
      PreparationListener listener,
      long maxShardBytes)
      throws IOException {
    try (PreparedParts parts = new PreparedParts(directory, spec, listener, maxShardBytes)) {
      int done = 0;
      for (String name : shards.names()) {
        int room = spec.maxImages() - parts.seen();
        if (room <= 0) {
          break;
        }
        listener.onProgress(
            "shard %d of %d, after %d images"
                .formatted(++done, shards.names().size(), parts.images.images()));
        DatasetSpec rest = DatasetSpecBuilder.builder(spec).maxImages(room).build();
        Path held = directory.resolve("shard");
        Path work = Files.createDirectories(directory.resolve("part"));
        try {
          fetch(shards, name, spec, held.resolve(name));
          parts.add(part.prepare(held.resolve(ShardNames.alone(name)), rest, work));
        } catch (DatasetException e) {
          throw new DatasetException(
              e.kind(),
              "%s It was read from its shard '%s'."
                  .formatted(e.getMessage(), EntryName.shown(name)),
              e);
        } finally {
          delete(held);
          delete(work);
        }
        parts.requireAnyImage();
      }
      return new PreparedDataset(directory, parts.joined());
    }
  }

  private static void fetch(RemoteShards shards, String name, DatasetSpec spec, Path file) {
    try {
      shards.fetch(name, file);
    } catch (IOException e) {
      throw new DatasetException(
          DatasetException.Kind.UNREACHABLE,
          "Cannot fetch '%s': %s".formatted(SourceName.shown(spec.source()), e.getMessage()),
          e);
    }
  }

  private static void delete(Path folder) throws IOException {
    if (Files.exists(folder)) {
      try (Stream<Path> all = Files.walk(folder)) {
        for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(path);
        }
      }
    }
  }

  /** Images that count for {@code maxImages}, lost ones among them. */
  private int seen() {
    return images.images() + passedOver.lostCount();
  }

  private void add(PreparedDataset part) throws IOException {
    DatasetManifest manifest = part.manifest();
    manifest.passedOver().forEach(passedOver::add);
    byte[] image = new byte[spec.channels() * spec.resolution() * spec.resolution()];
    for (DatasetManifest.Shard shard : manifest.shards()) {
      try (InputStream in = Files.newInputStream(part.directory().resolve(shard.name()))) {
        for (int i = 0; i < shard.images(); i++) {
          in.readNBytes(image, 0, image.length);
          images.add(image);
        }
      }
      listener.onProgress("joined %d images".formatted(images.images()));
    }
    for (DatasetManifest.Shard file : manifest.labels()) {
      addLabels(manifest, Files.readAllBytes(part.directory().resolve(file.name())));
    }
    for (DatasetManifest.Shard file : manifest.captions()) {
      captionBytes += file.bytes();
      CaptionSlots.requireFits(captionBytes);
      Files.copy(part.directory().resolve(file.name()), captions);
    }
    captionCount += manifest.captionCount();
  }

  private void addLabels(DatasetManifest manifest, byte[] ofPart) {
    int[] numbers = new int[manifest.classes().size()];
    for (int i = 0; i < numbers.length; i++) {
      DatasetManifest.ImageClass one = manifest.classes().get(i);
      if (one.images() > 0) {
        numbers[i] = classes.computeIfAbsent(one.name(), name -> classes.size());
      }
    }
    ImageLabels.requireFits(classes.size());
    ByteBuffer buffer = ByteBuffer.wrap(ofPart).order(ByteOrder.LITTLE_ENDIAN);
    while (buffer.hasRemaining()) {
      int number = numbers[buffer.getShort() & 0xFFFF];
      labels.write(number);
      labels.write(number >> 8);
    }
  }

  /** A source none of whose images can be used is refused before the rest of it is fetched. */
  private void requireAnyImage() {
    if (images.images() == 0 && passedOver.lostCount() > 0) {
      DatasetPreparation.requireImages(0, passedOver, spec);
    }
  }

  private DatasetManifest joined() throws IOException {
    captions.close();
    DatasetPreparation.requireImages(images.images(), passedOver, spec);
    List<String> names = new ArrayList<>(classes.keySet());
    names.sort(ImageLabels.ORDER);
    int[] places = new int[names.size()];
    IntStream.range(0, places.length).forEach(i -> places[classes.get(names.get(i))] = i);
    int[] counts = new int[places.length];
    ByteBuffer sorted = ByteBuffer.wrap(labels.toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at < sorted.limit(); at += Short.BYTES) {
      int label = places[sorted.getShort(at) & 0xFFFF];
      counts[label]++;
      sorted.putShort(at, (short) label);
    }
    return PackedShards.writeManifest(
        directory,
        images,
        spec.resolution(),
        spec.channels(),
        IntStream.range(0, counts.length)
            .mapToObj(i -> new DatasetManifest.ImageClass(names.get(i), counts[i]))
            .toList(),
        sorted.array(),
        spec.captions().isPresent() ? Optional.of(captionCount) : Optional.empty(),
        passedOver.all(),
        SourceName.shown(spec.source()),
        listener);
  }

  @Override
  public void close() throws IOException {
    images.close();
    captions.close();
  }
}
