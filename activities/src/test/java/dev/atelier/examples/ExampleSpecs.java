package dev.atelier.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.NormGroups;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The specs of the repository's examples and studies, as they are launched. */
public final class ExampleSpecs {

  private static final YAMLMapper YAML = YAMLMapper.builder().addModule(new Jdk8Module()).build();

  private ExampleSpecs() {}

  /** Every example, and every study in both sizes. */
  public static List<Path> files() throws IOException {
    List<Path> files = new ArrayList<>();
    for (String folder : List.of("../examples", "../studies/smoke", "../studies/paper")) {
      try (Stream<Path> inside = Files.list(Path.of(folder))) {
        inside.filter(f -> f.toString().endsWith(".yaml")).sorted().forEach(files::add);
      }
    }
    assertThat(files).hasSizeGreaterThan(20);
    return files;
  }

  /** The file's experiment, or every one of its study, each with the first seed. */
  public static List<ExperimentSpec> experiments(Path file) throws IOException {
    return experiments(YAML.readTree(file.toFile()));
  }

  private static List<ExperimentSpec> experiments(JsonNode document) throws IOException {
    List<JsonNode> grid =
        List.of(document.path("base").isMissingNode() ? document : document.get("base"));
    for (JsonNode axis : document.path("axes")) {
      List<JsonNode> next = new ArrayList<>();
      for (JsonNode experiment : grid) {
        for (JsonNode value : axis.path("values")) {
          next.add(set((ObjectNode) experiment.deepCopy(), axis.get("field").asText(), value));
        }
        for (JsonNode choice : axis.path("choices")) {
          ObjectNode chosen = experiment.deepCopy();
          choice.path("set").properties().forEach(e -> set(chosen, e.getKey(), e.getValue()));
          next.add(chosen);
        }
      }
      grid = next;
    }
    List<ExperimentSpec> experiments = new ArrayList<>();
    for (JsonNode experiment : grid) {
      experiments.add(NormGroups.stated(YAML.treeToValue(experiment, ExperimentSpec.class)));
    }
    return experiments;
  }

  private static ObjectNode set(ObjectNode experiment, String field, JsonNode value) {
    String path = "/" + field.replace('.', '/');
    JsonPointer at = JsonPointer.compile(path);
    experiment.withObject(at.head()).set(at.last().getMatchingProperty(), value);
    return experiment;
  }
}
