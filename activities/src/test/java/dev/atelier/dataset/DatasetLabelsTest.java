package dev.atelier.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.spec.DatasetSpec;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DatasetLabelsTest {
  @TempDir Path temporary;

  @Test
  void shouldLabelImagesByTheirFolderWhenClassesAreAsked() throws IOException {
    Path source = temporary.resolve("photos");
    image(source.resolve("train/dog/a/1.png"), 0x110000);
    image(source.resolve("train/cat/2.png"), 0x220000);
    image(source.resolve("train/dog/3.png"), 0x330000);
    image(source.resolve("train/eel/4.png"), 0x440000);

    PreparedDataset prepared = prepare(source.toString(), 3, true);

    assertThat(names(prepared)).containsExactly("cat", "dog", "eel");
    PackedImages images = open(prepared);
    byte[] chw = new byte[192];
    for (int i = 0; i < images.count(); i++) {
      images.copy(i, chw, 0);
      int expected = List.of(0x22, 0x11, 0x33, 0x44).indexOf(chw[0] & 0xFF);
      assertThat(images.label(i)).isEqualTo(new int[] {0, 1, 1, 2}[expected]);
    }
  }

  @Test
  void shouldGiveAnotherDatasetWhenOnlyLabelsDiffer() throws IOException {
    Path one = temporary.resolve("one");
    image(one.resolve("a/1.png"), 0x110000);
    image(one.resolve("b/2.png"), 0x220000);
    Path other = temporary.resolve("other");
    image(other.resolve("a/1.png"), 0x110000);
    image(other.resolve("c/2.png"), 0x220000);

    String labelled = prepare(one.toString(), 3, true).manifest().sha256();
    assertThat(prepare(other.toString(), 3, true).manifest().sha256()).isNotEqualTo(labelled);
    String plain = prepare(one.toString(), 3, false).manifest().sha256();
    assertThat(plain).isNotEqualTo(labelled);
    assertThat(prepare(other.toString(), 3, false).manifest().sha256()).isEqualTo(plain);
    assertThat(open(prepare(one.toString(), 3, false)).label(1)).isZero();
  }

  @Test
  void shouldSayWhatIsMissingWhenImagesHaveNoClasses() throws IOException {
    Path source = temporary.resolve("flat");
    image(source.resolve("1.png"), 0x110000);
    image(source.resolve("a/2.png"), 0x220000);
    assertThatThrownBy(() -> prepare(source.toString(), 3, true))
        .isInstanceOfSatisfying(
            DatasetException.class,
            e -> assertThat(e.kind()).isEqualTo(DatasetException.Kind.CORRUPT))
        .hasMessageContaining("found 1 folders and 1 images outside of them");
  }

  @Test
  void shouldNameTheClassOfWhichNoImageIsKept() throws IOException {
    Path source = temporary.resolve("few");
    image(source.resolve("a/1.png"), 0x110000);
    image(source.resolve("b/2.png"), 0x220000);
    DatasetSpec spec = new DatasetSpec(source.toString(), "", 8, 1, 3, true);
    assertThatThrownBy(() -> prepare(spec))
        .hasMessageContaining("found none of 'b'")
        .hasMessageContaining("dataset.maxImages");
  }

  @Test
  void shouldLabelShapesByTheirKind() throws IOException {
    PreparedDataset prepared = prepare("shapes?count=40&seed=5", 3, true);
    assertThat(names(prepared)).containsExactly("circle", "square", "triangle", "cross");
    PackedImages images = open(prepared);
    ShapesGenerator generator = new ShapesGenerator(5);
    for (int i = 0; i < 40; i++) {
      assertThat(names(prepared).get(images.label(i)))
          .isEqualToIgnoringCase(generator.scene(i).shape().word());
    }
    assertThat(IntStream.range(0, 40).map(images::label).distinct().count()).isEqualTo(4);
  }

  @Test
  void shouldReadTheLabelsOfCifar10() throws IOException {
    byte[] records = new byte[10 * 3073];
    for (int i = 0; i < 10; i++) {
      records[i * 3073] = (byte) (i * 7 % 10);
    }
    Path source = Files.createDirectory(temporary.resolve("cifar"));
    Files.write(source.resolve("data_batch_1.bin"), records);

    PreparedDataset prepared = prepare(source.toString(), 3, true);

    assertThat(names(prepared)).hasSize(10).startsWith("airplane").endsWith("truck");
    PackedImages images = open(prepared);
    assertThat(IntStream.range(0, 10).map(images::label))
        .containsExactly(0, 7, 4, 1, 8, 5, 2, 9, 6, 3);

    records[3073] = 10;
    Files.write(source.resolve("data_batch_1.bin"), records);
    assertThatThrownBy(() -> prepare(source.toString(), 3, true))
        .hasMessageContaining("'data_batch_1.bin' has the label 10");
  }

  // Expected: Pillow 13, Image.convert("L").
  @ParameterizedTest
  @CsvSource({
    "255, 0, 0, 76",
    "0, 255, 0, 150",
    "0, 0, 255, 29",
    "10, 20, 30, 18",
    "200, 123, 7, 133",
    "255, 255, 255, 255",
    "1, 2, 3, 2"
  })
  void shouldEqualPillowWhenGreyIsAsked(int red, int green, int blue, int expected)
      throws IOException {
    Path source = temporary.resolve("colour");
    image(source.resolve("1.png"), red << 16 | green << 8 | blue);
    PackedImages images = open(prepare(source.toString(), 1, false));
    byte[] grey = new byte[64];
    images.copy(0, grey, 0);
    assertThat(images.channels()).isEqualTo(1);
    assertThat(grey).containsOnly(expected);
  }

  private PreparedDataset prepare(String source, int channels, boolean classConditional)
      throws IOException {
    return prepare(new DatasetSpec(source, "", 8, null, channels, classConditional));
  }

  private PreparedDataset prepare(DatasetSpec spec) throws IOException {
    DatasetPreparation preparation =
        new DatasetPreparation(
            temporary.resolve("cache"),
            uri -> {
              throw new IOException("no such object");
            },
            sentence -> {});
    return preparation.prepare(spec, Files.createTempDirectory(temporary, "out-"));
  }

  private static List<String> names(PreparedDataset prepared) {
    return prepared.manifest().classes().stream().map(DatasetManifest.ImageClass::name).toList();
  }

  private static PackedImages open(PreparedDataset prepared) {
    return PackedImages.open(
        prepared.manifest(),
        prepared.manifest().shards().stream()
            .map(s -> prepared.directory().resolve(s.name()))
            .toList(),
        prepared.manifest().labels().stream()
            .map(s -> prepared.directory().resolve(s.name()))
            .toList());
  }

  private static void image(Path file, int rgb) throws IOException {
    Files.createDirectories(file.getParent());
    BufferedImage image = new BufferedImage(8, 8, BufferedImage.TYPE_INT_RGB);
    int[] pixels = new int[64];
    java.util.Arrays.fill(pixels, rgb);
    image.setRGB(0, 0, 8, 8, pixels, 0, 8);
    ImageIO.write(image, "png", file.toFile());
  }
}
