package dev.atelier.api.contract;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.api.LocalServers;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The contract lies in the repository as the server serves it, and generated clients ask for the
 * answers of successes. {@code -Dcontract.write=true} writes the files anew.
 */
@QuarkusTest
@WithTestResource(LocalServers.class)
class PublishedContractTest {

  private static final Path FOLDER = Path.of("openapi");
  private static final String DOCUMENT = "/q/openapi?format=json";
  private static final ObjectMapper JSON = new ObjectMapper();

  @ParameterizedTest
  @CsvSource({
    "openapi.json, " + DOCUMENT,
    "experiment.schema.json, /api/v1/schemas/experiment",
    "study.schema.json, /api/v1/schemas/study",
  })
  void shouldLieInTheRepositoryAsItIsServed(String name, String address) throws IOException {
    ObjectNode served = served(address);
    served.remove("servers"); // the tests' own
    Path file = FOLDER.resolve(name);
    if (Boolean.getBoolean("contract.write")) {
      Files.createDirectories(FOLDER);
      Files.writeString(file, served.toPrettyString() + "\n");
      return;
    }
    assertThat(JSON.readTree(file.toFile()))
        .as("api/%s is stale: run this test with -Dcontract.write=true", file)
        .isEqualTo(served);
  }

  @Test
  void shouldNameTheSuccessesOfEveryOperationBeforeItsProblems() throws IOException {
    for (JsonNode path : served(DOCUMENT).get("paths")) {
      for (JsonNode operation : path) {
        List<String> statuses = new ArrayList<>();
        operation.path("responses").fieldNames().forEachRemaining(statuses::add);
        assertThat(statuses).as("%s", operation.path("operationId")).isSorted();
      }
    }
  }

  @Test
  void shouldNumberNoNameOfASchema() throws IOException {
    JsonNode schemas = served(DOCUMENT).at("/components/schemas");
    assertThat(schemas.properties())
        .extracting(Map.Entry::getKey)
        .noneMatch(name -> name.matches(".*\\d"))
        .contains("SamplerKind", "AssignmentKind", "ExperimentModel", "EstimateModel");
    assertThat(schemas.at("/SamplerSpec/properties/kind/anyOf/0/$ref").asText())
        .isEqualTo("#/components/schemas/SamplerKind");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "application/problem+json | application/json",
        "Application/Problem+JSON;q=0.9, application/problem+json | application/json",
        "application/problem+json, text/csv | text/csv;charset=UTF-8",
      })
  void shouldGiveJsonToWhoAcceptsProblemsAlone(String accepted, String type) {
    given().accept(accepted).get("/api/v1/experiments").then().statusCode(200).contentType(type);
    given()
        .accept(accepted)
        .get("/api/v1/experiments/none/events")
        .then()
        .statusCode(404)
        .contentType("application/problem+json");
  }

  @Test
  void shouldGiveWhatIsNoJsonToWhoAcceptsProblemsAlone() {
    given()
        .accept("application/problem+json")
        .get("/api/v1/schemas/study")
        .then()
        .statusCode(200)
        .contentType("application/schema+json");
  }

  @Test
  void shouldRefuseATypeThatItHasNot() {
    given().accept("image/avif").get("/api/v1/experiments").then().statusCode(406);
  }

  private static ObjectNode served(String address) throws IOException {
    byte[] body = given().get(address).then().statusCode(200).extract().asByteArray();
    return (ObjectNode) JSON.readTree(body);
  }
}
