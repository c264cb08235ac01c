package dev.atelier.dataset;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads the annotations of COCO as they stream by: no string of them is longer than a megabyte. */
public final class CocoAnnotations {

  /** The field of an annotation that has its caption. */
  public static final String CAPTION = "caption";

  static final int MOST_STRING_BYTES = 1 << 20;

  static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxStringLength(MOST_STRING_BYTES)
                  .maxNestingDepth(100)
                  .build())
          .build();

  private CocoAnnotations() {}

  /** What is no JSON of annotations; the message says why. */
  public static final class MalformedException extends IOException {
    private static final long serialVersionUID = 1L;

    MalformedException(String message) {
      super(message);
    }

    MalformedException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** The captions of an object; those beyond what is kept of an image are counted, not held. */
  public static final class Texts {
    private final List<String> kept = new ArrayList<>();
    private int beyond;
    private boolean damaged;

    /** At most {@link CaptionLine#MOST_CAPTIONS}. */
    public List<String> kept() {
      return kept;
    }

    /** Whether there is anything but strings. */
    public boolean isDamaged() {
      return damaged;
    }

    /** Reads a string or an array of strings. */
    void read(JsonParser parser) throws IOException {
      if (parser.currentToken() != JsonToken.START_ARRAY) {
        add(parser);
        return;
      }
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        add(parser);
      }
    }

    private void add(JsonParser parser) throws IOException {
      if (parser.currentToken() != JsonToken.VALUE_STRING) {
        damaged = true;
        parser.skipChildren();
      } else if (kept.size() < CaptionLine.MOST_CAPTIONS) {
        kept.add(parser.getText());
      } else {
        beyond++;
      }
    }

    void give(CaptionSink sink, int slot, String from) {
      kept.forEach(caption -> sink.add(slot, caption, from));
      for (int i = 0; i < beyond; i++) {
        sink.tooMany(slot, from);
      }
    }
  }

  /** Sees an annotation. */
  @FunctionalInterface
  public interface Visitor {
    /**
     * Called for each.
     *
     * @param image the id of its image, a {@link Long} or a {@link String}; empty: it names none
     */
    void visit(Optional<Object> image, Texts captions) throws IOException;
  }

  /**
   * Shows the annotations, in the order of the file.
   *
   * @param name of the file, for messages
   * @param field that has the captions, such as {@link #CAPTION}
   * @throws MalformedException if it is no such JSON
   */
  public static void forEach(String name, InputStream in, String field, Visitor visitor)
      throws IOException {
    eachObject(
        name,
        in,
        "annotations",
        parser -> {
          Optional<Object> image = Optional.empty();
          Texts captions = new Texts();
          while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String found = parser.currentName();
            parser.nextToken();
            if (found.equals("image_id")) {
              image = id(parser);
            } else if (found.equals(field)) {
              captions.read(parser);
            } else {
              parser.skipChildren();
            }
          }
          visitor.visit(image, captions);
        });
  }

  /** Sees an image that has an id and the name of a file. */
  @FunctionalInterface
  interface ImageVisitor {
    void visit(Object id, String file) throws IOException;
  }

  /** Shows the images, alike. */
  static void forEachImage(String name, InputStream in, ImageVisitor visitor) throws IOException {
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
            visitor.visit(id.get(), file.get());
          }
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
        throw new MalformedException(
            "'%s' has no array '%s': expected the annotations of COCO, {\"images\": [{\"id\", \"file_name\"}], \"annotations\": [{\"image_id\", \"caption\"}]}."
                .formatted(shown, array));
      }
    } catch (JsonEOFException e) {
      throw new MalformedException("'%s' ends early: its JSON is cut off.".formatted(shown), e);
    } catch (StreamConstraintsException e) {
      throw new MalformedException(
          "'%s' has a text of more than %d bytes, or is nested too deep."
              .formatted(shown, MOST_STRING_BYTES),
          e);
    } catch (JsonParseException e) {
      throw new MalformedException(
          "'%s' is no JSON: it is damaged at line %d, column %d."
              .formatted(shown, e.getLocation().getLineNr(), e.getLocation().getColumnNr()),
          e);
    }
  }
}
