package dev.atelier.api.study;

import static io.restassured.RestAssured.given;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.hasSize;

import dev.atelier.api.LocalServers;
import dev.atelier.workflows.StudyWorkflow;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.ValidatableResponse;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowClient;
import jakarta.inject.Inject;
import java.util.List;
import java.util.UUID;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(LocalServers.class)
class StudyResourceTest {

  private static final String STUDIES = "/api/v1/studies";
  private static final String SWEEP =
      """
      name: sweep
      question: Do more students help?
      base: {students: {network: {channels: 24}}}
      axes: [{name: N, field: students.count, values: [1, 2]}]
      seeds: [1, 2]
      """;

  @Inject Jdbi jdbi;
  @Inject WorkflowClient temporal;

  @Test
  void shouldStoreEveryExperimentAndStartOneWorkflowWhenAStudyIsLaunched() {
    String id = launch(SWEEP, UUID.randomUUID().toString());

    List<String> experiments =
        given()
            .get(STUDIES + "/" + id)
            .then()
            .statusCode(200)
            .body("name", equalTo("sweep"))
            .body("question", equalTo("Do more students help?"))
            .body("stage", equalTo("QUEUED"))
            .body("members", hasSize(4))
            .body("members[1].axes", equalTo(List.of(java.util.Map.of("axis", "N", "value", "2"))))
            .body("members.seed", equalTo(List.of(1, 1, 2, 2)))
            .extract()
            .path("members.experimentId");
    given()
        .get("/api/v1/experiments/" + experiments.get(1))
        .then()
        .statusCode(200)
        .body("spec.students.count", equalTo(2))
        .body("labels.study", equalTo("sweep"))
        .body("models", hasSize(3));
    assertThat(status(id)).isEqualTo(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING);
    given().get(STUDIES).then().statusCode(200).body("items.id", hasItem(id));
  }

  @Test
  void shouldAnswerARepeatedLaunchWithTheSameStudy() {
    String key = UUID.randomUUID().toString();
    String id = launch(SWEEP, key);

    assertThat(launch(SWEEP, key)).isEqualTo(id);
    problem(post(SWEEP.replace("[1, 2]", "[1, 3]"), key), 422, "idempotency-key-reused");
  }

  @Test
  void shouldNameThePointOfTheGridWhoseExperimentBreaksARule() {
    problem(post(SWEEP.replace("values: [1, 2]", "values: [2, 9999]"), null), 422, "invalid-spec")
        .body("faults", hasSize(1))
        .body("faults[0].field", equalTo("axes[0].values[1]"))
        .body("faults[0].message", containsString("students.count"));
  }

  @Test
  void shouldNameAFieldThatTheAxesSetAndNoExperimentHas() {
    problem(post(SWEEP.replace("students.count", "students.cuont"), null), 422, "invalid-spec")
        .body("faults[0].message", containsString("students.cuont"));
  }

  @Test
  void shouldDecideClaimsByWhatIsMeasuredSoFar() {
    String id =
        launch(
            SWEEP
                + """
                scorecard:
                  - text: half the work of the teacher
                    figure: 2
                    measure: macs-per-step
                    of: {subject: teacher, at: {N: 2}}
                    against: {subject: o2mkd}
                    comparison: ratio
                    rule: at-least
                  - {text: unknown to us, measure: fid, rule: at-most, bound: 0}
                """,
            UUID.randomUUID().toString());
    given()
        .get(STUDIES + "/" + id)
        .then()
        .statusCode(200)
        .body("scorecard.verdict", equalTo(List.of("not-measured", "not-measured")));
    jdbi.useHandle(
        h ->
            h.createUpdate(
                    """
                    insert into evaluation (experiment_id, subject, metric, distance, macs_per_step,
                        parameters, images_per_second, peak_memory_bytes, protocol)
                    select experiment_id, subject, 'Fréchet distance (random-conv)', 9, macs,
                        1, 1, 1, '{}'
                    from study_member, (values ('teacher', 21), ('o2mkd', 10)) as v (subject, macs)
                    where study_id = :id
                    """)
                .bind("id", id)
                .execute());
    given()
        .get(STUDIES + "/" + id)
        .then()
        .statusCode(200)
        .body("scorecard.verdict", equalTo(List.of("holds", "not-comparable")))
        .body("scorecard[0].figure", equalTo(2.0f))
        .body("scorecard[0].ours.mean", equalTo(2.1f))
        .body("scorecard[0].ours.seeds", equalTo(2))
        .body("scorecard[0].rule", equalTo("at least 2"))
        .body("scorecard[0].size.samples", equalTo(10_000))
        .body("scorecard[1].figure", equalTo(null))
        .body("scorecard[1].quantity", equalTo("Fréchet distance (random-conv): o2mkd"));
  }

  @Test
  void shouldNameTheClaimThatItsExperimentsCannotDecide() {
    String claim = "scorecard: [{text: x, figure: 1, rule: at-most, measure: fid, of: %s}]\n";
    long before = studies();
    problem(post(SWEEP + claim.formatted("{at: {N: 3}}"), null), 422, "invalid-spec")
        .body("faults", hasSize(1))
        .body("faults[0].field", equalTo("scorecard[0].of.at"))
        .body("faults[0].message", containsString("names '3' on the axis 'N'"));
    problem(post(SWEEP + claim.formatted("{subject: merged}"), null), 422, "invalid-spec")
        .body("faults[0].field", equalTo("scorecard[0].of.subject"));
    problem(
            post(SWEEP + claim.formatted("{}").replace("measure: fid", "measure: beauty"), null),
            422,
            "invalid-spec")
        .body("faults[0].field", equalTo("scorecard[0].measure"));
    assertThat(studies()).isEqualTo(before);
  }

  @Test
  void shouldRefuseAnUnknownFieldAndStoreNothing() {
    long before = studies();
    problem(post("nmae: x\n", null), 422, "invalid-spec").body("faults.field", hasItem("nmae"));
    assertThat(studies()).isEqualTo(before);
  }

  @Test
  void shouldCancelAStudyOnceAndAnswerTheSameAgain() {
    String id = launch(SWEEP, UUID.randomUUID().toString());
    given().post(STUDIES + "/" + id + "/cancel").then().statusCode(202);
    given().post(STUDIES + "/" + id + "/cancel").then().statusCode(202);
    problem(given().post(STUDIES + "/nothing/cancel").then(), 404, "study-not-found");
  }

  @Test
  void shouldServeTheSchemaOfStudies() {
    given()
        .get("/api/v1/schemas/study")
        .then()
        .statusCode(200)
        .body("properties.base.properties.dataset.properties.resolution.type", equalTo("integer"));
  }

  private long studies() {
    return jdbi.withHandle(
        h -> h.createQuery("select count(*) from study").mapTo(Long.class).one());
  }

  private WorkflowExecutionStatus status(String id) {
    return temporal.newUntypedWorkflowStub(StudyWorkflow.workflowId(id)).describe().getStatus();
  }

  private static String launch(String yaml, String key) {
    return post(yaml, key).statusCode(202).extract().path("id");
  }

  private static ValidatableResponse post(String yaml, String key) {
    var request = given().contentType("application/yaml").body(yaml.getBytes(UTF_8));
    return (key == null ? request : request.header("Idempotency-Key", key)).post(STUDIES).then();
  }

  private static ValidatableResponse problem(
      ValidatableResponse response, int status, String type) {
    return response
        .statusCode(status)
        .contentType("application/problem+json")
        .body("type", equalTo("/problems/" + type));
  }
}
