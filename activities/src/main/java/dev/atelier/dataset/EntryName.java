package dev.atelier.dataset;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Names of files as strings that tell their bytes, in no locale and whatever their encoding: what
 * is no UTF-8 becomes a lone surrogate, U+DC80 to U+DCFF (PEP 383). Names of the same bytes are
 * equal, all others differ.
 */
final class EntryName {

  private static final char ESCAPE = '\uDC00'; // plus the byte

  private EntryName() {}

  /** The name of these bytes, parts separated by {@code /}, without empty parts and {@code .}. */
  static String of(byte[] bytes) {
    return normal(decode(bytes));
  }

  /** A name without empty parts and {@code .}. */
  static String normal(String name) {
    return String.join("/", parts(name));
  }

  /** The parts of a name that are neither empty nor {@code .}. */
  static List<String> parts(String name) {
    List<String> parts = new ArrayList<>();
    for (String part : name.split("/", -1)) {
      if (!part.isEmpty() && !part.equals(".")) {
        parts.add(part);
      }
    }
    return parts;
  }

  /** The name of a path, which a Java that runs in another locale does not show as it is. */
  static String of(Path relative) {
    List<String> parts = new ArrayList<>();
    for (Path part : relative) {
      String shown = part.toString();
      parts.add(isAscii(shown) ? shown : decode(bytes(part)));
    }
    return String.join("/", parts);
  }

  // A path keeps the bytes that it was listed with; its URI alone shows them all.
  private static byte[] bytes(Path name) {
    String path = name.toUri().getRawPath();
    String escaped = path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = escaped.lastIndexOf('/') + 1; i < escaped.length(); i++) {
      if (escaped.charAt(i) == '%') {
        bytes.write(Integer.parseInt(escaped.substring(i + 1, i + 3), 16));
        i += 2;
      } else {
        bytes.write(escaped.charAt(i));
      }
    }
    return bytes.toByteArray();
  }

  private static boolean isAscii(String text) {
    return text.chars().allMatch(c -> c < 0x80);
  }

  static String decode(byte[] bytes) {
    CharsetDecoder utf8 =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    ByteBuffer in = ByteBuffer.wrap(bytes);
    CharBuffer out = CharBuffer.allocate(bytes.length);
    while (true) {
      CoderResult result = utf8.decode(in, out, true);
      if (!result.isError()) {
        return out.flip().toString();
      }
      for (int i = 0; i < result.length(); i++) {
        out.put((char) (ESCAPE | (in.get() & 0xFF)));
      }
      utf8.reset();
    }
  }

  /** A name as people may read it: bytes that are no UTF-8 as {@code \xE4}, nothing unprintable. */
  static String shown(String name) {
    StringBuilder shown = new StringBuilder();
    name.codePoints()
        .forEach(
            c -> {
              if (c >= 0xDC80 && c <= 0xDCFF) {
                shown.append("\\x%02X".formatted(c - ESCAPE));
              } else if (Character.isISOControl(c) || (c >= 0xD800 && c <= 0xDFFF)) {
                shown.append("\\u%04X".formatted(c));
              } else {
                shown.appendCodePoint(c);
              }
            });
    return shown.toString();
  }
}
