package dev.atelier.api.contract;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.api.contract.OpenApiContract.Call;
import java.io.IOException;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Negative controls of the check that every test of the API is under. */
class OpenApiContractTest {

  private OpenApiContract contract;

  @BeforeEach
  void read() throws IOException {
    contract =
        new OpenApiContract(
            """
            {"openapi": "3.1.0",
             "paths": {
               "/things/{id}": {"parameters": [], "post": {"operationId": "change",
                 "requestBody": {"content": {"application/json":
                   {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                 "responses": {
                   "200": {"content": {"application/json":
                     {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                   "204": {"description": "gone"}}}},
               "/things/all": {"get": {"operationId": "list", "responses": {
                   "200": {"content": {"text/csv": {"schema": {"type": "string"}}}}}}}},
             "components": {"schemas": {"Thing": {"type": "object", "required": ["size"],
               "properties": {"size": {"type": "integer"}, "next": {"$ref": "#/components/schemas/Thing"}}}}}}
            """);
  }

  private static Call answer(int status, String type, String body) {
    return new Call("POST", "/things/7", Optional.empty(), status, type, body);
  }

  @Test
  void shouldFindNoFaultInWhatTheDocumentSays() {
    String thing = "{\"size\": 1, \"next\": {\"size\": 2}}";
    assertThat(contract.faults(answer(200, "application/json", thing))).isEmpty();
    assertThat(contract.faults(answer(204, "", ""))).isEmpty();
    assertThat(contract.faults(new Call("GET", "/nothing", Optional.empty(), 404, "", "")))
        .isEmpty();
    assertThat(contract.operationOf("GET", "/things/all").orElseThrow().id()).isEqualTo("list");
  }

  @Test
  void shouldFindWhatTheDocumentDoesNotSay() {
    assertThat(contract.faults(answer(500, "application/json", "{}")))
        .containsExactly("The document has no status 500");
    assertThat(contract.faults(answer(200, "text/html", "<p>")))
        .containsExactly("The document has no content of type text/html");
    assertThat(contract.faults(answer(200, "", "")))
        .containsExactly("The document has a body, the answer none");
    assertThat(contract.faults(answer(200, "application/json", "{\"size\": \"1\"}"))).hasSize(1);
    assertThat(contract.faults(answer(200, "application/json", "{}"))).hasSize(1);
    assertThat(contract.faults(answer(200, "application/json", "{\"size\": 1, \"other\": 2}")))
        .hasSize(1);
    assertThat(contract.faults(answer(200, "application/json", "no JSON"))).hasSize(1);
    assertThat(contract.faults(new Call("DELETE", "/things/7", Optional.empty(), 200, "", "")))
        .hasSize(1);
  }

  @Test
  void shouldFindASchemaThatIsNone() throws IOException {
    assertThat(contract.invalidSchemas()).isEmpty();
    String twice =
        """
        {"openapi": "3.1.0", "paths": {"/things": {"get": {"operationId": "list", "parameters":
          [{"name": "limit", "in": "query", "schema": {"type": "number", "minimum": "1"}}],
          "responses": {}}}},
         "components": {"schemas": {"Thing": {"type": ["integer", "null", "null"]}}}}
        """;
    assertThat(new OpenApiContract(twice).invalidSchemas())
        .anySatisfy(fault -> assertThat(fault).startsWith("Thing/type"))
        .anySatisfy(fault -> assertThat(fault).startsWith("list/minimum"));
  }

  @Test
  void shouldFindARequestThatTheServerTakesAndTheDocumentRefuses() {
    Call call =
        new Call(
            "POST",
            "/things/7",
            Optional.of("{\"size\": 1.5}"),
            200,
            "application/json",
            "{\"size\": 1}");
    assertThat(contract.faults(call)).hasSize(1).first().asString().contains("The request was");
  }
}
