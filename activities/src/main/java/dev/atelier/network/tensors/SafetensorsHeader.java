package dev.atelier.network.tensors;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.ByteBufferBackedInputStream;
import dev.atelier.network.tensors.HostTensor.DType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
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
  private static final int MAX_TENSORS = 30_000; // each is a mapping, of which Linux allows 65,530
  private static final int MAX_AXES = 16;
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION).build();

  /** Element types of files; those of half precision are widened whenever they are read. */
  enum Stored {
    F32(DType.F32),
    F64(DType.F64),
    I64(DType.I64),
    U8(DType.U8),
    F16(DType.F32),
    BF16(DType.F32);

    private final DType held;

    Stored(DType held) {
      this.held = held;
    }

    DType held() {
      return held;
    }
  }

  /** One tensor: bytes [{@code begin}, {@code end}) of the data. */
  record Entry(String name, Stored dtype, List<Long> shape, long begin, long end) {}

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

  /**
   * Parses a header token by token: what is held is its result. Entries in order of their data.
   *
   * @throws IllegalArgumentException saying, as a clause, what is wrong with it
   */
  static SafetensorsHeader decode(ByteBuffer text) {
    List<Entry> entries = new ArrayList<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    try (JsonParser json = JSON.createParser(new ByteBufferBackedInputStream(text))) {
      expect(json.nextToken(), JsonToken.START_OBJECT);
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String name = json.currentName();
        expect(json.nextToken(), JsonToken.START_OBJECT);
        if (name.equals(METADATA)) {
          readMetadata(json, metadata);
        } else {
          if (entries.size() == MAX_TENSORS) {
            throw new IllegalArgumentException(
                "its header names more than %d tensors".formatted(MAX_TENSORS));
          }
          entries.add(entry(name, json));
        }
      }
      expect(json.currentToken(), JsonToken.END_OBJECT);
      expect(json.nextToken(), null); // but for blanks
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "its header is no JSON object with unique names (%s)".formatted(e.getOriginalMessage()),
          e);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // of a mapped file
    }
    entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    return new SafetensorsHeader(List.copyOf(entries), metadata);
  }

  private static void expect(JsonToken found, JsonToken expected) {
    if (found != expected) {
      throw new IllegalArgumentException(
          "its header is no JSON object with unique names (found %s, expected %s)"
              .formatted(found, expected));
    }
  }

  private static void readMetadata(JsonParser json, Map<String, String> metadata)
      throws IOException {
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      if (metadata.size() == MAX_TENSORS) {
        throw new IllegalArgumentException(
            "its metadata has more than %d entries".formatted(MAX_TENSORS));
      }
      String name = json.currentName();
      if (!json.nextToken().isScalarValue()) {
        throw new IllegalArgumentException("its metadata '%s' is no text".formatted(name));
      }
      metadata.put(name, json.getText());
    }
  }

  private static Entry entry(String name, JsonParser json) throws IOException {
    String dtype = "";
    List<Long> shape = List.of();
    List<Long> offsets = List.of();
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      json.nextToken();
      switch (field) {
        case "dtype" -> dtype = json.getText();
        case "shape" -> shape = longs(name, field, json);
        case "data_offsets" -> offsets = longs(name, field, json);
        default -> json.skipChildren();
      }
    }
    if (offsets.size() != 2 || offsets.get(1) < offsets.get(0)) {
      throw new IllegalArgumentException(
          "tensor '%s' has data_offsets %s".formatted(name, offsets));
    }
    return new Entry(name, dtypeOf(name, dtype), shape, offsets.get(0), offsets.get(1));
  }

  private static Stored dtypeOf(String name, String dtype) {
    return Arrays.stream(Stored.values())
        .filter(d -> d.name().equals(dtype))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "tensor '%s' has dtype '%s', expected one of %s"
                        .formatted(name, dtype, Arrays.toString(Stored.values()))));
  }

  private static List<Long> longs(String name, String field, JsonParser json) throws IOException {
    expect(json.currentToken(), JsonToken.START_ARRAY);
    List<Long> values = new ArrayList<>();
    while (json.nextToken() != JsonToken.END_ARRAY) {
      if (values.size() == MAX_AXES
          || json.currentToken() != JsonToken.VALUE_NUMBER_INT
          || json.getLongValue() < 0) {
        throw new IllegalArgumentException(
            "tensor '%s': expected at most %d whole numbers from 0 as %s"
                .formatted(name, MAX_AXES, field));
      }
      values.add(json.getLongValue());
    }
    return values;
  }
}
