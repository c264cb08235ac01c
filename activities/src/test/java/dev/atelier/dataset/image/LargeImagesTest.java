package dev.atelier.dataset.image;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.dataset.DatasetPreparation;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DatasetSpec.ExifOrientation;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Photos of 45 million pixels in the heap of a process that could not hold one. */
class LargeImagesTest {

  private static final int WIDTH = 8256;
  private static final int HEIGHT = 5504;
  private static final int BLOCK = 16; // pixels that the strip is high
  private static final int PHOTOS = 3;
  private static final String HEAP = "-Xmx96m"; // a photo's centred square takes 91 MB

  @TempDir Path temporary;

  @Test
  void shouldPrepareAnyNumberOfLargePhotosOnManyCoresInASmallHeap() throws Exception {
    Path photos = photos();
    String prepared = run(Preparing.class, photos, temporary.resolve("prepared"));
    // The same pixels as a process with the memory for all of them finds
    String expected =
        new DatasetPreparation(temporary, uri -> null, sentence -> {})
            .prepare(
                new DatasetSpec(photos.toString(), "", 32, null), temporary.resolve("expected"))
            .manifest()
            .sha256();
    assertThat(prepared).contains("%d images, 0 skipped, %s".formatted(PHOTOS, expected));
  }

  /** Negative control: the same photos at once, as they come. */
  @Test
  void shouldRunOutOfMemoryWhenEachImageTakesWhatItWants() throws Exception {
    assertThat(run(Unbounded.class, photos(), temporary)).contains("OutOfMemoryError");
  }

  /** Prepares the folder that it is given. */
  static final class Preparing {
    private Preparing() {}

    public static void main(String[] paths) {
      var manifest =
          new DatasetPreparation(Path.of(paths[1]), uri -> null, sentence -> {})
              .prepare(new DatasetSpec(paths[0], "", 32, null), Path.of(paths[1]))
              .manifest();
      System.out.printf(
          "%d images, %d skipped, %s%n", manifest.images(), manifest.skipped(), manifest.sha256());
    }
  }

  /** Decodes the images of a folder at once, without a bound. */
  static final class Unbounded {
    private Unbounded() {}

    public static void main(String[] paths) throws Exception {
      ImageDecoder decoder =
          new ImageDecoder(32, ExifOrientation.IGNORED, new DecodingMemory(Long.MAX_VALUE));
      ExecutorService threads = Executors.newFixedThreadPool(PHOTOS);
      List<Future<byte[]>> decoded = new ArrayList<>();
      try (var files = Files.list(Path.of(paths[0]))) {
        for (Path file : files.toList()) {
          decoded.add(threads.submit(() -> decoder.decode(Files.readAllBytes(file))));
        }
      }
      threads.shutdown();
      for (Future<byte[]> image : decoded) {
        image.get();
      }
    }
  }

  private static String run(Class<?> main, Path photos, Path work) throws Exception {
    return JavaProcess.output(
        List.of(HEAP, "-XX:+UseSerialGC", "-XX:ActiveProcessorCount=16"), main, photos, work);
  }

  private Path photos() throws IOException {
    Path folder = Files.createDirectories(temporary.resolve("photos"));
    byte[] photo = photo();
    for (int i = 0; i < PHOTOS; i++) {
      Files.write(folder.resolve(i + ".jpg"), photo);
    }
    return folder;
  }

  /** The strip's scan again and again: each row of blocks begins anew after a restart marker. */
  private static byte[] photo() throws IOException {
    byte[] strip;
    try (InputStream in =
        Objects.requireNonNull(LargeImagesTest.class.getResourceAsStream("/images/strip.jpg"))) {
      strip = in.readAllBytes();
    }
    int frame = segment(strip, 0xC0);
    int scan = segment(strip, 0xDA);
    int data = scan + 2 + ((strip[scan + 2] & 0xFF) << 8 | (strip[scan + 3] & 0xFF));
    byte[] header = Arrays.copyOf(strip, data);
    header[frame + 5] = (byte) (HEIGHT >> 8);
    header[frame + 6] = (byte) HEIGHT;
    ByteArrayOutputStream photo = new ByteArrayOutputStream();
    photo.write(header);
    for (int row = 0; row < HEIGHT / BLOCK; row++) {
      photo.write(strip, data, strip.length - 2 - data);
      photo.write(0xFF);
      photo.write(row == HEIGHT / BLOCK - 1 ? 0xD9 : 0xD0 + row % 8);
    }
    return photo.toByteArray();
  }

  private static int segment(byte[] jpeg, int marker) {
    int at = 2;
    while ((jpeg[at + 1] & 0xFF) != marker) {
      at += 2 + ((jpeg[at + 2] & 0xFF) << 8 | (jpeg[at + 3] & 0xFF));
    }
    return at;
  }

  @Test
  void shouldMakeAPhotoOfTheSizeItSays() throws IOException {
    try (Picture picture = ImageDecoder.open(ImageFormat.JPEG, photo())) {
      assertThat(picture.width()).isEqualTo(WIDTH);
      assertThat(picture.height()).isEqualTo(HEIGHT);
    }
  }
}
