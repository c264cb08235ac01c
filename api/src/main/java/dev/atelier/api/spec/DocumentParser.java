package dev.atelier.api.spec;

import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.JsonParserDelegate;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import dev.atelier.api.spec.RefusedDocumentException.Reason;
import dev.atelier.spec.SpecFault;
import java.io.CharConversionException;
import java.io.IOException;
import java.util.List;

/** Reads one JSON or YAML document of plain data: no repeated keys, tags, anchors or aliases. */
final class DocumentParser {

  /** Bytes of a document, unless configured otherwise. */
  static final int MAX_BYTES = 256 * 1024;

  private static final StreamReadConstraints CONSTRAINTS =
      StreamReadConstraints.builder().maxNestingDepth(40).build();

  private static final ObjectReader JSON = jsonReader();
  private static final YAMLMapper YAML = yamlMapper();

  private DocumentParser() {}

  static JsonNode parse(byte[] document, DocumentFormat format) {
    return parse(document, format, MAX_BYTES);
  }

  static JsonNode parse(byte[] document, DocumentFormat format, int maxBytes) {
    if (document.length > maxBytes) {
      throw refused(
          Reason.TOO_LARGE,
          "The document has %d bytes: expected at most %d.".formatted(document.length, maxBytes));
    }
    JsonNode tree;
    try {
      tree =
          switch (format) {
            case JSON -> JSON.readTree(document);
            case YAML -> parseYaml(document);
          };
    } catch (JsonProcessingException e) {
      if (e.getOriginalMessage().contains(CharConversionException.class.getName())) {
        throw refused(Reason.MALFORMED, "The document is not UTF-8 text.");
      }
      throw refused(Reason.MALFORMED, SyntaxFault.of(e, document, format).text());
    } catch (CharConversionException e) {
      throw refused(Reason.MALFORMED, "The document is not UTF-8 text.");
    } catch (IOException e) {
      throw refused(
          Reason.MALFORMED,
          "The document is not %s: %s".formatted(format, sentence(String.valueOf(e.getMessage()))));
    }
    if (tree == null || tree.isMissingNode() || tree.isNull()) {
      throw refused(Reason.MALFORMED, "The document is empty.");
    }
    return tree;
  }

  private static JsonNode parseYaml(byte[] document) throws IOException {
    try (JsonParser parser = new PlainYamlParser(YAML.getFactory().createParser(document))) {
      JsonNode tree = YAML.readTree(parser);
      if (tree != null && parser.nextToken() != null) {
        throw new JsonParseException(parser, "a second document follows the first");
      }
      return tree;
    }
  }

  static String sentence(String message) {
    String line = message.lines().findFirst().orElse("it cannot be read").strip();
    return line.endsWith(".") ? line : line + ".";
  }

  private static RefusedDocumentException refused(Reason reason, String message) {
    return new RefusedDocumentException(reason, List.of(new SpecFault("", message)));
  }

  private static ObjectReader jsonReader() {
    JsonMapper mapper =
        JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();
    mapper.getFactory().setStreamReadConstraints(CONSTRAINTS);
    return mapper.reader();
  }

  private static YAMLMapper yamlMapper() {
    return YAMLMapper.builder(
            YAMLFactory.builder()
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
                .streamReadConstraints(CONSTRAINTS)
                .enable(YAMLParser.Feature.EMPTY_STRING_AS_NULL)
                .build())
        .build();
  }

  /**
   * Refuses what YAML has beyond plain data: Jackson would drop a tag and take an alias as text.
   */
  private static final class PlainYamlParser extends JsonParserDelegate {

    private final YAMLParser yaml;

    PlainYamlParser(YAMLParser yaml) {
      super(yaml);
      this.yaml = yaml;
    }

    @Override
    public JsonToken nextToken() throws IOException {
      JsonToken token = super.nextToken();
      if (yaml.isCurrentAlias() || yaml.getObjectId() != null) {
        throw new JsonParseException(this, "anchors and aliases are not supported");
      }
      if (yaml.getTypeId() != null) {
        throw new JsonParseException(
            this, "tags such as '%s' are not supported".formatted(yaml.getTypeId()));
      }
      return token;
    }

    @Override
    public String nextFieldName() throws IOException {
      return nextToken() == JsonToken.FIELD_NAME ? currentName() : null;
    }

    @Override
    public String nextTextValue() throws IOException {
      return nextToken() == JsonToken.VALUE_STRING ? getText() : null;
    }
  }
}
