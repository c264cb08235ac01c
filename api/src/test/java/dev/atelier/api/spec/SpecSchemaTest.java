package dev.atelier.api.spec;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.spec.ExperimentSpec;
import org.junit.jupiter.api.Test;

class SpecSchemaTest {

  private final JsonNode schema = SpecSchema.of(ExperimentSpec.class);

  @Test
  void shouldTakeDefaultsFromTheRecords() {
    assertThat(schema.at("/properties/diffusion/properties/timesteps/default").asInt())
        .isEqualTo(1000);
    assertThat(schema.at("/properties/students/properties/network/default/channels").asInt())
        .isEqualTo(96);
    assertThat(schema.at("/$defs/NetworkSpec/properties/channels/default").asInt()).isEqualTo(128);
    assertThat(schema.at("/$defs/NetworkSpec/properties/groups").has("default")).isFalse();
  }

  @Test
  void shouldTakeBoundsFromBeanValidation() {
    JsonNode dropout = schema.at("/$defs/NetworkSpec/properties/dropout");
    assertThat(dropout.path("minimum").asDouble()).isZero();
    assertThat(dropout.path("exclusiveMaximum").asDouble()).isEqualTo(1);
    assertThat(schema.at("/$defs/NetworkSpec/properties/multipliers/items/maximum").asInt())
        .isEqualTo(16);
    assertThat(schema.at("/properties/compute/pattern").asText())
        .isEqualTo("^(?:cpu|gpu(-[a-z0-9]+)?)$");
  }

  @Test
  void shouldNameEverySampler() {
    assertThat(schema.findValues("kind"))
        .anySatisfy(
            kind ->
                assertThat(kind.path("enum"))
                    .extracting(JsonNode::asText)
                    .containsExactly(
                        "ddpm", "ddim", "dpm-solver++", "heun", "euler", "pndm", "plms", "unipc"));
  }

  @Test
  void shouldListFormerNamesAsDeprecated() {
    JsonNode published = SpecSchema.withFormerNames(ExperimentSpec.class);
    JsonNode former = published.at("/properties/students/properties/loss/properties/prediction");
    assertThat(former.path("deprecated").asBoolean()).isTrue();
    assertThat(former.path("minimum").asInt()).isZero();
    assertThat(schema.toString()).doesNotContain("\"deprecated\"");
  }

  @Test
  void shouldDescribeEveryFieldAndForbidOthers() {
    everyObject(schema);
  }

  private static void everyObject(JsonNode node) {
    if (node.path("properties").isObject()) {
      assertThat(node.path("additionalProperties").isBoolean()).isTrue();
      node.path("properties")
          .properties()
          .forEach(
              field -> assertThat(field.getValue().has("description")).as(field.getKey()).isTrue());
    }
    node.forEach(SpecSchemaTest::everyObject);
  }
}
