package dev.atelier.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** Reads the files that describe a deployment, and the schemas that they must satisfy. */
final class DeployFiles {

  static final Path ROOT = Path.of("../..").toAbsolutePath().normalize(); // of deploy/local

  /** An image with a version of its own: a tag with a digit in it, or a digest. */
  static final Predicate<String> PINNED =
      Pattern.compile(
              "[^:@\\s]+(:[0-9]+/[^:@\\s]+)?(:[\\w.-]*[0-9][\\w.-]*(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})")
          .asMatchPredicate();

  private static final ObjectMapper JSON = new ObjectMapper();

  private DeployFiles() {}

  static String read(String path) throws IOException {
    return Files.readString(ROOT.resolve(path));
  }

  /** Every document of a YAML text, with aliases and merge keys resolved. */
  static List<JsonNode> documents(String yaml) {
    LoaderOptions options = new LoaderOptions();
    options.setAllowDuplicateKeys(false);
    List<JsonNode> documents = new ArrayList<>();
    for (Object document : new Yaml(new SafeConstructor(options)).loadAll(yaml)) {
      documents.add(JSON.valueToTree(document));
    }
    return documents;
  }

  static JsonNode schema(String name) {
    try (InputStream in = DeployFiles.class.getResourceAsStream("/schemas/" + name)) {
      return JSON.readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
