package dev.atelier.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.NormGroups;
import dev.atelier.spec.SourceSecrets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A spec as the document that launches the same again.
 *
 * @param text YAML
 * @param hidden paths of fields that held a secret, which is not in the text
 */
public record SpecYaml(String text, List<String> hidden) {

  static final String HIDDEN = "(left out: it held a secret)";

  private static final YAMLMapper YAML =
      YAMLMapper.builder(
              YAMLFactory.builder()
                  .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
                  .disable(YAMLGenerator.Feature.SPLIT_LINES)
                  .build())
          .addModule(new Jdk8Module())
          .defaultPropertyInclusion(
              JsonInclude.Value.construct(
                  JsonInclude.Include.NON_ABSENT, JsonInclude.Include.ALWAYS))
          .build();

  /** Of an experiment, with its defaults. */
  public static SpecYaml of(ExperimentSpec spec) {
    return of(YAML.<JsonNode>valueToTree(NormGroups.asWritten(spec)));
  }

  /** Of a document that is read as a tree. */
  static SpecYaml of(JsonNode spec) {
    List<String> hidden = new ArrayList<>();
    JsonNode shown = without(spec.deepCopy(), "", hidden);
    try {
      return new SpecYaml(YAML.writeValueAsString(shown), List.copyOf(hidden));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("Cannot write the spec as YAML.", e);
    }
  }

  /** The tree without secrets, which specs could hold before launches refused them. */
  private static JsonNode without(JsonNode node, String path, List<String> hidden) {
    if (node.isTextual() && SourceSecrets.faultIn(node.textValue()).isPresent()) {
      hidden.add(path);
      return TextNode.valueOf(HIDDEN);
    }
    if (node instanceof ObjectNode fields) {
      for (Map.Entry<String, JsonNode> field : fields.properties()) {
        String at = path.isEmpty() ? field.getKey() : path + "." + field.getKey();
        field.setValue(without(field.getValue(), at, hidden));
      }
    }
    if (node instanceof ArrayNode items) {
      for (int i = 0; i < items.size(); i++) {
        items.set(i, without(items.get(i), "%s[%d]".formatted(path, i), hidden));
      }
    }
    return node;
  }
}
