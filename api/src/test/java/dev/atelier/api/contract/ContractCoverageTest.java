package dev.atelier.api.contract;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.api.contract.OpenApiContract.Operation;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfSystemProperty;

/**
 * What the OpenAPI document promises was seen in other tests, which have all run before this one:
 * not where Maven was asked for some alone.
 */
@DisabledIfSystemProperty(named = "test", matches = "(?!.*ContractCoverageTest).*")
class ContractCoverageTest {

  private static Set<String> seen;
  private static OpenApiContract contract;

  @BeforeAll
  static void read() throws IOException {
    seen = new HashSet<>(Files.readAllLines(ContractCheck.SEEN));
    contract = new OpenApiContract(Files.readString(ContractCheck.DOCUMENT));
  }

  @Test
  void shouldHaveSeenEverySuccessOfEveryOperation() {
    List<String> missing = new ArrayList<>();
    for (Operation operation : contract.operations()) {
      for (int status : operation.successes()) {
        if (!seen.contains(operation.id() + " " + status)) {
          missing.add(operation.id() + " " + status);
        }
      }
    }
    assertThat(missing).isEmpty();
  }

  @Test
  void shouldDescribeEverythingInValidSchemas() {
    assertThat(contract.invalidSchemas()).isEmpty();
  }

  @Test
  void shouldDescribeEveryOperationAndItsProblems() {
    List<String> missing = new ArrayList<>();
    for (Operation operation : contract.operations()) {
      JsonNode described = operation.description();
      if (described.path("summary").asText().isEmpty()) {
        missing.add(operation.id() + " has no summary");
      }
      described
          .get("responses")
          .properties()
          .forEach(
              response -> {
                JsonNode answer = response.getValue();
                if (answer.path("description").asText().isEmpty()) {
                  missing.add(operation.id() + " " + response.getKey() + " has no description");
                }
                if (response.getKey().startsWith("4") || response.getKey().startsWith("5")) {
                  if (!answer
                      .at("/content/application~1problem+json/schema/$ref")
                      .asText()
                      .endsWith("/Problem")) {
                    missing.add(operation.id() + " " + response.getKey() + " is no problem");
                  }
                }
              });
      for (JsonNode content : described.path("requestBody").path("content")) {
        contract
            .schemaFaults(content, content.path("example").toString())
            .forEach(fault -> missing.add(operation.id() + " has a wrong example: " + fault));
      }
    }
    assertThat(missing).isEmpty();
  }
}
