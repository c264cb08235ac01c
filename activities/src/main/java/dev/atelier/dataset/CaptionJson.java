package dev.atelier.dataset;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads captions from JSON as it streams by: no string of it is longer than a megabyte. */
final class CaptionJson {

  static final int MOST_LINE_BYTES = 1 << 20;

  /** Fields that have captions where a spec names none, the first that is there. */
  private static final List<String> USUAL_FIELDS = List.of("text", "caption", "captions");

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxStringLength(MOST_LINE_BYTES)
                  .maxNestingDepth(100)
                  .build())
          .build();

  private CaptionJson() {}

  /** What an object says: an image's file, and its captions. */
  private record Entry(Optional<String> fileName, List<String> captions, boolean isDamaged) {}

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
    try (JsonParser parser = JSON.createParser(bytes)) {
      if (parser.nextToken() == null) {
        return; // an empty line
      }
      Entry entry = entry(parser, column);
      if (entry.isDamaged() || entry.fileName().isEmpty()) {
        sink.damaged(from);
      }
      if (entry.fileName().isPresent()) {
        int slot = images.slot(ImageNames.folder(name), entry.fileName().get());
        entry.captions().forEach(caption -> sink.add(slot, caption, from));
      }
    } catch (JsonProcessingException e) {
      sink.damaged(from);
    }
  }

  /** Reads the captions of one image from the object that a file beside it has. */
  static void readObject(
      String name, byte[] json, Optional<String> column, int slot, CaptionSink sink)
      throws IOException {
    try (JsonParser parser = JSON.createParser(json)) {
      parser.nextToken();
      Entry entry = entry(parser, column);
      if (entry.isDamaged()) {
        sink.damaged(name);
      }
      entry.captions().forEach(caption -> sink.add(slot, caption, name));
    } catch (JsonProcessingException e) {
      sink.damaged(name);
    }
  }

  private static Entry entry(JsonParser parser, Optional<String> column) throws IOException {
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      return new Entry(Optional.empty(), List.of(), true);
    }
    Optional<String> fileName = Optional.empty();
    Map<String, List<String>> fields = new HashMap<>();
    boolean damaged = false;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      JsonToken value = parser.nextToken();
      if (field.equals("file_name") && value == JsonToken.VALUE_STRING) {
        fileName = Optional.of(parser.getText());
      } else if (column.map(field::equals).orElse(USUAL_FIELDS.contains(field))) {
        List<String> captions = new ArrayList<>();
        damaged |= !readStrings(parser, captions);
        fields.put(field, captions);
      } else {
        parser.skipChildren();
      }
    }
    List<String> captions =
        column.stream()
            .flatMap(name -> Optional.ofNullable(fields.get(name)).stream())
            .findFirst()
            .orElseGet(
                () ->
                    USUAL_FIELDS.stream()
                        .filter(fields::containsKey)
                        .findFirst()
                        .map(fields::get)
                        .orElse(List.of()));
    return new Entry(fileName, captions, damaged);
  }

  /** Reads a string or an array of strings; false: there is anything else. */
  private static boolean readStrings(JsonParser parser, List<String> into) throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_STRING) {
      into.add(parser.getText());
      return true;
    }
    boolean allStrings = parser.currentToken() == JsonToken.START_ARRAY;
    if (!allStrings) {
      parser.skipChildren();
      return false;
    }
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      if (parser.currentToken() == JsonToken.VALUE_STRING) {
        if (into.size() < CaptionLine.MOST_CAPTIONS) {
          into.add(parser.getText());
        }
      } else {
        allStrings = false;
        parser.skipChildren();
      }
    }
    return allStrings;
  }

  /**
   * The slots of the images that annotations of COCO name, by their ids.
   *
   * @throws IOException if it is no such JSON, or an id is of two images
   */
  static Map<Object, Integer> cocoImages(String name, InputStream in, ImageNames images)
      throws IOException {
    Map<Object, Integer> slots = new HashMap<>();
    eachObject(
        name,
        in,
        "images",
        parser -> {
          Optional<Object> id = Optional.empty();
          Optional<String> file = Optional.empty();
          while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            JsonToken value = parser.nextToken();
            if (field.equals("id")) {
              id = id(parser);
            } else if (field.equals("file_name") && value == JsonToken.VALUE_STRING) {
              file = Optional.of(parser.getText());
            } else {
              parser.skipChildren();
            }
          }
          if (id.isPresent() && file.isPresent()) {
            int slot = images.slot(ImageNames.folder(name), file.get());
            Integer other = slots.put(id.get(), slot);
            if (other != null && other != slot) {
              throw new IOException(
                  "'%s' has the image id %s twice, the second time for '%s': expected one image for each id."
                      .formatted(EntryName.shown(name), id.get(), EntryName.shown(file.get())));
            }
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
    String wanted = column.orElse("caption");
    eachObject(
        name,
        in,
        "annotations",
        parser -> {
          Optional<Object> image = Optional.empty();
          List<String> captions = new ArrayList<>();
          boolean whole = true;
          while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            parser.nextToken();
            if (field.equals("image_id")) {
              image = id(parser);
            } else if (field.equals(wanted)) {
              whole &= readStrings(parser, captions);
            } else {
              parser.skipChildren();
            }
          }
          String from = "%s: image_id %s".formatted(name, image.orElse("absent"));
          if (!whole || image.isEmpty()) {
            sink.damaged(from);
          }
          int slot =
              image
                  .map(id -> slots.getOrDefault(id, ImageNames.UNKNOWN))
                  .orElse(ImageNames.UNKNOWN);
          captions.forEach(caption -> sink.add(slot, caption, from));
        });
  }

  private static Optional<Object> id(JsonParser parser) throws IOException {
    return switch (parser.currentToken()) {
      case VALUE_NUMBER_INT -> Optional.of(parser.getLongValue());
      case VALUE_STRING -> Optional.of(parser.getText());
      default -> {
        parser.skipChildren();
        yield Optional.empty();
      }
    };
  }

  /** Reads an object from its first field to its end. */
  @FunctionalInterface
  private interface ObjectVisitor {
    void visit(JsonParser parser) throws IOException;
  }

  private static void eachObject(String name, InputStream in, String array, ObjectVisitor visitor)
      throws IOException {
    String shown = EntryName.shown(name);
    try (JsonParser parser = JSON.createParser(in)) {
      boolean found = false;
      if (parser.nextToken() == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          boolean wanted = parser.currentName().equals(array);
          if (parser.nextToken() != JsonToken.START_ARRAY || !wanted) {
            parser.skipChildren();
            continue;
          }
          found = true;
          while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (parser.currentToken() == JsonToken.START_OBJECT) {
              visitor.visit(parser);
            } else {
              parser.skipChildren();
            }
          }
        }
      }
      if (!found) {
        throw new IOException(
            "'%s' has no array '%s': expected the annotations of COCO, {\"images\": [{\"id\", \"file_name\"}], \"annotations\": [{\"image_id\", \"caption\"}]}."
                .formatted(shown, array));
      }
    } catch (JsonEOFException e) {
      throw new IOException("'%s' ends early: its JSON is cut off.".formatted(shown), e);
    } catch (StreamConstraintsException e) {
      throw new IOException(
          "'%s' has a text of more than %d bytes, or is nested too deep."
              .formatted(shown, MOST_LINE_BYTES),
          e);
    } catch (JsonParseException e) {
      throw new IOException(
          "'%s' is no JSON: it is damaged at line %d, column %d."
              .formatted(shown, e.getLocation().getLineNr(), e.getLocation().getColumnNr()),
          e);
    }
  }
}
