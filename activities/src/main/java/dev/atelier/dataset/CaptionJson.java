package dev.atelier.dataset;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.atelier.dataset.CocoAnnotations.Texts;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads captions from JSON as it streams by: no string of it is longer than a megabyte. */
final class CaptionJson {

  static final int MOST_LINE_BYTES = CocoAnnotations.MOST_STRING_BYTES;

  /** Fields that have captions where a spec names none, the first that is there. */
  static final List<String> USUAL_FIELDS = List.of("text", "caption", "captions");

  private CaptionJson() {}

  /** What an object says: an image's file, and its captions. */
  private record Entry(Optional<String> fileName, Texts captions, boolean isDamaged) {}

  /**
   * Reads lines of {@code {"file_name": ..., "text": ...}}.
   *
   * @param name of the file with the lines
   */
  static void readLines(
      String name, InputStream in, Optional<String> column, ImageNames images, CaptionSink sink)
      throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    byte[] chunk = new byte[1 << 16];
    int number = 1;
    boolean tooLong = false;
    for (int read; (read = in.read(chunk)) >= 0; ) {
      int start = 0;
      for (int i = 0; i <= read; i++) {
        if (i == read || chunk[i] == '\n') {
          tooLong |= line.size() + i - start > MOST_LINE_BYTES;
          if (!tooLong) {
            line.write(chunk, start, i - start);
          }
          start = i + 1;
          if (i < read) {
            readLine(name, number++, tooLong, line, column, images, sink);
            tooLong = false;
          }
        }
      }
    }
    readLine(name, number, tooLong, line, column, images, sink);
  }

  private static void readLine(
      String name,
      int number,
      boolean tooLong,
      ByteArrayOutputStream line,
      Optional<String> column,
      ImageNames images,
      CaptionSink sink)
      throws IOException {
    byte[] bytes = line.toByteArray();
    line.reset();
    String from = "%s:%d".formatted(name, number);
    if (tooLong) {
      sink.damaged(from);
      return;
    }
    try (JsonParser parser = CocoAnnotations.JSON.createParser(bytes)) {
      if (parser.nextToken() == null) {
        return; // an empty line
      }
      Entry entry = entry(parser, column);
      if (entry.isDamaged() || entry.fileName().isEmpty()) {
        sink.damaged(from);
      }
      if (entry.fileName().isPresent()) {
        int slot = images.slot(ImageNames.folder(name), entry.fileName().get());
        entry.captions().give(sink, slot, from);
      }
    } catch (JsonProcessingException e) {
      sink.damaged(from);
    }
  }

  /** Reads the captions of one image from the object that a file beside it has. */
  static void readObject(
      String name, byte[] json, Optional<String> column, int slot, CaptionSink sink)
      throws IOException {
    try (JsonParser parser = CocoAnnotations.JSON.createParser(json)) {
      parser.nextToken();
      Entry entry = entry(parser, column);
      if (entry.isDamaged()) {
        sink.damaged(name);
      }
      entry.captions().give(sink, slot, name);
    } catch (JsonProcessingException e) {
      sink.damaged(name);
    }
  }

  private static Entry entry(JsonParser parser, Optional<String> column) throws IOException {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      return new Entry(Optional.empty(), new Texts(), true);
    }
    Optional<String> fileName = Optional.empty();
    Map<String, Texts> fields = new HashMap<>();
    boolean damaged = false;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      JsonToken value = parser.nextToken();
      if (field.equals("file_name") && value == JsonToken.VALUE_STRING) {
        fileName = Optional.of(parser.getText());
      } else if (column.map(field::equals).orElse(USUAL_FIELDS.contains(field))) {
        Texts captions = new Texts();
        captions.read(parser);
        damaged |= captions.isDamaged();
        fields.put(field, captions);
      } else {
        parser.skipChildren();
      }
    }
    Texts captions =
        column.stream()
            .flatMap(name -> Optional.ofNullable(fields.get(name)).stream())
            .findFirst()
            .orElseGet(
                () ->
                    USUAL_FIELDS.stream()
                        .filter(fields::containsKey)
                        .findFirst()
                        .map(fields::get)
                        .orElseGet(Texts::new));
    return new Entry(fileName, captions, damaged);
  }

  /**
   * The slots of the images that annotations of COCO name, by their ids.
   *
   * @throws IOException if it is no such JSON, or an id is of two images
   */
  static Map<Object, Integer> cocoImages(String name, InputStream in, ImageNames images)
      throws IOException {
    Map<Object, Integer> slots = new HashMap<>();
    CocoAnnotations.forEachImage(
        name,
        in,
        (id, file) -> {
          int slot = images.slot(ImageNames.folder(name), file);
          Integer other = slots.put(id, slot);
          if (other != null && other != slot) {
            throw new IOException(
                "'%s' has the image id %s twice, the second time for '%s': expected one image for each id."
                    .formatted(EntryName.shown(name), id, EntryName.shown(file)));
          }
        });
    return slots;
  }

  /** Reads the annotations of COCO, {@code slots} by the ids of their images. */
  static void cocoCaptions(
      String name,
      InputStream in,
      Optional<String> column,
      Map<Object, Integer> slots,
      CaptionSink sink)
      throws IOException {
    CocoAnnotations.forEach(
        name,
        in,
        column.orElse(CocoAnnotations.CAPTION),
        (image, captions) -> {
          String from = "%s: image_id %s".formatted(name, image.orElse("absent"));
          if (captions.isDamaged() || image.isEmpty()) {
            sink.damaged(from);
          }
          int slot =
              image
                  .map(id -> slots.getOrDefault(id, ImageNames.UNKNOWN))
                  .orElse(ImageNames.UNKNOWN);
          captions.give(sink, slot, from);
        });
  }
}
