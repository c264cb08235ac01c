package dev.atelier.api.spec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.spec.StudySpec;

/**
 * A study and, as its user wrote it, what its experiments have in common: fields that were left out
 * have the defaults that suit what an axis sets beside them.
 */
public record StudyDocument(StudySpec spec, ObjectNode base) {

  /** What launches the same study again. */
  public JsonNode whole() {
    ObjectNode whole = SpecJson.MAPPER.valueToTree(spec);
    whole.set("base", base);
    return whole;
  }
}
