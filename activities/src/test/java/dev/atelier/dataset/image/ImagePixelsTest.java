package dev.atelier.dataset.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.atelier.spec.DatasetSpec.ExifOrientation;
import java.awt.Rectangle;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Against Pillow's pixels of the same files (resources: images/formats.py). */
class ImagePixelsTest {

  private static final int RESOLUTION = 8;

  /** Whose first image is whole long before the file ends. */
  private static final Set<String> MORE_THAN_ONE_IMAGE =
      Set.of("animated.gif", "animated.webp", "animated-lossless.webp", "pages.tif");

  /** uint8 [height, width, 3]. */
  @SuppressWarnings("ArrayRecordComponent") // compared by hand
  private record Pixels(int width, int height, byte[] rgb) {

    static Pixels stored(Path file) throws IOException {
      ByteBuffer stored = ByteBuffer.wrap(Files.readAllBytes(file));
      int width = stored.getInt();
      int height = stored.getInt();
      byte[] rgb = new byte[stored.remaining()];
      stored.get(rgb);
      return new Pixels(width, height, rgb);
    }

    /** The centred square, resized as Pillow does: uint8 [3, RESOLUTION, RESOLUTION]. */
    byte[] fitted() {
      int side = Math.min(width, height);
      byte[] square = new byte[3 * side * side];
      for (int y = 0; y < side; y++) {
        int row = (y + (height - side) / 2) * width + (width - side) / 2;
        System.arraycopy(rgb, 3 * row, square, 3 * side * y, 3 * side);
      }
      byte[] small =
          PillowResize.resize(
              PillowResize.Filter.LANCZOS, square, side, side, 3, RESOLUTION, RESOLUTION);
      byte[] planes = new byte[small.length];
      for (int i = 0; i < small.length; i++) {
        planes[i % 3 * RESOLUTION * RESOLUTION + i / 3] = small[i];
      }
      return planes;
    }
  }

