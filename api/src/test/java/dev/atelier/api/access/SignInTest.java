package dev.atelier.api.access;

import static io.restassured.RestAssured.given;
import static org.hamcrest.Matchers.equalTo;

import dev.atelier.api.LocalServers;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(LocalServers.class)
class SignInTest {

  @Test
  void shouldSayThatNobodySignsInWhereNoClientIsSet() {
    given().get("/sign-in/provider").then().statusCode(200).body("size()", equalTo(0));
    given().get("/sign-in").then().statusCode(404);
    given().get("/sign-in/back?code=x&state=y").then().statusCode(404);
  }
}
