package dev.atelier.store;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import java.util.Map;
import java.util.TreeMap;

/** Records in columns of JSON. */
final class JsonColumn {

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .registerModule(new Jdk8Module())
          // A row may hold a field of a later version, while machines are replaced one by one.
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .setDefaultPropertyInclusion(JsonInclude.Include.NON_ABSENT);

  private JsonColumn() {}

  static String write(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("Cannot write %s as JSON.".formatted(value), e);
    }
  }

  static <T> T read(String json, Class<T> type) {
    try {
      return JSON.readValue(json, type);
    } catch (JsonProcessingException e) {
      throw unreadable(json, e);
    }
  }

  /** Figures by name. */
  static Map<String, Double> figures(String json) {
    try {
      return JSON.readValue(json, new TypeReference<TreeMap<String, Double>>() {});
    } catch (JsonProcessingException e) {
      throw unreadable(json, e);
    }
  }

  private static IllegalStateException unreadable(String json, JsonProcessingException e) {
    return new IllegalStateException("Cannot read '%s'.".formatted(json), e);
  }
}