  private static List<Path> files() throws IOException, URISyntaxException {
    Path folder =
        Path.of(
            Objects.requireNonNull(ImagePixelsTest.class.getResource("/images/formats")).toURI());
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> !file.toString().endsWith(".rgb")).sorted().toList();
    }
  }

  private static Path beside(Path file, String suffix) {
    return file.resolveSibling(file.getFileName() + suffix);
  }

  private static Picture open(byte[] file) throws IOException {
    return ImageDecoder.open(ImageFormat.of(file).orElseThrow(), file);
  }

  private static byte[] read(Picture picture, int left, int width, int rowsAtOnce)
      throws IOException {
    ByteArrayOutputStream rgb = new ByteArrayOutputStream();
    for (int y = 0; y < picture.height(); y += rowsAtOnce) {
      int rows = Math.min(rowsAtOnce, picture.height() - y);
      picture.read(new Rectangle(left, y, width, rows), row -> rgb.write(row, 0, row.length));
    }
    return rgb.toByteArray();
  }

  @Test
  void shouldHavePillowsPixelsInEveryFormat() throws Exception {
    Set<ImageFormat> seen = EnumSet.noneOf(ImageFormat.class);
    for (Path file : files()) {
      byte[] bytes = Files.readAllBytes(file);
      seen.add(ImageFormat.of(bytes).orElseThrow());
      assertThat(ImageFormat.isNamed(file.getFileName().toString())).isTrue();
      if (file.getFileName().toString().startsWith("turned")) {
        continue; // of the other side; below
      }
      Pixels expected = Pixels.stored(beside(file, ".rgb"));
      try (Picture picture = open(bytes)) {
        assertThat(List.of(picture.width(), picture.height()))
            .as(file.toString())
            .isEqualTo(List.of(expected.width, expected.height));
        assertThat(read(picture, 0, picture.width(), picture.height()))
            .as(file.toString())
            .isEqualTo(expected.rgb);
      }
    }
    assertThat(seen).isEqualTo(EnumSet.allOf(ImageFormat.class));
  }

  @Test
  void shouldHaveTheSamePixelsWhenAnImageIsReadInRegions() throws Exception {
    for (Path file : files()) {
      try (Picture picture = open(Files.readAllBytes(file))) {
        byte[] whole = read(picture, 0, picture.width(), picture.height());
        assertThat(read(picture, 0, picture.width(), 5)).as(file.toString()).isEqualTo(whole);
        byte[] columns = new byte[3 * 7 * picture.height()];
        for (int y = 0; y < picture.height(); y++) {
          System.arraycopy(whole, 3 * (y * picture.width() + 3), columns, 3 * 7 * y, 3 * 7);
        }
        assertThat(read(picture, 3, 7, 4)).as(file.toString()).isEqualTo(columns);
      }
    }
  }

  @Test
  void shouldCropAndResizeTheSameInAnyMemory() throws Exception {
    DecodingMemory little = new DecodingMemory(1 << 10);
    for (Path file : files()) {
      byte[] bytes = Files.readAllBytes(file);
      assertThat(new ImageDecoder(RESOLUTION, ExifOrientation.IGNORED, little).decode(bytes))
          .as(file.toString())
          .isEqualTo(Pixels.stored(beside(file, ".rgb")).fitted());
    }
  }

  @Test
  void shouldTurnAsExifSaysOnlyWhenAsked() throws Exception {
    int turned = 0;
    for (Path file : files()) {
      Path expected = beside(file, ".turned.rgb");
      if (!Files.exists(expected)) {
        continue;
      }
      byte[] bytes = Files.readAllBytes(file);
      byte[] stored = Pixels.stored(beside(file, ".rgb")).fitted();
      byte[] seen = Pixels.stored(expected).fitted();
      assertThat(decode(bytes)).isEqualTo(stored);
      assertThat(new ImageDecoder(RESOLUTION, ExifOrientation.APPLIED).decode(bytes))
          .as(file.toString())
          .isEqualTo(seen);
      turned += Arrays.equals(stored, seen) ? 0 : 1;
    }
    assertThat(turned).isEqualTo(9); // seven turns of a PNG, one of a JPEG and a WebP
  }

  @Test
  void shouldRefuseAnImageThatEndsEarly() throws Exception {
    for (Path file : files()) {
      byte[] bytes = Files.readAllBytes(file);
      if (!MORE_THAN_ONE_IMAGE.contains(file.getFileName().toString())) {
        assertThatThrownBy(() -> decode(Arrays.copyOf(bytes, bytes.length / 2)))
            .as(file.toString())
            .isInstanceOf(IOException.class);
      }
    }
  }

  @Test
  void shouldReadAMotionPhotoWhosePhotoIsWholeAndNoOther() throws Exception {
    byte[] motion = Files.readAllBytes(named("motion.jpg"));
    byte[] photo = Files.readAllBytes(named("444.jpg"));
    assertThat(decode(motion)).isEqualTo(decode(photo));
    byte[] cutInTail = Arrays.copyOf(motion, photo.length + 20);
    assertThat(decode(cutInTail)).isEqualTo(decode(photo));
    for (int missing : new int[] {1, 2, 40, 300}) {
      byte[] cut = Arrays.copyOf(photo, photo.length - missing);
      assertThatThrownBy(() -> decode(cut)).hasMessageContaining("ends early");
      // What follows has an end marker of its own, which is not this image's unless nothing else is
      byte[] tail = {(byte) 0xFF, (byte) 0xDA, 0, 12};
      byte[] followed = Arrays.copyOf(cut, cut.length + tail.length);
      System.arraycopy(tail, 0, followed, cut.length, tail.length);
      assertThatThrownBy(() -> decode(followed)).isInstanceOf(IOException.class);
    }
  }

  @Test
  void shouldRefuseAPngWhosePixelsWereChanged() throws Exception {
    byte[] png = Files.readAllBytes(named("rgb8.png"));
    png[60] ^= 1;
    assertThatThrownBy(() -> decode(png)).hasMessage("The PNG's IDAT chunk is damaged.");
  }

  @Test
  void shouldSayWhatItFoundWhenSamplesHaveNoEightUpperBits() throws Exception {
    Path file =
        Path.of(Objects.requireNonNull(getClass().getResource("/images/float.tif")).toURI());
    byte[] tiff = Files.readAllBytes(file);
    assertThatThrownBy(() -> decode(tiff))
        .hasMessage("Expected samples of at most 16 bits, found 32.");
  }

  @Test
  void shouldNameTheFormatsWhenAFileHasNoneOfThem() {
    assertThatThrownBy(() -> decode("plain text".getBytes(StandardCharsets.UTF_8)))
        .hasMessage("The content is no PNG, JPEG, GIF, BMP, WebP, TIFF, PPM, PGM or PBM.");
  }

  private static Path named(String name) throws Exception {
    return files().stream()
        .filter(file -> file.getFileName().toString().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static byte[] decode(byte[] file) throws IOException {
    return new ImageDecoder(RESOLUTION, ExifOrientation.IGNORED).decode(file);
  }
}
