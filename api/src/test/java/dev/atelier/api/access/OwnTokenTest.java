package dev.atelier.api.access;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.matchesPattern;
import static org.hamcrest.Matchers.not;
import static org.hamcrest.Matchers.notNullValue;
import static org.hamcrest.Matchers.nullValue;

import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.TestProfile;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import jakarta.inject.Inject;
import java.util.List;
import java.util.Set;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.Test;

/** The tokens that people make for themselves: what they may, for how long, and who ends them. */
@QuarkusTest
@TestProfile(SecuredProfile.class)
class OwnTokenTest {

  private static final String OWN = "/api/v1/me/tokens";
  private static final String WHO = "/api/v1/whoami";

  @Inject Jdbi jdbi;
  @Inject People people;

  @Test
  void shouldMakeATokenThatMayDoWhatThePersonMay() {
    String person = TokenIssuer.tokenOf("pia", "operator", "a", "b");
    Response made = make(person, "{\"name\": \"nightly\"}");
    made.then()
        .statusCode(201)
        .header("Cache-Control", "no-store")
        .body("token", matchesPattern("atl_[A-Za-z0-9_-]{43}"))
        .body("created.role", equalTo("operator"))
        .body("created.projects", equalTo(List.of("a", "b")))
        .body("created.createdBy", equalTo("oidc pia"))
        .body("created.lastUsedAt", nullValue());
    String token = made.path("token");
    as(token)
        .get(WHO)
        .then()
        .statusCode(200)
        .body("role", equalTo("operator"))
        .body("projects.sort()", equalTo(List.of("a", "b")))
        .body("person", equalTo(false))
        .body("name", matchesPattern("token nightly \\(.+\\) of oidc pia"));
    as(person).get(WHO).then().body("person", equalTo(true));

    String hashes =
        jdbi.withHandle(
            handle ->
                handle
                    .createQuery("select string_agg(cast(t as text), ' ') from api_token t")
                    .mapTo(String.class)
                    .one());
    assertThat(hashes).contains(ApiTokens.sha256(token)).doesNotContain(token.substring(4));
    as(person)
        .get(OWN)
        .then()
        .statusCode(200)
        .body("items.name", equalTo(List.of("nightly")))
        .body("items[0].lastUsedAt", notNullValue())
        .body("items[0].expiresAt", notNullValue())
        .body(not(containsString(token)));
  }

  @Test
  void shouldNeverDoMoreThanThePersonMayNow() {
    String before = TokenIssuer.tokenOf("max", "operator", "a", "b");
    String token = make(before, "{\"name\": \"x\"}").then().statusCode(201).extract().path("token");
    String narrow =
        make(before, "{\"name\": \"x\", \"role\": \"viewer\", \"projects\": [\"b\"]}")
            .then()
            .statusCode(201)
            .extract()
            .path("token");
    as(narrow)
        .get(WHO)
        .then()
        .body("role", equalTo("viewer"))
        .body("projects", equalTo(List.of("b")));

    people.signedIn(person("max", Role.VIEWER, "a"));
    as(token)
        .get(WHO)
        .then()
        .body("role", equalTo("viewer"))
        .body("projects", equalTo(List.of("a")));
    as(narrow).get(WHO).then().body("projects", equalTo(List.of()));

    people.signedIn(person("max", Role.ADMIN));
    as(token)
        .get(WHO)
        .then()
        .body("role", equalTo("operator"))
        .body("projects.sort()", equalTo(List.of("a", "b")));
  }

  @Test
  void shouldTakeAnAdminsTokenDownToWhatBecameOfTheAdmin() {
    String admin = TokenIssuer.tokenOf("ann", "admin");
    String token = make(admin, "{\"name\": \"x\"}").then().statusCode(201).extract().path("token");
    as(token).get("/api/v1/tokens").then().statusCode(200);

    people.signedIn(person("ann", Role.OPERATOR, "a"));
    as(token).get("/api/v1/tokens").then().statusCode(403);
    as(token)
        .get(WHO)
        .then()
        .body("role", equalTo("operator"))
        .body("projects", equalTo(List.of("a")));
  }

  @Test
  void shouldRefuseMoreThanThePersonHas() {
    String person = TokenIssuer.tokenOf("rob", "operator", "a");
    make(person, "{\"name\": \"x\", \"role\": \"admin\"}")
        .then()
        .statusCode(422)
        .body("faults.field", hasItem("role"));
    make(person, "{\"name\": \"x\", \"projects\": [\"a\", \"c\"]}")
        .then()
        .statusCode(422)
        .body("faults.field", equalTo(List.of("projects")))
        .body("detail", containsString("[c]"));
    make(person, "{\"name\": \"x\", \"expiresInDays\": 91}")
        .then()
        .statusCode(422)
        .body("faults.field", equalTo(List.of("expiresInDays")));
    make(person, "{\"name\": \"x\", \"expiresInDays\": 90}").then().statusCode(201);
    make(TokenIssuer.tokenOf("eve", "admin"), "{\"name\": \"x\", \"role\": \"operator\"}")
        .then()
        .statusCode(422)
        .body("faults.field", equalTo(List.of("projects")));
  }

