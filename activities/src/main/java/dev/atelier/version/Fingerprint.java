package dev.atelier.version;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.store.objects.Sha256;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The SHA-256 of all that determines a trained model: the task without the names of where it
 * belongs, and the version of the code. Another model that the task reads counts by its content.
 */
public final class Fingerprint {

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .addModule(new Jdk8Module())
          .enable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
          .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
          .build();

  /** Where a thing is kept says nothing of what it is. */
  private static final List<String> PLACES = List.of("experimentId", "manifestKey", "objectKey");

  private Fingerprint() {}

  /** The fingerprint of a task under a version of the code. */
  public static String of(Record task, String codeVersion) {
    JsonNode content = JSON.valueToTree(task);
    for (String place : PLACES) {
      content.findParents(place).forEach(Fingerprint::withoutPlaces);
    }
    try {
      String text = codeVersion + "\n" + JSON.writeValueAsString(content);
      return Sha256.of(text.getBytes(StandardCharsets.UTF_8));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("Cannot write %s as JSON.".formatted(task), e);
    }
  }

  private static void withoutPlaces(JsonNode node) {
    ((ObjectNode) node).remove(PLACES);
  }
}
