package dev.atelier.api.experiment;

import static dev.atelier.api.Launches.launch;
import static io.restassured.RestAssured.given;
import static org.hamcrest.Matchers.equalTo;

import dev.atelier.api.LocalServers;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import jakarta.inject.Inject;
import java.util.Map;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("slow")
@QuarkusTest
@TestProfile(ServersAwayTest.Away.class)
@WithTestResource(LocalServers.class)
class ServersAwayTest {

  /** Nothing listens on port 1. */
  public static class Away implements QuarkusTestProfile {
    @Override
    public Map<String, String> getConfigOverrides() {
      return Map.of(
          "atelier.temporal.target",
          "127.0.0.1:1",
          "atelier.temporal.timeout",
          "500ms",
          "atelier.s3.endpoint",
          "http://127.0.0.1:1");
    }
  }

  @Inject Jdbi jdbi;

  @Test
  void shouldKeepALaunchAndSayThatTemporalIsAway() {
    String id = launch();
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

  @Test
  void shouldSayThatTheStoreIsAway() {
    String id = launch();
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into artifact values
                  (?, 'samples-o2mkd.png', 'grid', 'experiments/x.png', 'image/png', 3, 'abc')
                """,
                id));
    given()
        .get("/api/v1/experiments/" + id + "/samples/o2mkd.png")
        .then()
        .statusCode(503)
        .contentType("application/problem+json")
        .body("type", equalTo("/problems/store-unavailable"));
  }
}
