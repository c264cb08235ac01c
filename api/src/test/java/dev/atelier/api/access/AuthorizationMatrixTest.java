package dev.atelier.api.access;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.api.access.Operations.Rule;
import dev.atelier.api.access.Operations.Scope;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.TestProfile;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import jakarta.inject.Inject;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.UUID;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Every caller times every operation of the OpenAPI document, against the table of rules. */
@QuarkusTest
@TestProfile(SecuredProfile.class)
class AuthorizationMatrixTest {

  private static final String OWN = "own";
  private static final String OTHER = "other";

  @Inject Jdbi jdbi;
  @Inject ApiTokens tokens;
  private List<CallerKind> callers;
  private List<Described> operations;

  /** An operation of the document. */
  private record Described(String id, String method, String path) {}

  /**
   * A kind of caller.
   *
   * @param role empty: it is not known
   */
  private record CallerKind(
      String name, Optional<String> token, Optional<Role> role, boolean reachesOwn) {}

  @BeforeEach
  void describe() {
    operations = new ArrayList<>();
    Map<String, Map<String, Object>> paths =
        given().accept("application/json").get("/q/openapi").then().extract().path("paths");
    paths.forEach(
        (path, methods) ->
            methods.forEach(
                (method, operation) -> {
                  if (operation instanceof Map<?, ?> described
                      && described.containsKey("responses")) {
                    operations.add(
                        new Described(String.valueOf(described.get("operationId")), method, path));
                  }
                }));
    callers = new ArrayList<>();
    callers.add(unknown("no token", Optional.empty()));
    callers.add(unknown("no such token", Optional.of("atl_" + "x".repeat(43))));
    callers.add(unknown("no JWT", Optional.of("nonsense")));
    callers.add(unknown("expired", Optional.of(TokenIssuer.expired("admin"))));
    callers.add(unknown("wrong audience", Optional.of(TokenIssuer.forAnotherServer("admin"))));
    callers.add(unknown("other issuer", Optional.of(TokenIssuer.ofAnotherIssuer("admin"))));
    callers.add(unknown("other signature", Optional.of(TokenIssuer.signedByAnother("admin"))));
    callers.add(unknown("expired API token", Optional.of(expiredToken())));
    callers.add(unknown("revoked API token", Optional.of(revokedToken())));
    for (Role role : Role.values()) {
      String name = role.name().toLowerCase(Locale.ROOT);
      callers.add(known(name, TokenIssuer.token(name, OWN), role, true));
      callers.add(known(name + " API token", apiToken(role, OWN), role, true));
      boolean all = role == Role.ADMIN;
      callers.add(known(name + " elsewhere", TokenIssuer.token(name, OTHER), role, all));
      callers.add(known(name + " API token elsewhere", apiToken(role, OTHER), role, all));
    }
  }

  @Test
  void shouldHaveARuleForEveryOperationAndNoOther() {
    assertThat(new TreeSet<>(operations.stream().map(Described::id).toList()))
        .as("operations of the OpenAPI document beside the rows of Operations")
        .isEqualTo(new TreeSet<>(Operations.all().keySet()));
    assertThat(Operations.ruleOf("unheard-of")).isEmpty();
  }

