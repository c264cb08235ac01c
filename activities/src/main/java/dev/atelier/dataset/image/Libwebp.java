package dev.atelier.dataset.image;

import com.luciad.imageio.webp.WebPImageReaderSpi;
import com.luciad.imageio.webp.internal.OsInfo;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageReader;

/** The reference decoder of WebP, a native library that the first WebP image loads. */
final class Libwebp {

  /** Where the library is unpacked; without it the temporary folder. */
  static final String FOLDER_PROPERTY = "com.luciad.imageio.webp.tmpdir";

  private static boolean loads;

  private Libwebp() {}

  /**
   * A reader of still WebP images.
   *
   * @throws NoDecoderException when the library can't be loaded
   */
  static ImageReader reader() {
    requireLoadable();
    return new WebPImageReaderSpi().createReaderInstance(null);
  }

  /** Tries a copy first, since the binding itself would print a stack trace. */
  private static synchronized void requireLoadable() {
    if (loads) {
      return;
    }
    Path folder =
        Path.of(System.getProperty(FOLDER_PROPERTY, System.getProperty("java.io.tmpdir")));
    String library =
        OsInfo.getNativeLibFolderPathForCurrentOS() + "/" + System.mapLibraryName("webp-imageio");
    try (InputStream in = WebPImageReaderSpi.class.getResourceAsStream("/native/" + library)) {
      if (in == null) {
        throw new IOException("there is none for " + library);
      }
      Path copy = Files.createTempFile(folder, "atelier-libwebp-", library.replace('/', '-'));
      try {
        Files.write(copy, in.readAllBytes());
        System.load(copy.toAbsolutePath().toString());
      } finally {
        Files.delete(copy);
      }
      loads = true;
    } catch (IOException | LinkageError e) {
      String message = String.valueOf(e.getMessage());
      String reason = message.substring(message.lastIndexOf(": ") + 1).strip(); // without the path
      throw new NoDecoderException(
          "Cannot read WebP images: libwebp cannot be loaded from '%s' (%s); expected a folder whose files may be executed, which -D%s=FOLDER names."
              .formatted(folder, reason, FOLDER_PROPERTY),
          e);
    }
  }
}
