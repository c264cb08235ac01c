package dev.atelier.network.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.untrusted.OneLine;
import java.io.CharConversionException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A JSON file of a user's folder: one object, with what Python's {@code json} writes. */
public final class JsonFile {

  private static final int MOST_SHOWN = 200; // characters
  private static final long MOST_BYTES = 32L << 20; // a tokenizer.json of CLIP has 4 MB

  private static final ObjectMapper JSON =
      JsonMapper.builder()
          // DPM-Solver's lambda_min_clipped is -Infinity, as diffusers writes it.
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private JsonFile() {}

  /**
   * Reads {@code file}, which exists.
   *
   * @param shown its name in messages
   * @throws IllegalArgumentException if it is no object in JSON, as a clause
   */
  public static ObjectNode read(Path file, String shown) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException("%s is no file".formatted(shown));
    }
    if (Files.size(file) > MOST_BYTES) {
      throw new IllegalArgumentException(
          "%s has %d bytes, expected at most %d".formatted(shown, Files.size(file), MOST_BYTES));
    }
    JsonNode found;
    try {
      found = JSON.readTree(file.toFile());
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "%s is no JSON (%s)".formatted(shown, OneLine.of(e.getOriginalMessage(), MOST_SHOWN)), e);
    } catch (CharConversionException e) {
      throw new IllegalArgumentException(
          "%s is no JSON (%s)".formatted(shown, OneLine.of(e.getMessage(), MOST_SHOWN)), e);
    }
    if (found instanceof ObjectNode object) {
      return object;
    }
    throw new IllegalArgumentException(
        "%s is %s, expected a JSON object"
            .formatted(
                shown, found.isMissingNode() ? "empty" : OneLine.of(found.toString(), MOST_SHOWN)));
  }
}
