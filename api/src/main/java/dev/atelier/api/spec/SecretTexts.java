package dev.atelier.api.spec;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.spec.SourceSecrets;
import dev.atelier.spec.SpecFault;
import java.util.ArrayList;
import java.util.List;

/**
 * Texts of a document that name an address with a secret, whatever field they stand in: workflows,
 * lists and reports show them.
 */
final class SecretTexts {

  private SecretTexts() {}

  static List<SpecFault> faults(JsonNode document) {
    List<SpecFault> faults = new ArrayList<>();
    find(new FieldPath(List.of()), document, faults);
    return faults;
  }

  private static void find(FieldPath path, JsonNode node, List<SpecFault> faults) {
    if (node.isTextual()) {
      SourceSecrets.faultIn(node.textValue())
          .ifPresent(fault -> faults.add(new SpecFault(path.toString(), fault)));
    }
    for (int i = 0; node.isArray() && i < node.size(); i++) {
      find(path.child(i), node.get(i), faults);
    }
    node.properties().forEach(field -> find(path.child(field.getKey()), field.getValue(), faults));
  }
}
