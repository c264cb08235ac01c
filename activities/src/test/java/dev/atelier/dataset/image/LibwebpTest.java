package dev.atelier.dataset.image;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.DatasetSpec.ExifOrientation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibwebpTest {

  @TempDir Path temporary;

  @Test
  void shouldSayInOneSentenceThatTheLibraryCannotBeLoaded() throws Exception {
    Path missing = temporary.resolve("missing");
    assertThat(decode(missing))
        .startsWith(
            "NoDecoderException: Cannot read WebP images: libwebp cannot be loaded from '%s'"
                .formatted(missing))
        .contains("expected a folder whose files may be executed")
        .hasLineCount(1);
  }

  /** Negative control, and nothing of it stays. */
  @Test
  void shouldLoadTheLibraryFromTheFolderThatIsNamed() throws Exception {
    Path folder = Files.createDirectory(temporary.resolve("own"));
    assertThat(decode(folder)).isEqualToIgnoringNewLines("decoded 192 bytes");
    assertThat(folder).isEmptyDirectory();
  }

  private static String decode(Path libraries) throws Exception {
    Path image =
        Path.of(
            Objects.requireNonNull(LibwebpTest.class.getResource("/images/formats/lossy.webp"))
                .toURI());
    return JavaProcess.output(
        List.of("-D%s=%s".formatted(Libwebp.FOLDER_PROPERTY, libraries)), Decoding.class, image);
  }

  /** Decodes the file that it is given. */
  static final class Decoding {
    private Decoding() {}

    public static void main(String[] files) throws Exception {
      try {
        byte[] file = Files.readAllBytes(Path.of(files[0]));
        byte[] planes = new ImageDecoder(8, ExifOrientation.IGNORED).decode(file);
        System.out.printf("decoded %d bytes%n", planes.length);
      } catch (NoDecoderException e) {
        System.out.println("NoDecoderException: " + e.getMessage());
      }
    }
  }
}
