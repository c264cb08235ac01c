package dev.atelier.api.document;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.eclipse.microprofile.openapi.models.OpenAPI;
import org.eclipse.microprofile.openapi.models.media.Content;
import org.eclipse.microprofile.openapi.models.media.Schema;

/**
 * Names for schemas whose classes are called alike: by the field that has them, such as
 * SamplerKind, in place of a number that another class would move. Generated clients name their
 * types so.
 */
final class SchemaNames {

  private static final String PREFIX = "#/components/schemas/";
  private static final Pattern NUMBERED = Pattern.compile("(.*\\D)\\d+");
  private static final Pattern KIND_OF_RECORD = Pattern.compile("(Spec|View|Summary)$");

  private SchemaNames() {}

  static void settle(OpenAPI document) {
    Map<String, Schema> schemas = document.getComponents().getSchemas();
    Map<String, String> names = new HashMap<>();
    Set<String> alike = alike(schemas.keySet());
    new TreeMap<>(schemas)
        .forEach(
            (record, schema) ->
                properties(schema)
                    .forEach(
                        (field, type) ->
                            parts(type)
                                .flatMap(part -> name(part).stream())
                                .filter(alike::contains)
                                .forEach(
                                    named -> names.putIfAbsent(named, nameOf(record, field)))));
    Map<String, Schema> renamed = new TreeMap<>();
    schemas.forEach((name, schema) -> renamed.put(names.getOrDefault(name, name), schema));
    if (renamed.size() != schemas.size()) {
      throw new IllegalStateException("Two schemas would have one of the names " + names.values());
    }
    document.getComponents().setSchemas(renamed);
    all(document).forEach(schema -> rename(schema, names));
  }

  /** Names that are numbered, and those that they are numbered from. */
  private static Set<String> alike(Set<String> names) {
    Set<String> alike = new HashSet<>();
    for (String name : names) {
      Matcher numbered = NUMBERED.matcher(name);
      if (numbered.matches() && names.contains(numbered.group(1))) {
        alike.addAll(List.of(name, numbered.group(1)));
      }
    }
    return alike;
  }

  private static String nameOf(String record, String field) {
    String one = field.replaceFirst("s$", "");
    return KIND_OF_RECORD.matcher(record).replaceFirst("")
        + one.substring(0, 1).toUpperCase(Locale.ROOT)
        + one.substring(1);
  }

  private static void rename(Schema schema, Map<String, String> names) {
    parts(schema)
        .forEach(
            part ->
                name(part)
                    .flatMap(name -> Optional.ofNullable(names.get(name)))
                    .ifPresent(name -> part.setRef(PREFIX + name)));
  }

  private static Optional<String> name(Schema schema) {
    return Optional.ofNullable(schema.getRef())
        .filter(reference -> reference.startsWith(PREFIX))
        .map(reference -> reference.substring(PREFIX.length()));
  }

  /** A schema and all that it is made of, but for its properties. */
  private static Stream<Schema> parts(Schema schema) {
    List<Schema> parts = new ArrayList<>();
    Optional.ofNullable(schema.getItems()).ifPresent(parts::add);
    Optional.ofNullable(schema.getAdditionalPropertiesSchema()).ifPresent(parts::add);
    Stream.of(schema.getAnyOf(), schema.getAllOf(), schema.getOneOf())
        .flatMap(Stream::ofNullable)
        .forEach(parts::addAll);
    return Stream.concat(Stream.of(schema), parts.stream().flatMap(SchemaNames::parts));
  }

  private static Map<String, Schema> properties(Schema schema) {
    return Optional.ofNullable(schema.getProperties()).orElse(Map.of());
  }

  /** Every schema of the document that may refer to another. */
  private static Stream<Schema> all(OpenAPI document) {
    Stream<Schema> own =
        document.getComponents().getSchemas().values().stream()
            .flatMap(
                schema -> Stream.concat(Stream.of(schema), properties(schema).values().stream()));
    Stream<Schema> ofBodies =
        document.getPaths().getPathItems().values().stream()
            .flatMap(item -> item.getOperations().values().stream())
            .flatMap(
                operation ->
                    Stream.concat(
                        Optional.ofNullable(operation.getRequestBody()).stream()
                            .map(body -> body.getContent()),
                        operation.getResponses().getAPIResponses().values().stream()
                            .map(response -> response.getContent())))
            .flatMap(Stream::ofNullable)
            .flatMap(SchemaNames::schemas);
    return Stream.concat(own, ofBodies);
  }

  private static Stream<Schema> schemas(Content content) {
    return content.getMediaTypes().values().stream()
        .flatMap(type -> Stream.ofNullable(type.getSchema()));
  }
}
