package dev.atelier.api.webhook;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.empty;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.matchesPattern;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.nullValue;

import dev.atelier.api.LocalServers;
import dev.atelier.workflows.WebhookDeliveryWorkflow;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.response.ValidatableResponse;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowNotFoundException;
import jakarta.inject.Inject;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@QuarkusTest
@WithTestResource(LocalServers.class)
class WebhookResourceTest {

  private static final String WEBHOOKS = "/api/v1/webhooks";
  private static final String SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

  @Inject Jdbi jdbi;
  @Inject WorkflowClient temporal;
  @Inject WebhookDispatcher dispatcher;

  @BeforeEach
  void deleteWebhooks() {
    jdbi.useHandle(handle -> handle.execute("delete from webhook"));
  }

  @Test
  void shouldTellTheSecretOnceWhenAWebhookIsMade() {
    String chosen =
        create(Map.of("url", "https://example.org/hook", "secret", SECRET))
            .statusCode(201)
            .header("Location", containsString(WEBHOOKS + "/wh-"))
            .body("secret", equalTo(SECRET))
            .body("events", equalTo(List.of("experiment.stage", "model.failed")))
            .body("labels", equalTo(Map.of()))
            .body("experiment", nullValue())
            .extract()
            .path("id");
    create(
            Map.of(
                "url",
                "http://example.org",
                "events",
                List.of("model.failed"),
                "labels",
                Map.of("team", "vision")))
        .statusCode(201)
        .body("secret", matchesPattern("whsec_[A-Za-z0-9+/]{43}="));

    given().get(WEBHOOKS + "/" + chosen).then().statusCode(200).body("secret", nullValue());
    given()
        .get(WEBHOOKS)
        .then()
        .statusCode(200)
        .body("items.url", equalTo(List.of("http://example.org", "https://example.org/hook")))
        .body("items.labels[0].team", equalTo("vision"))
        .body(not(containsString("whsec_")));
    String cursor =
        given().get(WEBHOOKS + "?limit=1").then().statusCode(200).extract().path("nextCursor");
    given()
        .get(WEBHOOKS + "?limit=1&cursor=" + cursor)
        .then()
        .statusCode(200)
        .body("items.id", equalTo(List.of(chosen)))
        .body("nextCursor", nullValue());

    given().delete(WEBHOOKS + "/" + chosen).then().statusCode(204);
    problem(given().delete(WEBHOOKS + "/" + chosen).then(), 404, "/problems/webhook-not-found");
    problem(given().get(WEBHOOKS + "/" + chosen).then(), 404, "/problems/webhook-not-found");
    problem(
        given().post(WEBHOOKS + "/" + chosen + "/test").then(), 404, "/problems/webhook-not-found");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{} | url",
        "{\"url\": \"ftp://example.org\"} | url",
        "{\"url\": \"https://user:secret@example.org\"} | url",
        "{\"url\": \"nowhere\"} | url",
        "{\"url\": \"http://localhost:8080/\"} | url",
        "{\"url\": \"http://169.254.169.254/latest\"} | url",
        "{\"url\": \"http://[::1]/\"} | url",
        "{\"url\": \"https://example.org\", \"secret\": \"whsec_c2hvcnQ=\"} | secret",
        "{\"url\": \"https://example.org\", \"events\": []} | events",
        "{\"url\": \"https://example.org\", \"events\": [\"other\"]} | events[0]",
        "{\"url\": \"https://example.org\", \"experiment\": \"none\"} | experiment",
        "{\"url\": \"https://example.org\", \"filter\": 1} | filter",
        "{\"url\": \"https://example.org\", \"form\": \"teams\"} | form",
        "{\"url\": \"https://example.org\", \"recipients\": [\"a@example.org\"]} | recipients",
        "{\"form\": \"slack\"} | url",
        "{\"form\": \"slack\", \"url\": \"http://hooks.slack.com/services/T0/B0/key\"} | url",
        "{\"form\": \"slack\", \"url\": \"https://10.0.0.1/services/T0/B0/key\"} | url",
        "{\"form\": \"slack\", \"url\": \"https://hooks.slack.com/services/T0/B0/key#x\"} | url",
        "{\"form\": \"email\"} | recipients",
        "{\"form\": \"email\", \"recipients\": [\"a@example.org\"], \"url\": \"https://a.org\"} |"
            + " url",
        "{\"form\": \"email\", \"recipients\": [\"no address\"]} | recipients[0]",
        "{\"form\": \"email\", \"recipients\": [\"a@example.org\\nBcc: b@c\"]} | recipients[0]",
        "{\"form\": \"email\", \"recipients\": [\"a@example.org\"]} | form", // no mail server
      })
  void shouldNameTheFieldThatIsWrong(String document, String field) {
    problem(
            given().contentType("application/json").body(document).post(WEBHOOKS).then(),
            422,
            "/problems/invalid-spec")
        .body("faults.field", hasItem(field))
        .body(not(containsString("T0/B0/key"))); // a secret, even if it is refused
  }

  @Test
  void shouldNeverShowTheUrlThatSlackGave() {
    String id =
        create(Map.of("form", "slack", "url", "https://hooks.slack.com/services/T0/B0/key"))
            .statusCode(201)
            .body("form", equalTo("slack"))
            .body("url", equalTo("https://hooks.slack.com"))
            .body("secret", nullValue())
            .body(not(containsString("T0/B0/key")))
            .extract()
            .path("id");
    for (String path : List.of(WEBHOOKS, WEBHOOKS + "/" + id, "/api/v1/audit?subject=" + id)) {
      given().get(path).then().statusCode(200).body(not(containsString("T0/B0/key")));
    }
    assertThat(number("select count(*) from webhook where secret like '%/T0/B0/key'"))
        .as("it is kept, as messages go there")
        .isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource({"limit=0", "limit=201", "limit=x", "cursor=%00", "cursor=A"})
  void shouldRefuseAPageThatCannotBe(String query) {
    problem(
        given().urlEncodingEnabled(false).get(WEBHOOKS + "?" + query).then(),
        400,
        "/problems/invalid-parameter");
  }

  @Test
  void shouldStartOneWorkflowForEachMessageOfItsExperiments() {
    String mine = experiment("{\"team\": \"vision\"}");
    String other = experiment("{}");
    String id =
        create(Map.of("url", "https://example.org/hook", "labels", Map.of("team", "vision")))
            .statusCode(201)
            .extract()
            .path("id");
    for (String experiment : List.of(mine, other)) {
      jdbi.useHandle(
          handle ->
              handle.execute(
                  "insert into event (experiment_id, kind, detail) values (?, 'stage', 'DONE')",
                  experiment));
    }

    String delivery =
        given()
            .get(WEBHOOKS + "/" + id + "/deliveries")
            .then()
            .statusCode(200)
            .body("items.type", equalTo(List.of("experiment.stage")))
            .body("items[0].state", equalTo("PENDING"))
            .body("items[0].temporal", containsString("/workflows/webhook-wh-"))
            .extract()
            .path("items[0].id");
    await()
        .ignoreException(WorkflowNotFoundException.class) // it is started a moment later
        .untilAsserted(
            () ->
                assertThat(
                        temporal
                            .newUntypedWorkflowStub(WebhookDeliveryWorkflow.workflowId(delivery))
                            .describe()
                            .getStatus())
                    .isEqualTo(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING));
    String run = run(delivery);

    // As if the API had ended between the start and its note of it: the workflow stays the one.
    jdbi.useHandle(handle -> handle.execute("update webhook_delivery set dispatched_at = null"));
    dispatcher.dispatch();
    assertThat(run(delivery)).isEqualTo(run);
    assertThat(number("select count(*) from webhook_delivery where dispatched_at is null"))
        .isZero();
  }

  private String run(String delivery) {
    return temporal
        .newUntypedWorkflowStub(WebhookDeliveryWorkflow.workflowId(delivery))
        .describe()
        .getExecution()
        .getRunId();
  }

  @Test
  void shouldQueueATestMessageAndForgetOldDeliveries() {
    String id =
        create(Map.of("url", "https://example.org/hook")).statusCode(201).extract().path("id");
    given()
        .post(WEBHOOKS + "/" + id + "/test")
        .then()
        .statusCode(202)
        .body("type", equalTo("webhook.test"))
        .body("event", nullValue())
        .body("attempts", equalTo(0));
    jdbi.useHandle(
        handle -> {
          handle.execute(
              "update webhook_delivery set state = 'DELIVERED', finished_at = now() - interval '29"
                  + " d'");
        });
    dispatcher.forget();
    given()
        .get(WEBHOOKS + "/" + id + "/deliveries")
        .then()
        .statusCode(200)
        .body("items.state", equalTo(List.of("DELIVERED")));
    jdbi.useHandle(
        handle ->
            handle.execute("update webhook_delivery set finished_at = now() - interval '31 d'"));
    dispatcher.forget();
    given().get(WEBHOOKS + "/" + id + "/deliveries").then().statusCode(200).body("items", empty());
  }

  private static ValidatableResponse create(Map<String, Object> request) {
    return given().contentType("application/json").body(request).post(WEBHOOKS).then();
  }

  private static ValidatableResponse problem(
      ValidatableResponse response, int status, String type) {
    return response
        .statusCode(status)
        .contentType("application/problem+json")
        .body("type", equalTo(type));
  }

  private String experiment(String labels) {
    String id = "20260102-000000-" + UUID.randomUUID().toString().substring(0, 4);
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into experiment (id, name, spec, stage, labels, finished_at)
                values (?, 'of a webhook', '{}', 'DONE', ?::jsonb, now())
                """,
                id,
                labels));
    return id;
  }

  private int number(String query) {
    return jdbi.withHandle(handle -> handle.createQuery(query).mapTo(Integer.class).one());
  }
}
