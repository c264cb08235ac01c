package dev.atelier.api.experiment;

import static dev.atelier.api.Launches.launch;
import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.matchesPattern;

import dev.atelier.api.LocalServers;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import java.util.List;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A server that has too much to do is no fault of this one. */
@QuarkusTest
@WithTestResource(LocalServers.class)
class OverloadTest {

  private static final String EXPERIMENTS = "/api/v1/experiments/";

  @Inject Jdbi jdbi;

  @AfterEach
  void accept() {
    LocalServers.refuseCallsOf("");
  }

  private List<String> outcomes(String id, String action) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    "select outcome from audit where subject_id = :id and action = :action order by id")
                .bind("id", id)
                .bind("action", action)
                .mapTo(String.class)
                .list());
  }

  @Tag("slow")
  @Test
  void shouldAskToComeBackWhenTemporalHasTooManyCalls() {
    String id = launch();
    LocalServers.refuseCallsOf("UpdateWorkflowExecution");
    given()
        .post(EXPERIMENTS + id + "/pause")
        .then()
        .statusCode(503)
        .contentType("application/problem+json")
        .header("Retry-After", matchesPattern("[1-9][0-9]*"))
        .body("type", equalTo("/problems/temporal-busy"));
    assertThat(outcomes(id, "pauseExperiment")).containsExactly("ASKED", "REFUSED");

    LocalServers.refuseCallsOf("");
    given().post(EXPERIMENTS + id + "/pause").then().statusCode(202);
    assertThat(outcomes(id, "pauseExperiment"))
        .containsExactly("ASKED", "REFUSED", "ASKED", "DONE");
  }

  @Test
  void shouldLaunchLaterWhenTemporalHasTooManyCalls() {
    LocalServers.refuseCallsOf("StartWorkflowExecution");
    String id = launch();
    given().get(EXPERIMENTS + id).then().statusCode(200).body("stage", equalTo("QUEUED"));
  }

  @Test
  void shouldAskToComeBackWhenACancelFindsTooManyCalls() {
    String id = launch();
    LocalServers.refuseCallsOf("RequestCancelWorkflowExecution");
    given()
        .post(EXPERIMENTS + id + "/cancel")
        .then()
        .statusCode(503)
        .header("Retry-After", matchesPattern("[1-9][0-9]*"))
        .body("type", equalTo("/problems/temporal-busy"));
    assertThat(outcomes(id, "cancelExperiment"))
        .as("what was not done is not written down as done")
        .isEmpty();
  }

  @Test
  void shouldRefuseTimesThatPostgresDoesNotHave() {
    for (String time :
        List.of("+999999999-12-31T00:00:00Z", "-100000-01-01T00:00:00Z", "0000-01-01")) {
      given()
          .queryParam("q", "created>" + time)
          .get("/api/v1/experiments")
          .then()
          .statusCode(400)
          .body("type", equalTo("/problems/invalid-parameter"));
    }
  }
}