  @Test
  void shouldAnswerEveryCallerOfEveryOperationAsTheTableSays() {
    List<String> wrong = new ArrayList<>();
    int[] seen = new int[600];
    for (Described operation : operations) {
      Rule rule = Operations.ruleOf(operation.id()).orElseThrow();
      for (CallerKind caller : callers) {
        int expected = expected(rule, caller);
        Response response = call(operation, rule, caller);
        int found = response.statusCode();
        seen[found]++;
        boolean asExpected =
            expected == 0
                ? found < 500 && found != 401 && found != 403 && !missesItsSubject(response)
                : found == expected;
        if (!asExpected) {
          wrong.add(
              "%s by %s: expected %s, found %d %s"
                  .formatted(
                      operation.id(),
                      caller.name(),
                      expected == 0 ? "what the operation does" : expected,
                      found,
                      response.contentType().contains("json") ? response.asString() : ""));
        }
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(new int[] {seen[401], seen[403], seen[404], seen[200]}).doesNotContain(0);
  }

  /** The status that the table says; 0: whatever the operation itself answers. */
  private static int expected(Rule rule, CallerKind caller) {
    if (caller.role().isEmpty()) {
      return 401;
    }
    if (!caller.role().get().covers(rule.role())) {
      return 403;
    }
    return caller.reachesOwn() || rule.scope() == Scope.INSTALLATION || rule.scope() == Scope.LIST
        ? 0
        : launches(rule) ? 403 : 404;
  }

  private static boolean launches(Rule rule) {
    return rule.scope() == Scope.LAUNCH || rule.scope() == Scope.LAUNCH_FOR_ALL;
  }

  private static boolean missesItsSubject(Response response) {
    return response.statusCode() == 404
        && (response.asString().contains("/problems/experiment-not-found")
            || response.asString().contains("/problems/study-not-found")
            || response.asString().contains("/problems/webhook-not-found")
            || response.asString().contains("/problems/project-not-found"));
  }

  private Response call(Described operation, Rule rule, CallerKind caller) {
    boolean allowed = expected(rule, caller) == 0; // a refused one must not need a row of its own
    String id =
        switch (rule.scope()) {
          case EXPERIMENT -> experiment(allowed);
          case STUDY -> study(allowed);
          case WEBHOOK -> webhook();
          case INSTALLATION, PROJECT, LAUNCH, LAUNCH_FOR_ALL, LIST -> "none";
        };
    // Each has a client of its own, of which one address may not have a thousand.
    RequestSpecification request = given().header("Connection", "close");
    caller.token().ifPresent(token -> request.header("Authorization", "Bearer " + token));
    if (launches(rule)) {
      request.queryParam("project", OWN);
    }
    if (operation.method().equals("post") || operation.method().equals("put")) {
      request.contentType("application/json").body("{}");
    }
    String path =
        operation
            .path()
            .replace("{id}", id)
            .replace("{project}", OWN)
            .replace("{key}", "teacher")
            .replace("{k}", "1")
            .replace("{subject}", "teacher")
            .replace("{name}", "report.html");
    return request.request(operation.method().toUpperCase(Locale.ROOT), path);
  }

  private String shared = "";
  private String sharedStudy = "";

  /** An experiment of the project own that has ended; a refused request cannot use one up. */
  private String experiment(boolean fresh) {
    if (!fresh && !shared.isEmpty()) {
      return shared;
    }
    String id = "20260101-000000-" + UUID.randomUUID().toString().substring(0, 8);
    jdbi.useHandle(
        handle -> {
          handle.execute(
              "insert into experiment (id, name, spec, stage, project) values (?, 'm', cast(? as"
                  + " jsonb), 'DONE', ?)",
              id,
              SPEC,
              OWN);
          handle.execute(
              """
              insert into model
                (experiment_id, key, position, range_low, range_high, state, total_steps)
              values (?, 'teacher', 0, 0, 1000, 'DONE', 10), (?, 'student-1', 1, 0, 1000, 'DONE', 10)
              """,
              id,
              id);
        });
    shared = fresh ? shared : id;
    return id;
  }

  private String study(boolean fresh) {
    if (!fresh && !sharedStudy.isEmpty()) {
      return sharedStudy;
    }
    String id = "20260101-000000-" + UUID.randomUUID().toString().substring(0, 8);
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into study (id, name, question, spec, stage, request_sha256, project)
                values (?, 's', 'q', '{"name": "s", "question": "q"}', 'DONE', '', ?)
                """,
                id,
                OWN));
    sharedStudy = fresh ? sharedStudy : id;
    return id;
  }

  private String webhook() {
    String id = "wh-" + UUID.randomUUID();
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into webhook (id, project, url, secret, events)
                values (?, ?, 'https://example.org', '', '{model.failed}')
                """,
                id,
                OWN));
    return id;
  }

  private static final String SPEC =
      dev.atelier.api.spec.SpecJson.write(
          new dev.atelier.api.spec.SpecReader()
              .spec(
                  "{\"name\": \"m\"}".getBytes(java.nio.charset.StandardCharsets.UTF_8),
                  dev.atelier.api.spec.DocumentFormat.JSON));

  private static CallerKind unknown(String name, Optional<String> token) {
    return new CallerKind(name, token, Optional.empty(), false);
  }

  private static CallerKind known(String name, String token, Role role, boolean reachesOwn) {
    return new CallerKind(name, Optional.of(token), Optional.of(role), reachesOwn);
  }

  private String apiToken(Role role, String project) {
    return given()
        .header("Authorization", "Bearer " + SecuredProfile.BOOTSTRAP_TOKEN)
        .contentType("application/json")
        .body(
            "{\"name\": \"matrix\", \"role\": \"%s\", \"projects\": [%s], \"expiresInDays\": 1}"
                .formatted(
                    role.name().toLowerCase(Locale.ROOT),
                    role == Role.ADMIN ? "" : "\"" + project + "\""))
        .post("/api/v1/tokens")
        .then()
        .statusCode(201)
        .extract()
        .path("token");
  }

  private String revokedToken() {
    String token = apiToken(Role.ADMIN, OWN);
    Response found =
        given()
            .header("Authorization", "Bearer " + SecuredProfile.BOOTSTRAP_TOKEN)
            .get("/api/v1/tokens");
    String id = found.path("items[0].id");
    given()
        .header("Authorization", "Bearer " + SecuredProfile.BOOTSTRAP_TOKEN)
        .delete("/api/v1/tokens/" + id)
        .then()
        .statusCode(204);
    return token;
  }

  private String expiredToken() {
    String token = apiToken(Role.ADMIN, OWN);
    jdbi.useHandle(
        handle ->
            handle.execute(
                "update api_token set expires_at = now() - interval '1 s' where sha256 = ?",
                ApiTokens.sha256(token)));
    return token;
  }
}
