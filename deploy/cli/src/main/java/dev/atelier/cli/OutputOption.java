package dev.atelier.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import picocli.CommandLine.Option;

/** Whether a command prints for people, or the API's own document for programs. */
final class OutputOption {

  private static final ObjectMapper JSON = new JsonMapper();
  private static final ObjectMapper YAML =
      YAMLMapper.builder()
          .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
          .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
          .enable(YAMLGenerator.Feature.ALWAYS_QUOTE_NUMBERS_AS_STRINGS)
          .build();

  /** What is printed. */
  enum Format {
    TABLE,
    JSON,
    YAML
  }

  /** Where the API's document comes from. */
  interface Source {
    JsonNode get() throws CommandFailure, InterruptedException;
  }

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FORMAT",
      defaultValue = "table",
      description = "table, or the API's answer as json or yaml (${DEFAULT-VALUE}).")
  private Format format;

  /** Prints the API's document; false: a table is wanted, and nothing was asked or printed. */
  boolean prints(Source source) throws CommandFailure, InterruptedException {
    if (format == Format.TABLE) {
      return false;
    }
    JsonNode document = source.get();
    try {
      Screen.standard()
          .printText(
              format == Format.JSON
                  ? JSON.writerWithDefaultPrettyPrinter().writeValueAsString(document)
                  : YAML.writeValueAsString(document).stripTrailing());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // it was read from JSON
    }
    return true;
  }
}
