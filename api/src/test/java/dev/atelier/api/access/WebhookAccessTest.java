package dev.atelier.api.access;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.TestProfile;
import io.restassured.response.ValidatableResponse;
import io.restassured.specification.RequestSpecification;
import jakarta.inject.Inject;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A webhook is of a project: who sees and changes it, and what it tells of. */
@QuarkusTest
@TestProfile(SecuredProfile.class)
class WebhookAccessTest {

  private static final String WEBHOOKS = "/api/v1/webhooks";
  private static final Map<String, Object> SIGNED = Map.of("url", "https://example.org/hook");

  @Inject Jdbi jdbi;
  private RequestSpecification a;
  private RequestSpecification b;
  private RequestSpecification both;
  private RequestSpecification admin;

  @BeforeEach
  void deleteWebhooks() {
    jdbi.useHandle(handle -> handle.execute("delete from webhook"));
    a = as(TokenIssuer.token("operator", "hooks-a"));
    b = as(TokenIssuer.token("operator", "hooks-b"));
    both = as(TokenIssuer.token("operator", "hooks-a", "hooks-b"));
    admin = as(SecuredProfile.BOOTSTRAP_TOKEN);
  }

  @Test
  void shouldShowAWebhookToItsProjectAloneAndOneOfAllToAdmins() {
    String ofA = made(a, WEBHOOKS, SIGNED);
    String ofB = made(both, WEBHOOKS + "?project=hooks-b", SIGNED);
    String ofAll = made(admin, WEBHOOKS, SIGNED);

    assertThat(seen(a)).containsExactly(ofA);
    assertThat(seen(b)).containsExactly(ofB);
    assertThat(seen(both)).containsExactly(ofB, ofA);
    assertThat(seen(admin)).containsExactly(ofAll, ofB, ofA);
    given(a).get(WEBHOOKS + "/" + ofA).then().body("project", equalTo("hooks-a"));
    given(admin).get(WEBHOOKS + "/" + ofAll).then().body("project", nullValue());

    for (String foreign : List.of(ofB, ofAll)) {
      missing(given(a).get(WEBHOOKS + "/" + foreign).then(), foreign);
      missing(given(a).get(WEBHOOKS + "/" + foreign + "/deliveries").then(), foreign);
      missing(given(a).post(WEBHOOKS + "/" + foreign + "/test").then(), foreign);
      missing(given(a).delete(WEBHOOKS + "/" + foreign).then(), foreign);
      given(a)
          .get(WEBHOOKS + "?cursor=" + foreign)
          .then()
          .statusCode(200)
          .body("items", equalTo(List.of()));
    }
    given(a).get(WEBHOOKS + "?cursor=wh-none").then().body("items", equalTo(List.of()));
    assertThat(seen(admin)).hasSize(3);

    given(a).delete(WEBHOOKS + "/" + ofA).then().statusCode(204);
    given(admin).delete(WEBHOOKS + "/" + ofB).then().statusCode(204);
    assertThat(seen(admin)).containsExactly(ofAll);
  }

  @Test
  void shouldMakeAWebhookInNoProjectButTheCallers() {
    post(a, WEBHOOKS + "?project=hooks-b", SIGNED).statusCode(403);
    post(both, WEBHOOKS, SIGNED)
        .statusCode(400)
        .body("detail", equalTo("project must name one of yours: hooks-a, hooks-b."));
    post(as(TokenIssuer.token("viewer", "hooks-a")), WEBHOOKS, SIGNED).statusCode(403);
    given(as(TokenIssuer.token("viewer", "hooks-a"))).get(WEBHOOKS).then().statusCode(403);
    assertThat(seen(admin)).isEmpty();
  }

  @Test
  void shouldTellAProjectOfNoExperimentOfAnother() {
    String mine = experiment("hooks-a");
    String foreign = experiment("hooks-b");
    post(a, WEBHOOKS, Map.of("url", "https://example.org", "experiment", foreign))
        .statusCode(422)
        .body("detail", containsString("there is no experiment '" + foreign + "' in project"));
    post(both, WEBHOOKS + "?project=hooks-a", Map.of("url", "https://a.org", "experiment", foreign))
        .statusCode(422);
    made(a, WEBHOOKS, Map.of("url", "https://example.org", "experiment", mine));
    String ofA = made(a, WEBHOOKS, SIGNED);
    String ofAll = made(admin, WEBHOOKS, SIGNED);

    event(foreign);
    assertThat(told(a, ofA)).isEmpty();
    assertThat(told(admin, ofAll)).hasSize(1);
    event(mine);
    assertThat(told(a, ofA)).hasSize(1);
    assertThat(told(admin, ofAll)).hasSize(2);
  }

