package dev.atelier.dataset;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** The captions of one image as they are kept: a JSON array of strings on a line. */
final class CaptionLine {

  static final String FILE_NAME = "captions.jsonl";

  /** More than any text encoder reads of a caption; what is longer is cut. */
  static final int MOST_CHARACTERS = 4096;

  static final int MOST_CAPTIONS = 64;

  /** Each character may be an escape of six bytes. */
  static final int MOST_BYTES = 2 << 20;

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();
  private static final ObjectWriter WRITER = JSON.writerFor(String[].class);
  private static final ObjectReader READER = JSON.readerFor(String[].class);

  private CaptionLine() {}

  /**
   * A caption as it is kept: on one line, without blanks around it, well-formed, not too long;
   * empty: there is nothing to read.
   */
  static Optional<String> clean(String caption) {
    String text = plain(caption);
    if (text.length() > MOST_CHARACTERS) {
      boolean splits = Character.isHighSurrogate(text.charAt(MOST_CHARACTERS - 1));
      text = text.substring(0, splits ? MOST_CHARACTERS - 1 : MOST_CHARACTERS);
    }
    return text.isBlank() ? Optional.empty() : Optional.of(text);
  }

  /** Whether {@link #clean} leaves out the end of a caption. */
  static boolean isCut(String caption) {
    return caption.length() > MOST_CHARACTERS && plain(caption).length() > MOST_CHARACTERS;
  }

  private static String plain(String caption) {
    int most = Math.min(caption.length(), 2 * MOST_CHARACTERS);
    StringBuilder plain = new StringBuilder(most);
    caption
        .codePoints()
        .limit(most)
        .forEach(
            c -> {
              boolean lone = c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE;
              plain.appendCodePoint(lone ? 0xFFFD : Character.isISOControl(c) ? ' ' : c);
            });
    return plain.toString().strip();
  }

  /** The line of {@link #clean} captions in UTF-8, without its end. */
  static byte[] of(List<String> captions) {
    try {
      return WRITER.writeValueAsBytes(captions.toArray(String[]::new));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // strings always have a JSON form
    }
  }

  /**
   * Reads a line.
   *
   * @throws IOException if it is not one that {@link #of} writes
   */
  static List<String> read(byte[] line) throws IOException {
    String[] captions = READER.readValue(line);
    if (captions == null || captions.length == 0 || captions.length > MOST_CAPTIONS) {
      throw new IOException("expected 1 to %d captions of an image".formatted(MOST_CAPTIONS));
    }
    for (String caption : captions) {
      if (caption == null || !clean(caption).equals(Optional.of(caption))) {
        throw new IOException("found a caption that is empty, too long or of several lines");
      }
    }
    return List.of(captions);
  }
}
