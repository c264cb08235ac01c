package dev.atelier.evaluation;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.workflows.ObjectRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** The files of a folder in the store, by their names in it, as JSON. */
public final class FolderListing {

  private static final ObjectMapper JSON = new ObjectMapper();

  private FolderListing() {}

  /** Equal lists are equal bytes. */
  public static byte[] written(Map<String, ObjectRef> files) throws IOException {
    return JSON.writeValueAsBytes(new TreeMap<>(files));
  }

  /** Reads what {@link #written} gave. */
  static Map<String, ObjectRef> read(Path file) throws IOException {
    return JSON.readValue(file.toFile(), new TypeReference<TreeMap<String, ObjectRef>>() {});
  }
}