  @Test
  void shouldQueueAMailForEachRecipient() {
    String id =
        made(
            a,
            WEBHOOKS,
            Map.of("form", "email", "recipients", List.of("ada@example.org", "bob@example.org")));
    given(a)
        .get(WEBHOOKS + "/" + id)
        .then()
        .body("form", equalTo("email"))
        .body("url", nullValue())
        .body("secret", nullValue())
        .body("recipients", equalTo(List.of("ada@example.org", "bob@example.org")));
    given(a)
        .post(WEBHOOKS + "/" + id + "/test")
        .then()
        .statusCode(202)
        .body("recipient", equalTo("ada@example.org"));
    event(experiment("hooks-a"));
    given(a)
        .get(WEBHOOKS + "/" + id + "/deliveries")
        .then()
        .body(
            "items.findAll { it.type == 'webhook.test' }.recipient.sort()",
            equalTo(List.of("ada@example.org", "bob@example.org")))
        .body(
            "items.findAll { it.type == 'experiment.stage' }.recipient.sort()",
            equalTo(List.of("ada@example.org", "bob@example.org")));
  }

  @Test
  void shouldWriteDownWhoMadeAndDeletedAWebhook() {
    String id =
        made(a, WEBHOOKS, Map.of("form", "slack", "url", "https://hooks.slack.com/T0/B0/key"));
    given(a).delete(WEBHOOKS + "/" + id).then().statusCode(204);
    given(admin)
        .get("/api/v1/audit?subject=" + id)
        .then()
        .body("items.action", equalTo(List.of("deleteWebhook", "createWebhook")))
        .body("items.project", equalTo(List.of("hooks-a", "hooks-a")))
        .body("items.subjectKind", equalTo(List.of("WEBHOOK", "WEBHOOK")))
        .body(not(containsString("T0/B0/key")));
  }

  @Test
  void shouldLeaveWebhooksOfBeforeToAdmins() {
    jdbi.useHandle(
        handle -> // as the version before writes them
        handle.execute(
                """
                insert into webhook (id, url, secret, events, experiment_id, labels)
                values ('wh-before', 'https://example.org', '', '{experiment.stage}', null, '{}')
                """));
    assertThat(seen(a)).isEmpty();
    given(admin)
        .get(WEBHOOKS + "/wh-before")
        .then()
        .statusCode(200)
        .body("form", equalTo("signed"))
        .body("project", nullValue());
    event(experiment("hooks-b"));
    assertThat(told(admin, "wh-before")).hasSize(1);
  }

  private static RequestSpecification as(String token) {
    return given().header("Authorization", "Bearer " + token);
  }

  private static ValidatableResponse post(
      RequestSpecification caller, String path, Map<String, Object> body) {
    return given(caller).contentType("application/json").body(body).post(path).then();
  }

  private static String made(RequestSpecification caller, String path, Map<String, Object> body) {
    return post(caller, path, body).statusCode(201).extract().path("id");
  }

  private static List<String> seen(RequestSpecification caller) {
    return given(caller).get(WEBHOOKS).then().statusCode(200).extract().path("items.id");
  }

  private static List<String> told(RequestSpecification caller, String id) {
    return given(caller)
        .get(WEBHOOKS + "/" + id + "/deliveries")
        .then()
        .statusCode(200)
        .extract()
        .path("items.id");
  }

  private static void missing(ValidatableResponse response, String id) {
    response
        .statusCode(404)
        .body("type", equalTo("/problems/webhook-not-found"))
        .body("detail", equalTo("There is no webhook '%s'.".formatted(id)));
  }

  private String experiment(String project) {
    String id = "20260103-000000-" + UUID.randomUUID().toString().substring(0, 4);
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into experiment (id, name, spec, stage, project, finished_at)
                values (?, 'of a webhook', '{}', 'DONE', ?, now())
                """,
                id,
                project));
    return id;
  }

  private void event(String experiment) {
    jdbi.useHandle(
        handle ->
            handle.execute(
                "insert into event (experiment_id, kind, detail) values (?, 'stage', 'DONE')",
                experiment));
  }
}
