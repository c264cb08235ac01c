package dev.atelier.api.experiment;

import static io.restassured.RestAssured.given;
import static org.hamcrest.Matchers.equalTo;

import dev.atelier.api.LocalServers;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import java.util.Map;
import org.junit.jupiter.api.Test;

@QuarkusTest
@TestProfile(TemporalAwayTest.Away.class)
@WithTestResource(LocalServers.class)
class TemporalAwayTest {

  /** Nothing listens on port 1. */
  public static class Away implements QuarkusTestProfile {
    @Override
    public Map<String, String> getConfigOverrides() {
      return Map.of(AWAY, "127.0.0.1:1", "atelier.temporal.timeout", "500ms");
    }
  }

  private static final String AWAY = "atelier.temporal.target";

  @Test
  void shouldKeepALaunchAndSayThatTemporalIsAway() {
    String id =
        given()
            .contentType("application/json")
            .body("{}")
            .post("/api/v1/experiments")
            .then()
            .statusCode(202)
            .extract()
            .path("id");
    given()
        .get("/api/v1/experiments/" + id)
        .then()
        .statusCode(200)
        .body("stage", equalTo("QUEUED"));
    for (String action : new String[] {"/cancel", "/students/1/retry"}) {
      given()
          .post("/api/v1/experiments/" + id + action)
          .then()
          .statusCode(503)
          .contentType("application/problem+json")
          .body("type", equalTo("/problems/temporal-unavailable"));
    }
    // A cancel that did not reach the workflow leaves no trace.
    given()
        .get("/api/v1/experiments/" + id + "/events")
        .then()
        .body("items.kind", equalTo(java.util.List.of("launched")));
  }
}
