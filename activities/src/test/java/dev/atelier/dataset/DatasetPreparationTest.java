package dev.atelier.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.dataset.image.ImageDecoder;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DatasetSpec.ExifOrientation;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.imageio.ImageIO;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DatasetPreparationTest {

  @TempDir Path temporary;

  private final List<String> progress = new ArrayList<>();

  @Test
  void shouldGiveTheSameHashWhateverTheContainer() throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    for (int i = 9; i >= 0; i--) {
      files.put("set/" + i + ".png", png(flat(8, 8, 0x102030 * i)));
    }
    files.put("set/readme.txt", "no image".getBytes(java.nio.charset.StandardCharsets.UTF_8));

    List<Path> containers =
        List.of(
            directory("folder", files),
            write("a.zip", zip(files)),
            write("a.tar", tar(files)),
            write("a.tar.gz", gzip(tar(files))),
            write("a.tgz", gzip(tar(files))),
            write("a.tar.xz", xz(tar(files))),
            write("named-without-a-suffix", xz(tar(files))));

    List<DatasetManifest> manifests = new ArrayList<>();
    for (Path container : containers) {
      manifests.add(prepare(container.toString(), "", 8).manifest());
    }
    assertThat(manifests)
        .extracting(DatasetManifest::sha256)
        .containsOnly(manifests.get(0).sha256());
    assertThat(manifests).extracting(DatasetManifest::images).containsOnly(10);
    assertThat(manifests).extracting(DatasetManifest::skipped).containsOnly(0);

    files.put("set/3.png", png(flat(8, 8, 0xFFFFFF)));
    assertThat(prepare(write("b.zip", zip(files)).toString(), "", 8).manifest().sha256())
        .isNotEqualTo(manifests.get(0).sha256());
  }

  @Test
  void shouldOrderByNameAndKeepTheFirst() throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("c.png", png(flat(8, 8, 0x0C0000)));
    files.put("a.png", png(flat(8, 8, 0x0A0000)));
    files.put("b.png", png(flat(8, 8, 0x0B0000)));
    Path archive = write("order.tar", tar(files));

    PreparedDataset all = prepare(archive.toString(), "", 8);
    assertThat(firstRed(all)).containsExactly(10, 11, 12);

    PreparedDataset two =
        preparation(1 << 20).prepare(new DatasetSpec(archive.toString(), "", 8, 2), out());
    assertThat(firstRed(two)).containsExactly(10, 11);
  }

  @Test
  void shouldReadOnlyBelowTheSubdirectoryWhenOneIsNamed() throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("top/train/a.png", png(flat(8, 8, 0x010000)));
    files.put("top/train/deep/b.png", png(flat(8, 8, 0x020000)));
    files.put("top/training/c.png", png(flat(8, 8, 0x030000)));
    files.put("top/test/d.png", png(flat(8, 8, 0x040000)));
    Path archive = write("sub.zip", zip(files));

    assertThat(firstRed(prepare(archive.toString(), "top/train", 8))).containsExactly(1, 2);
    assertThat(firstRed(prepare(archive.toString(), "train", 8))).containsExactly(1, 2);
    assertThat(firstRed(prepare(archive.toString(), "./train/", 8))).containsExactly(1, 2);
    assertThatThrownBy(() -> prepare(archive.toString(), "validation", 8))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("below 'validation'");
  }

  @Test
  void shouldSkipCountAndNameDamagedImages() throws IOException {
    byte[] jpeg = encode(noise(64, 64), "jpg");
    byte[] bomb = png(flat(8, 8, 0));
    // Width and height of the PNG header: 100,000 x 100,000 pixels.
    System.arraycopy(new byte[] {0, 1, (byte) 0x86, (byte) 0xA0}, 0, bomb, 16, 4);
    System.arraycopy(new byte[] {0, 1, (byte) 0x86, (byte) 0xA0}, 0, bomb, 20, 4);
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("b-truncated.jpg", Arrays.copyOf(jpeg, jpeg.length / 2));
    files.put("a-text.jpg", "not an image".getBytes(java.nio.charset.StandardCharsets.UTF_8));
    files.put("c-empty.png", new byte[0]);
    files.put("d-bomb.png", bomb);
    files.put("e-whole.jpg", jpeg);
    files.put("._e-whole.jpg", new byte[10]);

    Path source = directory("damaged", files);
    assertThatThrownBy(() -> prepare(source.toString(), "", 16))
        .hasMessageContaining("4 of its 5 images are lost, expected at most a share of 0.1");
    DatasetManifest manifest =
        preparation(1 << 20)
            .prepare(new DatasetSpec(source.toString(), "", 16, null, 3, false, null, 0.8), out())
            .manifest();

    assertThat(manifest.images()).isEqualTo(1);
    assertThat(manifest.skipped()).isEqualTo(4);
    assertThat(manifest.skippedNames())
        .containsExactly("a-text.jpg", "b-truncated.jpg", "c-empty.png", "d-bomb.png");

    files.remove("e-whole.jpg");
    assertThatThrownBy(() -> prepare(directory("all-damaged", files).toString(), "", 16))
        .isInstanceOfSatisfying(
            DatasetException.class,
            e -> assertThat(e.kind()).isEqualTo(DatasetException.Kind.CORRUPT))
        .hasMessageContaining("found none that can be used; damaged: 4 (a-text.jpg, ");
  }

  @Test
  void shouldReadEveryKindOfPixel() throws IOException {
    BufferedImage grey8 = new BufferedImage(8, 8, BufferedImage.TYPE_BYTE_GRAY);
    fill(grey8, new int[] {100});
    BufferedImage grey16 = new BufferedImage(8, 8, BufferedImage.TYPE_USHORT_GRAY);
    fill(grey16, new int[] {100 * 257});
    BufferedImage half = new BufferedImage(8, 8, BufferedImage.TYPE_INT_ARGB);
    fill(half, new int[] {0, 0, 0, 128});
    BufferedImage indexed = new BufferedImage(8, 8, BufferedImage.TYPE_BYTE_INDEXED);
    for (int i = 0; i < 64; i++) {
      indexed.setRGB(i % 8, i / 8, 0xFFFF0000);
    }
    var rgb16Raster =
        java.awt.image.Raster.createInterleavedRaster(
            java.awt.image.DataBuffer.TYPE_USHORT, 8, 8, 3, null);
    BufferedImage rgb16 =
        new BufferedImage(
            new java.awt.image.ComponentColorModel(
                java.awt.color.ColorSpace.getInstance(java.awt.color.ColorSpace.CS_sRGB),
                false,
                false,
                java.awt.Transparency.OPAQUE,
                java.awt.image.DataBuffer.TYPE_USHORT),
            rgb16Raster,
            false,
            null);
    fill(rgb16, new int[] {200 * 257, 100 * 257, 50 * 257});

    assertPixel("grey8.png", png(grey8), 100, 100, 100);
    assertPixel("grey.jpg", encode(grey8, "jpg"), 100, 100, 100);
    assertPixel("grey16.png", png(grey16), 100, 100, 100);
    assertPixel("rgb16.png", png(rgb16), 200, 100, 50);
    assertPixel("alpha.png", png(half), 0, 0, 0); // the colour below, which is black
    assertPixel("red.gif", encode(indexed, "gif"), 255, 0, 0);
    assertPixel("blue.bmp", encode(flat(8, 8, 0x0000FF), "bmp"), 0, 0, 255);
  }

  @Test
  void shouldReadWebp() throws IOException {
    // 8 x 8 red pixels, lossless, as Pillow writes them.
    byte[] webp =
        java.util.Base64.getDecoder().decode("UklGRhwAAABXRUJQVlA4TA8AAAAvB8ABAAcQ/Y/+ByKi/wEA");
    assertPixel("one.webp", webp, 255, 0, 0);
  }

  @Test
  void shouldAverageWhatTheSmallerImageCannotShow() throws IOException {
    BufferedImage board = flat(32, 32, 0);
    for (int i = 0; i < 32 * 32; i++) {
      if ((i % 32 + i / 32) % 2 == 0) {
        board.setRGB(i % 32, i / 32, 0xFFFFFF);
      }
    }
    byte[] resized = new ImageDecoder(16, ExifOrientation.IGNORED).decode(png(board));
    for (byte value : resized) {
      assertThat(value & 0xFF).isCloseTo(128, within(8));
    }
    // Negative control: taking every other pixel sees one colour of the board alone.
    assertThat(board.getRGB(0, 0) & 0xFF).isEqualTo(255);
    assertThat(board.getRGB(2, 2) & 0xFF).isEqualTo(255);
  }

  @Test
  void shouldKeepTheCentredSquare() throws IOException {
    BufferedImage wide = flat(24, 8, 0xFF0000);
    for (int y = 0; y < 8; y++) {
      for (int x = 8; x < 16; x++) {
        wide.setRGB(x, y, 0x00FF00);
      }
    }
    byte[] chw = new ImageDecoder(8, ExifOrientation.IGNORED).decode(png(wide));
    assertThat(Arrays.copyOfRange(chw, 0, 64)).containsOnly(0);
    assertThat(Arrays.copyOfRange(chw, 64, 128)).containsOnly(-1);
  }

  @Test
  void shouldReadCifarBinaryFilesAndLeaveTheTestBatchOut() throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("cifar-10-batches-bin/test_batch.bin", cifar(2, 90));
    files.put("cifar-10-batches-bin/data_batch_2.bin", cifar(1, 20));
    files.put("cifar-10-batches-bin/data_batch_1.bin", cifar(3, 10));
    Path archive = write("cifar.tar.gz", gzip(tar(files)));

    PreparedDataset train = prepare(archive.toString(), "", 32);
    assertThat(firstRed(train)).containsExactly(10, 11, 12, 20);
    byte[] image = new byte[3 * 32 * 32];
    images(train).copy(1, image, 0);
    assertThat(image).isEqualTo(Arrays.copyOfRange(cifar(3, 10), 3074, 2 * 3073));

    assertThat(firstRed(prepare(directory("cifar", files).toString(), "test_batch.bin", 32)))
        .containsExactly(90, 91);
    files.put("cifar-10-batches-bin/data_batch_1.bin", new byte[3072]);
    assertThatThrownBy(() -> prepare(directory("short", files).toString(), "", 32))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("expected a multiple of 3073");
  }

  @Test
  void shouldSplitIntoShardsWithoutChangingTheHash() {
    DatasetSpec spec = new DatasetSpec("shapes?count=10&seed=3", "", 8, null);
    PreparedDataset one = preparation(1 << 20).prepare(spec, out());
    PreparedDataset many = preparation(3 * 192).prepare(spec, out());
    assertThat(many.manifest().shards())
        .extracting(DatasetManifest.Shard::images)
        .containsExactly(3, 3, 3, 1);
    assertThat(many.manifest().sha256()).isEqualTo(one.manifest().sha256());
    byte[] expected = new byte[192];
    byte[] found = new byte[200];
    for (int i = 0; i < 10; i++) {
      images(one).copy(i, expected, 0);
      images(many).copy(i, found, 8);
      assertThat(Arrays.copyOfRange(found, 8, 200)).isEqualTo(expected);
    }
    assertThatThrownBy(() -> images(many).copy(10, found, 0))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThat(DatasetManifest.read(many.manifest().toJson())).isEqualTo(many.manifest());
  }

  @Test
  void shouldRefuseAShardOfTheWrongSize() throws IOException {
    PreparedDataset prepared =
        preparation(1 << 20).prepare(new DatasetSpec("shapes?count=2", "", 8, null), out());
    Path shard = prepared.directory().resolve("images-00000.u8");
    Files.write(shard, Arrays.copyOf(Files.readAllBytes(shard), 383));
    assertThatThrownBy(() -> images(prepared))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("expected 384 bytes, found 383");
  }

  @Test
  void shouldTellSourcesOfTheSameContentByNothingElse() throws IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("a.png", png(flat(8, 8, 0x0A0000)));
    files.put("b.png", png(flat(8, 8, 0x0B0000)));
    byte[] zip = zip(files); // which holds the time, too
    String zipped = content(write("one.zip", zip).toString());
    String folder = content(directory("one", files).toString());
    assertThat(content(write("other-name.zip", zip).toString())).isEqualTo(zipped);

    files.put("notes.txt", new byte[] {1}); // no image
    assertThat(content(directory("two", files).toString())).isEqualTo(folder);
    files.put("b.png", png(flat(8, 8, 0x0C0000)));
    assertThat(content(directory("three", files).toString())).isNotEqualTo(folder);
    assertThat(content(write("three.zip", zip(files)).toString())).isNotEqualTo(zipped);
    files.put("b.png", png(flat(8, 8, 0x0B0000)));
    files.put("c.png", files.remove("a.png"));
    assertThat(content(directory("four", files).toString())).isNotEqualTo(folder);

    assertThat(content("shapes")).isEqualTo(content("shapes?seed=0"));
    assertThat(content("shapes")).isNotEqualTo(content("shapes?seed=1"));
    assertThat(content("cifar10")).as("known without fetching it").contains("c32a1d4ab5d03f1284b6");
  }

  private String content(String source) {
    return preparation(1 << 20).find(new DatasetSpec(source, "", 8, null)).content();
  }

  @Test
  void shouldDrawTheSameShapesAgain() {
    DatasetManifest manifest =
        preparation(1 << 20)
            .prepare(new DatasetSpec("shapes?count=50", "", 16, null), out())
            .manifest();
    assertThat(
            preparation(1 << 20)
                .prepare(new DatasetSpec("shapes?seed=0&count=80", "", 16, 50), out())
                .manifest()
                .sha256())
        .isEqualTo(manifest.sha256());
    assertThat(
            preparation(1 << 20)
                .prepare(new DatasetSpec("shapes?count=50&seed=1", "", 16, null), out())
                .manifest()
                .sha256())
        .isNotEqualTo(manifest.sha256());
    assertThat(progress).contains("drew 50 of 50 images");
  }

  @Test
  void shouldSayClearlyWhatIsWrongWithASource() throws IOException {
    assertKind("shapes?count=0", DatasetException.Kind.CORRUPT, "found 0");
    assertKind("shapes?colour=red", DatasetException.Kind.CORRUPT, "unknown parameter 'colour'");
    assertKind(
        "gopher://x/y",
        DatasetException.Kind.CORRUPT,
        "expected file, http, https, s3 or, for a teacher, hf");
    assertKind(
        temporary.resolve("missing").toString(), DatasetException.Kind.UNREACHABLE, "there is no");
    assertKind(
        Files.createDirectory(temporary.resolve("empty")).toString(),
        DatasetException.Kind.CORRUPT,
        "found none");
    byte[] whole = gzip(tar(Map.of("a.png", png(noise(200, 200)))));
    assertKind(
        write("cut.tar.gz", Arrays.copyOf(whole, whole.length / 2)).toString(),
        DatasetException.Kind.CORRUPT,
        "The archive ends early.");
    assertKind("s3://bucket/x.zip?secret=1", DatasetException.Kind.CORRUPT, "s3://bucket/x.zip'");
    assertKind("s3://bucket/x.zip", DatasetException.Kind.UNREACHABLE, "s3://bucket/x.zip'");
  }

  private void assertKind(String source, DatasetException.Kind kind, String part) {
    assertThatThrownBy(() -> prepare(source, "", 8))
        .isInstanceOfSatisfying(DatasetException.class, e -> assertThat(e.kind()).isEqualTo(kind))
        .hasMessageContaining(part);
  }

  private void assertPixel(String name, byte[] file, int red, int green, int blue)
      throws IOException {
    PreparedDataset prepared =
        prepare(directory(name + "-dir", Map.of(name, file)).toString(), "", 8);
    byte[] chw = new byte[192];
    images(prepared).copy(0, chw, 0);
    assertThat(new int[] {chw[0] & 0xFF, chw[64] & 0xFF, chw[128] & 0xFF})
        .as(name)
        .containsExactly(red, green, blue);
  }

  private PreparedDataset prepare(String source, String subdirectory, int resolution) {
    return preparation(1 << 20)
        .prepare(new DatasetSpec(source, subdirectory, resolution, null), out());
  }

  private DatasetPreparation preparation(long maxShardBytes) {
    return new DatasetPreparation(
        temporary.resolve("cache"),
        uri -> {
          throw new IOException("no such object");
        },
        progress::add,
        DatasetPreparation.CIFAR10_BASE,
        DatasetPreparation.CIFAR10_MD5,
        maxShardBytes);
  }

  private int outputs;

  private Path out() {
    return temporary.resolve("out-" + outputs++);
  }

  private static PackedImages images(PreparedDataset prepared) {
    return PackedImages.open(
        prepared.manifest(),
        prepared.manifest().shards().stream()
            .map(shard -> prepared.directory().resolve(shard.name()))
            .toList());
  }

  private static List<Integer> firstRed(PreparedDataset prepared) {
    PackedImages images = images(prepared);
    byte[] chw = new byte[3 * images.resolution() * images.resolution()];
    List<Integer> values = new ArrayList<>();
    for (int i = 0; i < images.count(); i++) {
      images.copy(i, chw, 0);
      values.add(chw[0] & 0xFF);
    }
    return values;
  }

  private Path directory(String name, Map<String, byte[]> files) throws IOException {
    Path root = temporary.resolve(name);
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      Path path = root.resolve(file.getKey());
      Files.createDirectories(path.getParent());
      Files.write(path, file.getValue());
    }
    return root;
  }

  private Path write(String name, byte[] bytes) throws IOException {
    return Files.write(temporary.resolve(name), bytes);
  }

  private static BufferedImage flat(int width, int height, int rgb) {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < width * height; i++) {
      image.setRGB(i % width, i / width, rgb);
    }
    return image;
  }

  private static BufferedImage noise(int width, int height) {
    BufferedImage image = flat(width, height, 0);
    java.util.Random random = new java.util.Random(1);
    for (int i = 0; i < width * height; i++) {
      image.setRGB(i % width, i / width, random.nextInt());
    }
    return image;
  }

  private static void fill(BufferedImage image, int[] samples) {
    for (int i = 0; i < 64; i++) {
      image.getRaster().setPixel(i % 8, i / 8, samples);
    }
  }

  /** Records of a label and 3072 bytes: the first is a running number, the rest a pattern. */
  private static byte[] cifar(int images, int first) {
    byte[] bytes = new byte[images * 3073];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (i % 3073 == 1 ? first + i / 3073 : i * 7 + first);
    }
    return bytes;
  }

  static byte[] png(BufferedImage image) throws IOException {
    return encode(image, "png");
  }

  private static byte[] encode(BufferedImage image, String format) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    assertThat(ImageIO.write(image, format, bytes)).isTrue();
    return bytes.toByteArray();
  }

  private static byte[] zip(Map<String, byte[]> files) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        zip.putNextEntry(new ZipEntry(file.getKey()));
        zip.write(file.getValue());
      }
    }
    return bytes.toByteArray();
  }

  static byte[] tar(Map<String, byte[]> files) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes)) {
      List<String> names = new ArrayList<>(files.keySet());
      Collections.shuffle(names, new java.util.Random(5));
      for (String name : names) {
        TarArchiveEntry entry = new TarArchiveEntry("./" + name);
        entry.setSize(files.get(name).length);
        tar.putArchiveEntry(entry);
        tar.write(files.get(name));
        tar.closeArchiveEntry();
      }
    }
    return bytes.toByteArray();
  }

  static byte[] gzip(byte[] plain) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(bytes)) {
      out.write(plain);
    }
    return bytes.toByteArray();
  }

  private static byte[] xz(byte[] plain) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = new XZCompressorOutputStream(bytes)) {
      out.write(plain);
    }
    return bytes.toByteArray();
  }
}
