package dev.atelier.api.spec;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.github.victools.jsonschema.generator.FieldScope;
import com.github.victools.jsonschema.generator.MemberScope;
import com.github.victools.jsonschema.generator.Option;
import com.github.victools.jsonschema.generator.OptionPreset;
import com.github.victools.jsonschema.generator.SchemaGenerator;
import com.github.victools.jsonschema.generator.SchemaGeneratorConfigBuilder;
import com.github.victools.jsonschema.generator.SchemaVersion;
import com.github.victools.jsonschema.module.jackson.JacksonModule;
import com.github.victools.jsonschema.module.jackson.JacksonOption;
import com.github.victools.jsonschema.module.jakarta.validation.JakartaValidationModule;
import jakarta.validation.constraints.Pattern;
import java.io.UncheckedIOException;
import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Comparator;

/**
 * JSON Schema (draft 2020-12) of the records that users write: bounds from their Bean Validation,
 * defaults from their compact constructors.
 */
public final class SpecSchema {

  private SpecSchema() {}

  /** The schema of a record; a component without a default that is no Optional is required. */
  public static JsonNode of(Class<? extends Record> type) {
    SchemaGeneratorConfigBuilder config =
        new SchemaGeneratorConfigBuilder(
                SpecJson.MAPPER, SchemaVersion.DRAFT_2020_12, OptionPreset.PLAIN_JSON)
            .with(
                Option.NONPUBLIC_NONSTATIC_FIELDS_WITHOUT_GETTERS,
                Option.FORBIDDEN_ADDITIONAL_PROPERTIES_BY_DEFAULT,
                Option.MAP_VALUES_AS_ADDITIONAL_PROPERTIES,
                Option.FLATTENED_OPTIONALS,
                Option.ENUM_KEYWORD_FOR_SINGLE_VALUES,
                Option.PLAIN_DEFINITION_KEYS)
            .with(
                new JacksonModule(
                    JacksonOption.FLATTENED_ENUMS_FROM_JSONPROPERTY,
                    JacksonOption.RESPECT_JSONPROPERTY_ORDER))
            .with(new JakartaValidationModule());
    config
        .forFields()
        .withNullableCheck(field -> false)
        .withRequiredCheck(SpecSchema::required)
        .withDefaultResolver(SpecSchema::defaultOf)
        .withStringPatternResolver(SpecSchema::wholePattern)
        .withNumberInclusiveMinimumResolver(field -> least(field.getType().getErasedType()))
        .withNumberInclusiveMaximumResolver(field -> most(field.getType().getErasedType()));
    config.forTypesInGeneral().withPropertySorter(Comparator.comparing(SpecSchema::position));
    ObjectNode schema = new SchemaGenerator(config.build()).generateSchema(type);
    schema.put("title", type.getSimpleName());
    try {
      return SpecJson.MAPPER.readTree(schema.toString()); // defaults become plain JSON nodes
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** As {@link #of}, with the names that fields had before, as deprecated. */
  public static JsonNode withFormerNames(Class<? extends Record> type) {
    JsonNode schema = of(type);
    FormerNames.describe((ObjectNode) schema, type);
    return schema;
  }

  private static boolean required(FieldScope field) {
    return isComponent(field) && componentOf(emptyOf(declaring(field)), field) == null;
  }

  private static Object defaultOf(FieldScope field) {
    if (!isComponent(field)) {
      return null;
    }
    Object value = componentOf(emptyOf(declaring(field)), field);
    if (value instanceof Record nested && nested.equals(emptyOf(nested.getClass()))) {
      return null; // its own fields say their defaults
    }
    JsonNode json = SpecJson.MAPPER.valueToTree(value);
    return json.isNull() ? null : json;
  }

  private static String wholePattern(FieldScope field) {
    Pattern pattern = field.getAnnotationConsideringFieldAndGetterIfSupported(Pattern.class);
    return pattern == null ? null : "^(?:%s)$".formatted(pattern.regexp());
  }

  private static boolean isComponent(FieldScope field) {
    return !field.isFakeContainerItemScope() && declaring(field).isRecord();
  }

  private static Class<?> declaring(MemberScope<?, ?> member) {
    return member.getDeclaringType().getErasedType();
  }

  /** The record as its compact constructor makes it when every component is left out. */
  private static Object emptyOf(Class<?> type) {
    RecordComponent[] components = type.getRecordComponents();
    try {
      Class<?>[] types =
          Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
      return type.getDeclaredConstructor(types).newInstance(new Object[components.length]);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("Cannot build an empty %s.".formatted(type.getName()), e);
    }
  }

  private static Object componentOf(Object instance, FieldScope field) {
    try {
      return instance.getClass().getDeclaredMethod(field.getName()).invoke(instance);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("Cannot read %s.".formatted(field.getName()), e);
    }
  }

  private static int position(MemberScope<?, ?> member) {
    RecordComponent[] components = member.getDeclaringType().getErasedType().getRecordComponents();
    return Arrays.stream(components)
        .map(RecordComponent::getName)
        .toList()
        .indexOf(member.getName());
  }

  private static BigDecimal least(Class<?> type) {
    return type == Integer.class
        ? BigDecimal.valueOf(Integer.MIN_VALUE)
        : type == Long.class ? BigDecimal.valueOf(Long.MIN_VALUE) : null;
  }

  private static BigDecimal most(Class<?> type) {
    return type == Integer.class
        ? BigDecimal.valueOf(Integer.MAX_VALUE)
        : type == Long.class ? BigDecimal.valueOf(Long.MAX_VALUE) : null;
  }
}
