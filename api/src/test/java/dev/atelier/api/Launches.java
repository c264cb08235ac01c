package dev.atelier.api;

import static io.restassured.RestAssured.given;

import io.restassured.specification.RequestSpecification;

/** Launches experiments over REST, in tests of what becomes of them. */
public final class Launches {

  private Launches() {}

  /** An experiment of which the spec says nothing; returns its id. */
  public static String launch() {
    return launch(given(), "{}");
  }

  public static String launchNamed(String name) {
    return launch(given(), "{\"name\": \"%s\"}".formatted(name));
  }

  /** The same with what the request has besides, such as a header. */
  public static String launch(RequestSpecification request, String json) {
    return request
        .contentType("application/json")
        .body(json)
        .post("/api/v1/experiments")
        .then()
        .statusCode(202)
        .extract()
        .path("id");
  }
}
