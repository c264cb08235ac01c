package dev.atelier.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A spec on disk, made ready to be sent: with its changes, and paths that a worker can open. */
public final class SpecFile {

  private static final YAMLMapper YAML = new YAMLMapper();

  private static final YAMLMapper SHOWN =
      YAMLMapper.builder(
              YAMLFactory.builder()
                  .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
                  .disable(YAMLGenerator.Feature.SPLIT_LINES)
                  .build())
          .build();

  /** Fields that may name a local file. */
  private static final List<String> FILE_FIELDS =
      List.of(
          "/dataset/source",
          "/dataset/captions/source",
          "/teacher/source",
          "/teacher/partsFrom",
          "/evaluation/extractor/source",
          "/evaluation/reference",
          "/evaluation/prompts",
          "/evaluation/clip/source");

  /** Where built-in studies look for what only users have. */
  private static final String USERS_FOLDER = "data/";

  private SpecFile() {}

  /**
   * Returns the YAML to send; the text as it is in the file when nothing in it changes.
   *
   * @param changes value, in YAML, by path of a field such as {@code teacher.training.steps}
   * @param workingDirectory against which relative file names resolve when such a file exists
   */
  public static String read(Path file, Map<String, String> changes, Path workingDirectory)
      throws CommandFailure {
    return read(file, changes, workingDirectory, "");
  }

  /** As {@link #read}, of a study, whose experiments have their spec under {@code base}. */
  static String readStudy(Path file, Map<String, String> changes, Path workingDirectory)
      throws CommandFailure {
    return read(file, changes, workingDirectory, "/base");
  }

  /**
   * The files of {@code data/} that a study wants and that are not there, by their fields: no
   * change names another place.
   */
  static Map<String, String> missingFromData(
      Path study, Map<String, String> changes, Path workingDirectory) throws CommandFailure {
    JsonNode spec;
    try {
      spec = YAML.readTree(study.toFile());
    } catch (IOException e) {
      throw new CommandFailure("Cannot read the spec %s: %s.".formatted(study, reason(e)), e);
    }
    Map<String, String> missing = new LinkedHashMap<>();
    for (String field : FILE_FIELDS) {
      String path = "base" + field.replace('/', '.');
      String source = spec.at("/base" + field).asText();
      if (source.startsWith(USERS_FOLDER)
          && changes.keySet().stream()
              .noneMatch(set -> set.equals(path) || path.startsWith(set + "."))
          && !Files.exists(workingDirectory.resolve(source))) {
        missing.put(path, source);
      }
    }
    return missing;
  }

  /** Returns the YAML of {@code changes} alone: value, in YAML, by path of a field. */
  static String of(Map<String, String> changes) throws CommandFailure {
    ObjectNode settings = YAML.createObjectNode();
    for (Map.Entry<String, String> change : changes.entrySet()) {
      set(settings, change.getKey(), change.getValue());
    }
    try {
      return YAML.writeValueAsString(settings);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // it was read from YAML
    }
  }

  /** A spec as the API tells it, as a document that launches it again. */
  static String yaml(JsonNode spec) {
    try {
      return SHOWN.writeValueAsString(spec).stripTrailing();
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // it was read from JSON
    }
  }

  private static String read(
      Path file, Map<String, String> changes, Path workingDirectory, String root)
      throws CommandFailure {
    String text;
    try {
      text = Files.readString(file, StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new CommandFailure("Cannot read the spec %s: %s.".formatted(file, reason(e)), e);
    }
    JsonNode tree;
    try {
      tree = YAML.readTree(text);
    } catch (JsonProcessingException e) {
      return text; // the API says what is wrong, with the line
    }
    if (!(tree instanceof ObjectNode spec)) {
      return text;
    }
    boolean changed = false;
    for (Map.Entry<String, String> change : changes.entrySet()) {
      set(spec, change.getKey(), change.getValue());
      changed = true;
    }
    for (String field : FILE_FIELDS) {
      changed |= makeAbsolute(spec, root + field, workingDirectory);
    }
    try {
      return changed ? YAML.writeValueAsString(spec) : text;
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // it was read from YAML
    }
  }

  private static void set(ObjectNode spec, String path, String value) throws CommandFailure {
    List<String> names = List.of(path.split("\\.", -1));
    ObjectNode parent = spec;
    for (String name : names.subList(0, names.size() - 1)) {
      JsonNode child = parent.get(name);
      if (child == null || child.isNull()) {
        parent = parent.putObject(name);
      } else if (child instanceof ObjectNode object) {
        parent = object;
      } else {
        throw new CommandFailure(
            "--set %s: '%s' is no group of fields in this spec.".formatted(path, name));
      }
    }
    try {
      JsonNode parsed = YAML.readTree(value);
      parent.set(
          names.get(names.size() - 1),
          parsed == null || parsed.isMissingNode() ? YAML.getNodeFactory().textNode("") : parsed);
    } catch (JsonProcessingException e) {
      throw new CommandFailure(
          "--set %s: '%s' is not YAML: %s."
              .formatted(path, value, e.getOriginalMessage().lines().findFirst().orElse("")),
          e);
    }
  }

  private static boolean makeAbsolute(ObjectNode spec, String field, Path workingDirectory) {
    JsonNode source = spec.at(field);
    if (!source.isTextual()) {
      return false;
    }
    try {
      Path file = workingDirectory.resolve(source.asText()).toAbsolutePath().normalize();
      boolean relative = !Path.of(source.asText()).isAbsolute();
      if (relative && Files.exists(file)) {
        int name = field.lastIndexOf('/');
        ((ObjectNode) spec.at(field.substring(0, name)))
            .put(field.substring(name + 1), file.toString());
        return true;
      }
    } catch (InvalidPathException e) {
      // a URI of another kind
    }
    return false;
  }

  private static String reason(IOException e) {
    return e instanceof NoSuchFileException ? "there is no such file" : e.toString();
  }
}
