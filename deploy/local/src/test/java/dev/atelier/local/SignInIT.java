package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.deploy.Programs;
import dev.atelier.deploy.RequiresProgram;
import java.io.IOException;
import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** People sign in to the dashboard with a real provider, in real Chromium, and out again. */
@RequiresProgram({"chromium", "temporal", "oidc_provider"})
@Timeout(1800)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SignInIT {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String WHO = "/api/v1/whoami";
  private static final String SIGN_IN = "Sign in with the provider of this test";
  private static final String STATE_SECRET = "state-secret-of-the-public-client-in-this-test";

  private final HttpClient http = HttpClient.newHttpClient();
  private ProductionPrograms programs;
  private OidcProvider provider;
  private String api; // a confidential client
  private String open; // a public one
  private Path folder;
  private Browser browser;

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    folder = directory;
    programs = new ProductionPrograms(directory);
    int port = Ports.anyFree();
    int ofPublic = Ports.anyFree();
    provider =
        OidcProvider.start(
            directory.resolve("provider.log"),
            "http://127.0.0.1:" + port,
            "http://127.0.0.1:" + ofPublic);
    Map<String, String> settings = new HashMap<>();
    settings.put("ATELIER_AUTH_MODE", "oidc");
    settings.put("ATELIER_AUTH_OIDC_ISSUER", provider.issuer());
    settings.put("ATELIER_AUTH_OIDC_PROVIDER_NAME", "the provider of this test");
    Map<String, String> confidential = new HashMap<>(settings);
    confidential.put("ATELIER_AUTH_OIDC_CLIENT_ID", "confidential");
    Path secret = Files.writeString(directory.resolve("secret"), OidcProvider.SECRET + "\n");
    confidential.put("ATELIER_AUTH_OIDC_CLIENT_SECRET_FILE", secret.toString());
    api = programs.api(port, confidential).toString();
    settings.put("ATELIER_AUTH_OIDC_CLIENT_ID", "public");
    settings.put("ATELIER_AUTH_OIDC_STATE_SECRET", STATE_SECRET);
    open = programs.api(ofPublic, settings).toString();
  }

  @AfterAll
  void stop() throws Exception {
    provider.close();
    programs.close();
  }

  /** A browser that nobody has used before. */
  @BeforeEach
  void openBrowser() throws IOException {
    browser =
        new Browser(
            Programs.find("chromium").orElseThrow(),
            Programs.find("chromedriver").orElseThrow(),
            Path.of("target/sign-in"),
            "--user-data-dir=" + Files.createTempDirectory(folder, "profile"));
  }

  @AfterEach
  void closeBrowser() {
    browser.close();
  }

  /** Opens a page of the dashboard and signs in, as a person whom the provider has not met. */
  private void signIn(String server, String page, String person) throws Exception {
    browser.open(server + page);
    browser.await("dialog", "You sign in on a page of your provider");
    browser.click("#sign-in", SIGN_IN);
    enterAtProvider(person);
  }

  private void enterAtProvider(String person) {
    browser.await("input[name=login]");
    browser.type("input[name=login]", person);
    browser.type("input[name=password]", "any");
    browser.click("button[type=submit]", "Sign-in");
    browser.click("button[type=submit]", "Continue"); // consents
  }

  @Test
  void shouldLetAPersonInAndLeadBackToThePageThatWasAskedFor() throws Exception {
    browser.open(api + "/#/workers");
    browser.await("dialog", "This server asks who you are");
    assertThat(browser.count("dialog input")).as("no token is asked for").isZero();
    browser.picture("asked");
    signIn(api, "/#/workers", "otto");
    browser.await("h1", "Workers");
    assertThat(browser.address()).isEqualTo(api + "/#/workers");
    browser.await("#caller a", "otto");
    browser.picture("signed-in");

    JsonNode who = JSON.readTree(String.valueOf(browser.evaluateLater(text(WHO))));
    assertThat(who.path("name").asText()).isEqualTo("oidc otto");
    assertThat(who.path("role").asText()).isEqualTo("operator");
    assertThat(who.path("projects")).hasSize(2);
    assertThat(browser.consoleErrors()).noneMatch(message -> message.startsWith(api));
  }

  @Test
  void shouldKeepOneCookieThatNoScriptReadsAndNothingOfTheProvider() throws Exception {
    signIn(api, "/", "otto");
    browser.await("#caller a", "otto");
    List<Map<String, Object>> cookies = browser.cookies("127.0.0.1");
    assertThat(cookies).hasSize(1);
    assertThat(cookies.get(0))
        .containsEntry("name", "atelier_" + URI.create(api).getPort())
        .containsEntry("httpOnly", true)
        .containsEntry("sameSite", "Strict")
        .containsEntry("path", "/");
    assertThat(String.valueOf(cookies.get(0).get("value"))).startsWith("ats_");
    assertThat(
            browser.evaluate(
                "document.cookie + JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})"))
        .asString()
        .doesNotContain("ats_")
        .doesNotContain("eyJ");
  }

  @Test
  void shouldSignInWithAPublicClient() throws Exception {
    signIn(open, "/#/workers", "ada");
    browser.await("h1", "Workers");
    browser.await("#caller a", "ada");
  }

  @Test
  void shouldLetInNobodyWithoutARole() throws Exception {
    signIn(api, "/", "stranger");
    browser.await("body", "Your account has none of the roles");
    assertThat(browser.cookies("127.0.0.1")).isEmpty();
    browser.picture("stranger");
  }

  @Test
  void shouldAskTheProviderForACodeWithPkceStateAndNonce() throws Exception {
    HttpResponse<String> asked = get(api + "/sign-in?page=//evil.test&redirect_uri=//evil.test");
    assertThat(asked.statusCode()).isEqualTo(302);
    URI location = URI.create(asked.headers().firstValue("Location").orElseThrow());
    Map<String, String> query = query(location);
    assertThat(location.toString()).startsWith(provider.issuer() + "/auth?");
    assertThat(query)
        .containsEntry("response_type", "code")
        .containsEntry("client_id", "confidential")
        .containsEntry("redirect_uri", api + "/sign-in/back")
        .containsEntry("code_challenge_method", "S256")
        .containsKeys("state", "nonce", "code_challenge");
    assertThat(query.get("scope").split(" ")).contains("openid", "profile");
    String cookie = asked.headers().firstValue("Set-Cookie").orElseThrow();
    assertThat(cookie)
        .containsIgnoringCase("HttpOnly")
        .contains("SameSite=Lax")
        .contains("Path=/sign-in");

    // A code that another browser fetched, and one with a state that is not this browser's.
    String forged = "/sign-in/back?code=forged&state=" + query.get("state");
    for (HttpResponse<String> refused :
        List.of(
            get(api + forged),
            get(api + "/sign-in/back?code=x&state=y", "Cookie", cookie.replaceFirst(";.*", "")))) {
      assertThat(refused.statusCode()).isEqualTo(302);
      assertThat(refused.headers().firstValue("Location").orElseThrow())
          .as("it begins anew")
          .startsWith(provider.issuer() + "/auth?");
      assertThat(refused.headers().allValues("Set-Cookie")).noneMatch(set -> set.contains("ats_"));
    }
    HttpResponse<String> unusable =
        get(api + forged, "Cookie", cookie.replaceFirst(";.*", "")); // its own state, no code
    assertThat(unusable.statusCode()).isEqualTo(401);
    assertThat(unusable.body()).contains("what the provider answered cannot be used");
    assertThat(unusable.headers().allValues("Set-Cookie")).noneMatch(set -> set.contains("ats_"));
  }

  @Test
  void shouldLeadToNoForeignPage() throws Exception {
    browser.open(
        api + "/sign-in?page=%2F%2Fevil.test&next=http://evil.test/&state=http://evil.test");
    enterAtProvider("otto");
    browser.await("#caller a", "otto");
    assertThat(browser.address()).startsWith(api + "/");
  }

  @Test
  void shouldKeepWhatWasTypedWhenTheSessionEnds() throws Exception {
    signIn(api, "/#/launch", "ada");
    browser.await("#caller a", "ada");
    browser.await("tbody td", "teacher"); // it was checked
    browser.evaluate("window.sameDocument = true");
    programs.execute("update browser_session set expires_at = now()");

    // All at once: the form is checked again soon after a key, and then nothing can be typed.
    browser.await("#f-name").sendKeys("an experiment with a long name!");
    browser.await("dialog", "Your session has ended");
    browser.await("pre", "an experiment with a long name!");
    browser.picture("ended");
    assertThat(browser.evaluateLater(status(WHO))).as("without a session").isEqualTo(401L);
    browser.click("#sign-in", SIGN_IN); // the provider still knows the person, in a tab of its own
    browser.awaitTrue("!document.querySelector('dialog')");
    browser.awaitTrue("!document.querySelector('button[type=submit]').disabled");
    assertThat(browser.evaluate("window.sameDocument")).isEqualTo(true);
    assertThat(browser.evaluate("document.querySelector('#f-name').value"))
        .isEqualTo("an experiment with a long name!");
    browser.click("button[type=submit]", "Launch");
    browser.await("h1", "an experiment with a long name!");
    assertThat(browser.tabs()).isOne();
    assertThat(browser.evaluateLater(status(WHO))).isEqualTo(200L);
  }

  @Test
  void shouldSignOutHereAndAtTheProvider() throws Exception {
    signIn(api, "/", "otto");
    browser.await("#caller a", "otto");
    Map<String, Object> cookie = browser.cookies("127.0.0.1").get(0);
    String copy = "%s=%s".formatted(cookie.get("name"), cookie.get("value"));
    assertThat(get(api + WHO, "Cookie", copy, "Sec-Fetch-Site", "same-origin").statusCode())
        .isEqualTo(200);

    browser.click("#caller button", "Sign out");
    browser.click("button", "Yes, sign me out");
    browser.await("body", "You are signed out.");
    assertThat(browser.address()).startsWith(api + "/sign-in/ended");
    assertThat(browser.cookies("127.0.0.1")).isEmpty();
    assertThat(get(api + WHO, "Cookie", copy, "Sec-Fetch-Site", "same-origin").statusCode())
        .as("a copy of the cookie")
        .isEqualTo(401);
    browser.click("a", "Sign in again");
    browser.click("#sign-in", SIGN_IN);
    browser.await("input[name=login]"); // the provider asks again
  }

  @Test
  void shouldMakeATokenForAScriptThatMayNoMoreThanThePerson() throws Exception {
    provider.says(
        "mia", "{\"groups\": [\"atelier-operator\"], \"atelier_projects\": [\"vision\"]}");
    signIn(api, "/#/tokens", "mia");
    browser.await("h1", "Your tokens");
    browser.type("#token-name", "nightly");
    browser.click("button[type=submit]", "Make a token");
    String token = browser.await("#made-token code").getText();
    assertThat(token).matches("atl_[A-Za-z0-9_-]{43}");
    browser.await("tbody td", "nightly");
    browser.picture("tokens");
    assertThat(whoIs(token).path("role").asText()).isEqualTo("operator");
    assertThat(whoIs(token).path("name").asText()).endsWith(" of oidc mia");

    provider.says("mia", "{\"groups\": [\"atelier-viewer\"], \"atelier_projects\": [\"vision\"]}");
    programs.execute("update browser_session set expires_at = now()");
    browser.open(api + "/#/tokens");
    browser.click("#sign-in", SIGN_IN);
    browser.await("tbody td", "nightly");
    assertThat(whoIs(token).path("role").asText())
        .as("what the provider says now")
        .isEqualTo("viewer");

    browser.click("tbody button", "Revoke");
    browser.await("tbody td", "revoked");
    assertThat(get(api + WHO, "Authorization", "Bearer " + token).statusCode()).isEqualTo(401);
  }

  @Test
  void shouldEndTheSessionsOfAPersonForAnAdmin() throws Exception {
    signIn(api, "/", "otto");
    browser.await("#caller a", "otto");
    try (Browser another =
        new Browser(
            Programs.find("chromium").orElseThrow(),
            Programs.find("chromedriver").orElseThrow(),
            Path.of("target/sign-in"))) {
      Browser first = browser;
      browser = another;
      signIn(api, "/", "ada");
      browser.await("#caller a", "ada");
      browser = first;
      String people = String.valueOf(another.evaluateLater(text("/api/v1/people")));
      String id = "";
      for (JsonNode person : JSON.readTree(people).path("items")) {
        id = person.path("name").asText().equals("oidc otto") ? person.path("id").asText() : id;
      }
      assertThat(id).as(people).isNotEmpty();
      assertThat(
              another.evaluateLater(
                  "fetch('/api/v1/people/%s/access', {method: 'DELETE'}).then((answer) => answer.status)"
                      .formatted(id)))
          .isEqualTo(204L);
      assertThat(browser.evaluateLater(status(WHO))).isEqualTo(401L);
      assertThat(another.evaluateLater(status(WHO))).isEqualTo(200L);
    }
  }

  private JsonNode whoIs(String token) throws IOException, InterruptedException {
    return JSON.readTree(get(api + WHO, "Authorization", "Bearer " + token).body());
  }

  private HttpResponse<String> get(String address, String... headers)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(address)).method("GET", BodyPublishers.noBody());
    for (int i = 0; i < headers.length; i += 2) {
      request.header(headers[i], headers[i + 1]);
    }
    return http.send(request.build(), BodyHandlers.ofString());
  }

  private static Map<String, String> query(URI address) {
    Map<String, String> values = new HashMap<>();
    for (String pair : address.getRawQuery().split("&", -1)) {
      String[] parts = pair.split("=", 2);
      values.put(parts[0], URLDecoder.decode(parts[1], StandardCharsets.UTF_8));
    }
    return values;
  }

  private static String status(String path) {
    return "fetch('%s').then((answer) => answer.status)".formatted(path);
  }

  private static String text(String path) {
    return "fetch('%s').then((answer) => answer.text())".formatted(path);
  }
}
