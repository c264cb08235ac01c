package dev.atelier.dataset.image;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The image formats that are read, told by a file's first bytes; its name only says that it is one.
 */
public enum ImageFormat {
  PNG("PNG", "png"),
  JPEG("JPEG", "jpg|jpeg|jpe|jfif"),
  GIF("GIF", "gif"),
  BMP("BMP", "bmp"),
  WEBP("WebP", "webp"),
  TIFF("TIFF", "tif|tiff"),
  PNM("PPM, PGM or PBM", "ppm|pgm|pbm|pnm");

  private final String shown;
  private final Pattern suffix;

  ImageFormat(String shown, String suffix) {
    this.shown = shown;
    this.suffix = Pattern.compile(suffix);
  }

  /** Such as: PNG, JPEG, GIF, BMP, WebP, TIFF, PPM, PGM or PBM. */
  public static String all() {
    return Arrays.stream(values()).map(format -> format.shown).collect(Collectors.joining(", "));
  }

  /** Whether a file's name ends as one of an image does. */
  public static boolean isNamed(String name) {
    String suffix = name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
    return name.indexOf('.') >= 0
        && Arrays.stream(values()).anyMatch(format -> format.suffix.matcher(suffix).matches());
  }

  /** The format that the first bytes tell. */
  static Optional<ImageFormat> of(byte[] file) {
    return Arrays.stream(values()).filter(format -> format.isTold(file)).findFirst();
  }

  private boolean isTold(byte[] file) {
    return switch (this) {
      case PNG -> startsWith(file, 0, "\u0089PNG\r\n\u001a\n");
      case JPEG -> startsWith(file, 0, "\u00ff\u00d8\u00ff");
      case GIF -> startsWith(file, 0, "GIF8");
      case BMP -> startsWith(file, 0, "BM");
      case WEBP -> startsWith(file, 0, "RIFF") && startsWith(file, 8, "WEBP");
      case TIFF -> startsWith(file, 0, "II*\0") || startsWith(file, 0, "MM\0*");
      case PNM ->
          file.length > 2
              && file[0] == 'P'
              && file[1] >= '1'
              && file[1] <= '6'
              && Character.isWhitespace(file[2]);
    };
  }

  private static boolean startsWith(byte[] file, int at, String magic) {
    byte[] bytes = magic.getBytes(StandardCharsets.ISO_8859_1);
    return file.length >= at + bytes.length
        && Arrays.equals(file, at, at + bytes.length, bytes, 0, bytes.length);
  }
}
