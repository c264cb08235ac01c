package dev.atelier.evaluation;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/**
 * A file of a folder in the store.
 *
 * @param objectKey that it is kept under
 * @param sha256 of it
 */
public record StoredFile(String objectKey, String sha256) {

  private static final ObjectMapper JSON = new ObjectMapper();

  /** A list of files by their names in the folder, as JSON: equal lists are equal bytes. */
  public static byte[] written(Map<String, StoredFile> files) throws IOException {
    return JSON.writeValueAsBytes(new TreeMap<>(files));
  }

  /** Reads what {@link #written} gave. */
  static Map<String, StoredFile> read(Path file) throws IOException {
    return JSON.readValue(file.toFile(), new TypeReference<TreeMap<String, StoredFile>>() {});
  }
}
