package dev.atelier.network;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.network.HostTensor.DType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The JSON header of a safetensors file: where each tensor lies. */
record SafetensorsHeader(List<Entry> entries, Map<String, String> metadata) {
  private static final String METADATA = "__metadata__";
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION).build();

  /** One tensor: bytes [{@code begin}, {@code end}) of the data. */
  record Entry(String name, DType dtype, List<Long> shape, long begin, long end) {}

  static byte[] encode(
      Map<String, HostTensor> tensors, Map<String, String> metadata, int alignment) {
    ObjectNode header = JSON.createObjectNode();
    if (!metadata.isEmpty()) {
      ObjectNode strings = header.putObject(METADATA);
      // Map.of has another order in each process; a file's hash must not.
      new TreeMap<>(metadata).forEach(strings::put);
    }
    long begin = 0;
    for (Map.Entry<String, HostTensor> e : tensors.entrySet()) {
      if (e.getKey().equals(METADATA)) {
        throw new IllegalArgumentException(
            "A tensor can't be called '%s': the format reserves it.".formatted(METADATA));
      }
      HostTensor tensor = e.getValue();
      long end = begin + tensor.elements() * tensor.dtype().bytes();
      ObjectNode node = header.putObject(e.getKey());
      node.put("dtype", tensor.dtype().name());
      ArrayNode shape = node.putArray("shape");
      Arrays.stream(tensor.shape()).forEach(shape::add);
      node.putArray("data_offsets").add(begin).add(end);
      begin = end;
    }
    byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
    byte[] padded = Arrays.copyOf(json, (json.length + alignment - 1) / alignment * alignment);
    Arrays.fill(padded, json.length, padded.length, (byte) ' ');
    return padded;
  }

  /** Parses a header; entries in order of their data. */
  static SafetensorsHeader decode(String text) {
    JsonNode header;
    try {
      header = JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "its header is no JSON object with unique names (%s)".formatted(e.getOriginalMessage()),
          e);
    }
    List<Entry> entries = new ArrayList<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    header
        .properties()
        .forEach(
            e -> {
              if (e.getKey().equals(METADATA)) {
                e.getValue()
                    .properties()
                    .forEach(m -> metadata.put(m.getKey(), m.getValue().asText()));
              } else {
                entries.add(entry(e.getKey(), e.getValue()));
              }
            });
    entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    return new SafetensorsHeader(List.copyOf(entries), metadata);
  }

  private static Entry entry(String name, JsonNode node) {
    DType dtype =
        Arrays.stream(DType.values())
            .filter(d -> d.name().equals(node.path("dtype").asText()))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "tensor '%s' has dtype '%s', expected one of %s"
                            .formatted(
                                name,
                                node.path("dtype").asText(),
                                Arrays.toString(DType.values()))));
    List<Long> shape = Arrays.stream(longs(node.path("shape"))).boxed().toList();
    long[] offsets = longs(node.path("data_offsets"));
    if (offsets.length != 2 || offsets[0] < 0 || offsets[1] < offsets[0]) {
      throw new IllegalArgumentException(
          "tensor '%s' has data_offsets %s".formatted(name, node.path("data_offsets")));
    }
    return new Entry(name, dtype, shape, offsets[0], offsets[1]);
  }

  private static long[] longs(JsonNode array) {
    long[] values = new long[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).asLong(-1);
    }
    return values;
  }
}
