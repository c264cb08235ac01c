package dev.atelier.network.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.NetworkSpec;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What an exported safetensors file says of its model, so that the network can be built again from
 * the file alone.
 *
 * @param resolution pixels per side of its images
 * @param channels of its images
 * @param classes that it is conditioned on; 0: unconditional
 * @param diffusion the forward process that it was trained on
 */
public record ModelMetadata(
    NetworkSpec network, int resolution, int channels, int classes, DiffusionSpec diffusion) {

  private static final ObjectMapper JSON = JsonMapper.builder().addModule(new Jdk8Module()).build();

  /** As strings of a file's metadata. */
  public Map<String, String> toStrings() {
    Map<String, String> strings = new LinkedHashMap<>();
    try {
      strings.put("network", JSON.writeValueAsString(network));
      strings.put("resolution", Integer.toString(resolution));
      strings.put("channels", Integer.toString(channels));
      strings.put("classes", Integer.toString(classes));
      strings.put("diffusion", JSON.writeValueAsString(diffusion));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("Cannot write %s as JSON.".formatted(this), e);
    }
    return strings;
  }

  /**
   * Reads a file's metadata; empty if it says nothing of a network.
   *
   * @throws IllegalArgumentException if it can't be read; the message is a clause
   */
  public static Optional<ModelMetadata> of(Map<String, String> strings) {
    if (!strings.containsKey("network")) {
      return Optional.empty();
    }
    for (String needed : new String[] {"resolution", "channels", "diffusion"}) {
      if (!strings.containsKey(needed)) {
        throw new IllegalArgumentException(
            "its metadata has 'network' but no '%s'".formatted(needed));
      }
    }
    try {
      return Optional.of(
          new ModelMetadata(
              JSON.readValue(strings.get("network"), NetworkSpec.class),
              Integer.parseInt(strings.get("resolution")),
              Integer.parseInt(strings.get("channels")),
              Integer.parseInt(strings.getOrDefault("classes", "0")),
              JSON.readValue(strings.get("diffusion"), DiffusionSpec.class)));
    } catch (JsonProcessingException | NumberFormatException e) {
      throw new IllegalArgumentException(
          "its metadata can't be read (%s)"
              .formatted(
                  e instanceof JsonProcessingException json
                      ? json.getOriginalMessage()
                      : e.getMessage()),
          e);
    }
  }
}