  @Test
  void shouldMakeNoTokenForAToken() {
    String own =
        make(TokenIssuer.tokenOf("tom", "viewer", "a"), "{\"name\": \"x\"}")
            .then()
            .statusCode(201)
            .extract()
            .path("token");
    for (String token : List.of(own, SecuredProfile.BOOTSTRAP_TOKEN)) {
      make(token, "{\"name\": \"another\"}")
          .then()
          .statusCode(400)
          .body("detail", containsString("no person's"));
    }
    as(own).get(OWN).then().statusCode(200).body("items.size()", equalTo(1));
    as(SecuredProfile.BOOTSTRAP_TOKEN).get(OWN).then().body("items.size()", equalTo(0));
  }

  @Test
  void shouldLetNobodyRevokeTheTokenOfAnother() {
    String person = TokenIssuer.tokenOf("ida", "viewer", "a");
    Response made = make(person, "{\"name\": \"x\"}");
    String id = made.path("created.id");
    as(TokenIssuer.tokenOf("ivo", "operator", "a"))
        .delete(OWN + "/" + id)
        .then()
        .statusCode(404)
        .body("type", equalTo("/problems/token-not-found"));
    as(made.path("token")).get(WHO).then().statusCode(200);

    as(person).delete(OWN + "/" + id).then().statusCode(204);
    as(made.path("token")).get(WHO).then().statusCode(401);
    as(person).get(OWN).then().body("items[0].revokedAt", notNullValue());
  }

  @Test
  void shouldEndEverythingOfAPersonForAnAdmin() {
    String person = TokenIssuer.tokenOf("gus", "viewer", "a");
    String token = make(person, "{\"name\": \"x\"}").path("token");
    String other =
        make(TokenIssuer.tokenOf("pam", "viewer", "a"), "{\"name\": \"x\"}").path("token");
    Response listed = as(SecuredProfile.BOOTSTRAP_TOKEN).get("/api/v1/people");
    String id =
        listed.then().statusCode(200).extract().path("items.find { it.name == 'oidc gus' }.id");
    as(SecuredProfile.BOOTSTRAP_TOKEN)
        .get("/api/v1/tokens")
        .then()
        .body("items.find { it.person == '%s' }.name".formatted(id), equalTo("x"));

    as(person).delete("/api/v1/people/" + id + "/access").then().statusCode(403);
    as(SecuredProfile.BOOTSTRAP_TOKEN)
        .delete("/api/v1/people/" + id + "/access")
        .then()
        .statusCode(204);
    as(token).get(WHO).then().statusCode(401);
    as(other).get(WHO).then().statusCode(200);
    as(SecuredProfile.BOOTSTRAP_TOKEN)
        .get("/api/v1/audit?subject=" + id)
        .then()
        .body("items[0].action", equalTo("signPersonOut"))
        .body("items[0].detail", equalTo("0 sessions ended, 1 tokens revoked"));
    as(SecuredProfile.BOOTSTRAP_TOKEN)
        .delete("/api/v1/people/none/access")
        .then()
        .statusCode(404)
        .body("type", equalTo("/problems/person-not-found"));
  }

  @Test
  void shouldKnowNobodyOfAnotherProvider() {
    String token =
        make(TokenIssuer.tokenOf("old", "viewer", "a"), "{\"name\": \"x\"}").path("token");
    as(token).get(WHO).then().statusCode(200);
    jdbi.useHandle(
        handle ->
            handle.execute(
                "update person set issuer = 'http://another' where subject = 'old-subject'"));
    as(token).get(WHO).then().statusCode(401);
  }

  @Test
  void shouldLeadToTheProviderWhereAClientIsSet() {
    given().get("/sign-in/provider").then().statusCode(200).body("name", notNullValue());
    given()
        .redirects()
        .follow(false)
        .get("/sign-in")
        .then()
        .statusCode(302)
        .header("Location", containsString("code_challenge_method=S256"));
  }

  private static Principal person(String name, Role role, String... projects) {
    return Principal.ofPerson(name + "-subject", "oidc " + name, role, Set.of(projects));
  }

  private static Response make(String bearer, String body) {
    return as(bearer).contentType("application/json").body(body).post(OWN);
  }

  private static RequestSpecification as(String bearer) {
    return given().header("Authorization", "Bearer " + bearer);
  }
}
