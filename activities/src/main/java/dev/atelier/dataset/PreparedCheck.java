package dev.atelier.dataset;

import dev.atelier.spec.DatasetSpec;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads what another process has prepared of a user's files without trust in it: nothing but plain
 * files of the expected names, sizes, labels and hashes.
 */
public final class PreparedCheck {

  private static final long MOST_MANIFEST_BYTES = 64L << 20;

  private final Path directory;
  private final DatasetSpec spec;
  private final PreparationListener listener;

  private PreparedCheck(Path directory, DatasetSpec spec, PreparationListener listener) {
    this.directory = directory;
    this.spec = spec;
    this.listener = listener;
  }

  /**
   * The dataset in {@code directory}, prepared of what {@code spec} names.
   *
   * @throws IOException if it is not what it should be; says what does not fit
   */
  public static PreparedDataset read(Path directory, DatasetSpec spec, PreparationListener listener)
      throws IOException {
    return read(directory, spec, Extent.WHOLE, listener);
  }

  /**
   * Alike, of a dataset or of what others are joined to, which may have no image.
   *
   * @throws IOException if it is not what it should be; says what does not fit
   */
  public static PreparedDataset read(
      Path directory, DatasetSpec spec, Extent extent, PreparationListener listener)
      throws IOException {
    PreparedCheck check = new PreparedCheck(directory, spec, listener);
    try {
      DatasetManifest manifest = check.manifest();
      boolean isEmpty =
          manifest.images() == 0 && manifest.files().stream().allMatch(f -> f.bytes() == 0);
      if (extent == Extent.WHOLE || !isEmpty) {
        check.requireContent(manifest);
      }
      return new PreparedDataset(directory, manifest);
    } catch (DatasetException e) {
      throw new IOException(e.getMessage(), e); // of whoever wrote it, not of the user's files
    }
  }

  private DatasetManifest manifest() throws IOException {
    require(Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS), "there is no folder of it");
    Path file = plain(DatasetManifest.FILE_NAME);
    require(Files.size(file) <= MOST_MANIFEST_BYTES, "its manifest has more than 64 MB");
    DatasetManifest manifest = DatasetManifest.read(Files.readAllBytes(file));
    require(
        manifest.resolution() == spec.resolution()
            && manifest.channels() == spec.channels()
            && manifest.images() <= spec.maxImages()
            && (manifest.images() == 0 || manifest.classes().isEmpty() != spec.classConditional())
            && manifest.captions().isEmpty() != spec.captions().isPresent()
            && manifest.source().equals(SourceName.shown(spec.source())),
        "it is not of this spec");
    return manifest;
  }

  private void requireContent(DatasetManifest manifest) throws IOException {
    List<Path> shards = new ArrayList<>();
    for (DatasetManifest.Shard shard : manifest.shards()) {
      require(shard.name().equals(PackedShards.shardName(shards.size())), "a shard's name");
      shards.add(plain(shard.name()));
    }
    List<Path> labels = new ArrayList<>();
    for (DatasetManifest.Shard file : manifest.labels()) {
      require(file.name().equals(PackedShards.LABELS_FILE), "the name of its labels");
      labels.add(plain(file.name()));
    }
    List<Path> captions = new ArrayList<>();
    for (DatasetManifest.Shard file : manifest.captions()) {
      require(file.name().equals(CaptionLine.FILE_NAME), "the name of its captions");
      captions.add(plain(file.name()));
    }
    PackedImages images = PackedImages.open(manifest, shards, labels, captions);
    requireClasses(manifest, images);
    requireCaptions(manifest, images);
    MessageDigest content = PackedShards.contentOf(manifest.channels(), manifest.resolution());
    for (int i = 0; i < shards.size(); i++) {
      require(
          hash(shards.get(i), content).equals(manifest.shards().get(i).sha256()),
          "the hash of a shard");
      listener.onProgress("checked %d of %d files".formatted(i + 1, shards.size()));
    }
    for (Path file : labels) {
      byte[] bytes = Files.readAllBytes(file);
      require(
          ContentHash.of(bytes).equals(manifest.labels().get(0).sha256()),
          "the hash of its labels");
      PackedShards.addClasses(
          content,
          manifest.classes().stream().map(DatasetManifest.ImageClass::name).toList(),
          bytes);
    }
    for (Path file : captions) {
      require(
          hash(file, ContentHash.sha256()).equals(manifest.captions().get(0).sha256()),
          "the hash of its captions");
      PackedShards.addCaptions(content, file);
    }
    require(ContentHash.hex(content.digest()).equals(manifest.sha256()), "its hash");
  }

  private static void requireClasses(DatasetManifest manifest, PackedImages images)
      throws IOException {
    int[] counts = new int[manifest.classes().size()];
    for (int i = 0; i < images.count() && counts.length > 0; i++) {
      counts[images.label(i)]++;
    }
    for (int label = 0; label < counts.length; label++) {
      require(
          counts[label] == manifest.classes().get(label).images(),
          "the number of a class's images");
    }
  }

  private static void requireCaptions(DatasetManifest manifest, PackedImages images)
      throws IOException {
    long count = 0;
    for (int i = 0; i < images.count() && !manifest.captions().isEmpty(); i++) {
      count += images.captions(i).size();
    }
    require(count == manifest.captionCount(), "the number of its captions");
  }

  private static String hash(Path shard, MessageDigest content) throws IOException {
    MessageDigest digest = ContentHash.sha256();
    byte[] buffer = new byte[1 << 16];
    try (InputStream in = Files.newInputStream(shard)) {
      for (int read; (read = in.read(buffer)) >= 0; ) {
        digest.update(buffer, 0, read);
        content.update(buffer, 0, read);
        if (Thread.currentThread().isInterrupted()) {
          throw new InterruptedIOException("The preparation was interrupted.");
        }
      }
    }
    return ContentHash.hex(digest.digest());
  }

  private Path plain(String name) throws IOException {
    Path file = directory.resolve(name);
    require(
        Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS), "'%s' is no file".formatted(name));
    return file;
  }

  private static void require(boolean condition, String what) throws IOException {
    if (!condition) {
      throw new IOException("The prepared dataset is not as it should be: %s.".formatted(what));
    }
  }
}
