package dev.atelier.network.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.network.tensors.Listing;
import dev.atelier.untrusted.OneLine;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The fields of a {@code config.json}, and what is wrong with them. */
public final class ConfigFields {

  /** A field with one supported value, and what diffusers takes when it is absent; as JSON. */
  public record Fixed(String field, String absent, String supported) {}

  private static final int MOST_SHOWN = 200; // characters of a field or a value
  private static final ObjectMapper JSON = new ObjectMapper();

  private final JsonNode config;
  private final String file;
  private final List<String> faults = new ArrayList<>();

  ConfigFields(JsonNode config) {
    this(config, "config.json");
  }

  /** Of a config in {@code file}, for messages. */
  public ConfigFields(JsonNode config, String file) {
    this.config = config;
    this.file = file;
  }

  /** What a field has, or, where it is absent, what diffusers takes. */
  public JsonNode value(String field, String absent) {
    return config.has(field) ? config.get(field) : parse(absent);
  }

  /** A whole number from {@code least} to {@code most}; anything else is a fault. */
  public int integer(String field, String absent, int least, int most) {
    JsonNode found = value(field, absent);
    if (!found.isInt() || found.asInt() < least || found.asInt() > most) {
      fault(field, found, "a whole number from %d to %d".formatted(least, most));
      return least;
    }
    return found.asInt();
  }

  /** A finite number from {@code least} to {@code most}; anything else is a fault. */
  public double number(String field, String absent, double least, double most) {
    JsonNode found = value(field, absent);
    if (!found.isNumber() || !(found.asDouble() >= least && found.asDouble() <= most)) {
      fault(field, found, "a number from %s to %s".formatted(shown(least), shown(most)));
      return least;
    }
    return found.asDouble();
  }

  /** Such as 1e-12. */
  private static String shown(double bound) {
    return String.valueOf(bound).replace(".0E", "e").replaceFirst("\\.0$", "");
  }

  /** The whole number that a value is; −1 where it is none. */
  static int whole(JsonNode found) {
    return found.isInt() ? found.asInt() : -1;
  }

  /** Whether a field has its supported value; numbers may be written otherwise. */
  public boolean agrees(Fixed fixed) {
    JsonNode found = value(fixed.field(), fixed.absent());
    JsonNode supported = parse(fixed.supported());
    boolean numbers = found.isNumber() && supported.isNumber();
    return numbers ? found.asDouble() == supported.asDouble() : found.equals(supported);
  }

  /** A field that has another value is a fault. */
  public void require(Fixed fixed) {
    if (!agrees(fixed)) {
      fault(fixed.field(), value(fixed.field(), fixed.absent()), fixed.supported());
    }
  }

  /** A field that is not {@code known} is a fault, unless it is null or diffusers' own. */
  public void requireKnown(Set<String> known) {
    config
        .fieldNames()
        .forEachRemaining(
            field -> {
              if (!field.startsWith("_") && !known.contains(field) && !config.get(field).isNull()) {
                fault(field, config.get(field), "no such field");
              }
            });
  }

  /** A field that has what isn't supported. */
  public void fault(String field, JsonNode found, String supported) {
    fault(
        "%s is %s, supported: %s"
            .formatted(
                OneLine.of(field, MOST_SHOWN),
                OneLine.of(found.toString(), MOST_SHOWN),
                supported));
  }

  /** Anything else that is wrong. */
  public void fault(String clause) {
    faults.add(clause);
  }

  /**
   * Ends the reading.
   *
   * @throws IllegalArgumentException listing the faults, if there are any, as a clause
   */
  public void refuseFaults() {
    if (!faults.isEmpty()) {
      throw new IllegalArgumentException("%s: %s".formatted(file, Listing.of(faults)));
    }
  }

  static JsonNode parse(String json) {
    try {
      return JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // texts of this program
    }
  }
}
