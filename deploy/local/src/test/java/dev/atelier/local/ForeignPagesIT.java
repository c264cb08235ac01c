package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.deploy.Programs;
import dev.atelier.deploy.RequiresProgram;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Pages that a user visits while a local stack runs, in real Chromium before the real stack: what
 * foreign ones try, and what the link of the terminal does.
 */
@RequiresProgram({"chromium", "curl"})
@Timeout(1800)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ForeignPagesIT {

  private static final String SPEC = "{\"name\": \"from a page\"}";
  private static final Pattern COMMANDS = Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL);
  private static final Pattern CURL =
      Pattern.compile("(?m)^(?:[A-Z]+=\\$\\()?curl -K (?:.*\\\\\n)*.*$");

  // A retry of what has not failed is refused, too, but not for who asks.
  private static final Pattern REFUSED =
      Pattern.compile(
          "/problems/(unauthorized|forbidden|foreign-page|unknown-host|unsupported-media-type|not-found)\\b");

  private final HttpClient http = HttpClient.newHttpClient();
  private LocalStack stack;
  private Endpoints endpoints;
  private ProgramProcess openApi;
  private String open; // the address of an api without tokens, before the same servers
  private Browser browser;
  private Path home;

  /** Where a page comes from that is not this server's. */
  enum From {
    ANOTHER_SITE,
    ANOTHER_PORT,
    A_FILE,
    A_SANDBOX; // an opaque origin

    String address(int port, String page, Path folder) throws IOException {
      return switch (this) {
        case ANOTHER_SITE -> "http://evil.test:" + port + "/";
        case ANOTHER_PORT -> "http://127.0.0.1:" + port + "/";
        case A_FILE -> Files.writeString(folder.resolve("page.html"), page).toUri().toString();
        case A_SANDBOX -> "http://127.0.0.1:" + port + ForeignSite.IN_A_SANDBOX;
      };
    }
  }

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    home = directory;
    stack = StackUnderTest.prepare(home.resolve(".atelier"));
    endpoints = stack.start();
    int port = Ports.anyFree();
    Map<String, String> environment = new HashMap<>(StackUnderTest.environmentOfApi(endpoints));
    environment.put("QUARKUS_HTTP_PORT", Integer.toString(port));
    environment.put("ATELIER_AUTH_MODE", "open");
    openApi =
        ProgramProcess.start(
            directory.resolve("api.log"),
            environment,
            List.of(
                ApiService.OPEN_BUFFERS,
                "-jar",
                new Installation(StackUnderTest.ROOT).apiJar().toString()));
    open = "http://127.0.0.1:" + port;
    Waiting.until(
        () -> {
          assertThat(openApi.alive()).as("%s", openApi.log()).isTrue();
          try {
            return status(open + "/q/health/ready") == 200;
          } catch (IOException e) {
            return false; // not yet
          }
        });
    browser = browser(directory.resolve("profile"));
  }

  private static Browser browser(Path profile) throws IOException {
    return new Browser(
        Programs.find("chromium").orElseThrow(),
        Programs.find("chromedriver").orElseThrow(),
        Path.of("target/foreign-pages"),
        "--user-data-dir=" + profile,
        "--host-resolver-rules=MAP evil.test 127.0.0.1");
  }

  @AfterAll
  void stop() throws Exception {
    browser.close();
    openApi.close();
    stack.close();
  }

  @ParameterizedTest
  @EnumSource
  void shouldLaunchNothingForAForeignPage(From from, @TempDir Path folder) throws Exception {
    int before = experiments();
    String seen = visit(from, open, folder);
    assertThat(experiments()).as("experiments after a visit: " + seen).isEqualTo(before);
    assertThat(seen).contains("posted").contains("not read").contains("no image");

    try (BlindProxy withoutDefence = BlindProxy.before(open)) {
      String done = visit(from, withoutDefence.url(), folder);
      assertThat(experiments()).as("without the defence: " + done).isGreaterThan(before);
      assertThat(done.replace("no image", "")).contains("image");
    }
  }

  @ParameterizedTest
  @EnumSource
  void shouldLaunchNothingWithTheCookieOfTheUser(From from, @TempDir Path folder) throws Exception {
    signIn();
    int before = experiments();
    String seen = visit(from, endpoints.api(), folder);
    assertThat(experiments()).as("experiments after a visit: " + seen).isEqualTo(before);

    browser.open(endpoints.api());
    assertThat(browser.evaluateLater(post("/api/v1/experiments", SPEC)))
        .as("the page of the server itself")
        .isEqualTo(202L);
  }

  /** Lets the browser visit a page that attacks {@code target}; returns what the page saw. */
  private String visit(From from, String target, Path folder) throws Exception {
    try (ForeignSite site = ForeignSite.start(target, SPEC)) {
      browser.open(from.address(site.port(), ForeignSite.page(target, SPEC), folder));
      browser.awaitTrue("document.title === 'sent'");
      return String.valueOf(browser.evaluate("found.join()"));
    }
  }

  @Test
  void shouldAnswerNoPageWhoseNameLeadsHere() throws Exception {
    URI own = URI.create(open);
    browser.open("http://evil.test:" + own.getPort() + "/");
    browser.await("body", "unknown-host");
    assertThat(browser.evaluateLater(get("/api/v1/experiments"))).isEqualTo(421L);
    assertThat(browser.evaluateLater(post("/api/v1/experiments", SPEC))).isEqualTo(421L);

    browser.open(open); // the same page under its own name
    assertThat(browser.evaluateLater(get("/api/v1/experiments"))).isEqualTo(200L);
  }

  @Test
  void shouldShowTheWebUiOfTemporalUnderItsOwnNameAlone() throws Exception {
    assertThat(endpoints.temporalWebUi()).as("the temporal program").isPresent();
    URI ui = URI.create(endpoints.temporalWebUi().orElseThrow());
    String namespace = "/api/v1/namespaces/default";
    browser.open("http://evil.test:" + ui.getPort() + "/");
    browser.await("body", "does not go by the name 'evil.test:");
    assertThat(browser.evaluateLater(get(namespace))).isEqualTo(403L);

    browser.open(ui.toString());
    browser.await("body", "Workflows");
    assertThat(browser.evaluateLater(get(namespace))).isEqualTo(200L);
  }

  @Test
  void shouldLeadAUserOnWhoComesByALinkOfAnotherSite(@TempDir Path folder) throws Exception {
    Path page =
        Files.writeString(folder.resolve("link.html"), "<a href='%s/'>here</a>".formatted(open));
    browser.open(page.toUri().toString());
    browser.click("a", "here");
    browser.await("body", "Another site has led you here");
    browser.click("a", "show this page");
    browser.await("h1", "Experiments");
  }

  private void signIn() throws Exception {
    browser.open(StackUnderTest.browserLink(endpoints));
    browser.await("h1", "Experiments");
    browser.awaitTrue("!location.hash.includes('code')");
    browser.await("main", "xperiments");
    assertThat(browser.count("dialog")).isZero();
  }

  @Test
  void shouldSignTheBrowserInByTheLinkAndLeaveTheTokenNowhere() throws Exception {
    String token = endpoints.client().token().orElseThrow();
    signIn();
    assertThat(browser.address()).doesNotContain("atl_");
    assertThat(browser.history())
        .noneMatch(address -> address.contains(token) || address.contains("code="));
    assertThat(
            browser.evaluate(
                "document.cookie + JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage}) + document.documentElement.outerHTML"))
        .asString()
        .doesNotContain("atl_");
    assertThat(browser.evaluateLater(get("/api/v1/whoami"))).isEqualTo(200L);

    browser.openTab(endpoints.api() + "/api/v1/whoami");
    browser.await("body", "token bootstrap");
    browser.openTab(endpoints.api() + "/q/swagger-ui");
    browser.await(".opblock-tag", "Experiments");
    assertThat(browser.evaluateLater(get("/api/v1/whoami"))).isEqualTo(200L);
    browser.openTab(endpoints.api());
    browser.await("h1", "Experiments");
    assertThat(browser.consoleErrors()).isEmpty();

    assertThat(status(endpoints.api() + "/api/v1/whoami")).as("without the token").isEqualTo(401);
    assertThat(
            http.send(
                    StackUnderTest.request(endpoints, "/api/v1/whoami").build(),
                    BodyHandlers.discarding())
                .statusCode())
        .isEqualTo(200);
  }

  @Test
  void shouldLeaveNothingOfUseInTheHistoryOfTheBrowser(@TempDir Path folder) throws Exception {
    String link = StackUnderTest.browserLink(endpoints);
    try (Browser first = browser(folder.resolve("first"))) {
      first.open(link);
      first.await("h1", "Experiments");
      first.awaitTrue("!location.hash.includes('code')");
      assertThat(first.evaluateLater(get("/api/v1/whoami"))).isEqualTo(200L);
    }
    try (Browser second = browser(folder.resolve("second"))) {
      second.open(link); // as the first one's history has it
      second.await("dialog", "the link was used before");
      second.await("dialog", "This server asks who you are");
      assertThat(second.evaluateLater(get("/api/v1/whoami"))).isEqualTo(401L);
    }
  }

  @Test
  void shouldKeepSecretsOutOfLogsAndCommandLines() throws Exception {
    Properties credentials = StackUnderTest.credentials(endpoints);
    List<String> secrets =
        Stream.of("api.token", "postgres.password", "s3.secret-key", "s3.access-key")
            .map(credentials::getProperty)
            .toList();
    assertThat(secrets).allMatch(secret -> secret.length() >= 20).doesNotHaveDuplicates();
    List<String> places = new ArrayList<>();
    try (Stream<Path> logs = Files.list(endpoints.logs())) {
      for (Path log : logs.filter(Files::isRegularFile).toList()) {
        places.add(Files.readString(log, StandardCharsets.ISO_8859_1));
      }
    }
    for (ProcessHandle child : ProcessHandle.current().descendants().toList()) {
      Path arguments = Path.of("/proc", Long.toString(child.pid()), "cmdline");
      if (Files.exists(arguments)) {
        places.add(Files.readString(arguments, StandardCharsets.ISO_8859_1));
      }
    }
    assertThat(places).hasSizeGreaterThan(10);
    for (String secret : secrets) {
      assertThat(places).noneMatch(text -> text.contains(secret));
    }
    for (String file : List.of("credentials.properties", "client.properties", "curl")) {
      assertThat(Files.getPosixFilePermissions(home.resolve(".atelier").resolve(file)))
          .as(file)
          .hasSize(2);
    }
  }

  @Test
  void shouldRunTheCommandsOfTheDocuments() throws Exception {
    List<String> failed = new ArrayList<>();
    for (String document : List.of("README.md", "docs/api.md", "docs/security.md")) {
      String commands =
          COMMANDS
              .matcher(Files.readString(StackUnderTest.ROOT.resolve(document)))
              .results()
              .map(block -> block.group(1))
              .collect(Collectors.joining());
      List<String> curls = CURL.matcher(commands).results().map(found -> found.group()).toList();
      assertThat(curls).as(document).isNotEmpty();
      String script =
          document.equals("docs/api.md")
              ? commands
              : commands.lines().filter(l -> l.startsWith("ME=")).collect(Collectors.joining("\n"))
                  + "\n"
                  + curls.stream()
                      .filter(curl -> !curl.contains("/ID"))
                      .collect(Collectors.joining("\n"));
      Run run = run(script);
      assertThat(run.output()).as(document).doesNotContain("curl: (");
      if (REFUSED.matcher(run.output()).find()) {
        failed.add(document + ": " + run.output());
      }
    }
    assertThat(failed).isEmpty();

    Path curl = home.resolve(".atelier/curl");
    Path aside = Files.move(curl, curl.resolveSibling("aside"));
    Files.writeString(curl, "");
    assertThat(run("curl -K ~/.atelier/curl -s 127.0.0.1:8080/api/v1/whoami").output())
        .as("without the token")
        .containsPattern(REFUSED);
    Files.move(aside, curl, StandardCopyOption.REPLACE_EXISTING);
  }

  private record Run(int exitCode, String output) {}

  /** Runs what a user would, where {@code ~/.atelier} is the stack's and its port is the usual. */
  private Run run(String script) throws Exception {
    String own = script.replace(":8080", ":" + URI.create(endpoints.api()).getPort());
    ProcessBuilder bash =
        new ProcessBuilder("bash", "-c", "set -ux\n" + own).redirectErrorStream(true);
    bash.environment().put("HOME", home.toString());
    Path work = Files.createDirectories(home.resolve("work"));
    for (String folder : List.of("examples", "studies")) {
      if (!Files.exists(work.resolve(folder))) {
        Files.createSymbolicLink(work.resolve(folder), StackUnderTest.ROOT.resolve(folder));
      }
    }
    Process process = bash.directory(work.toFile()).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return new Run(process.exitValue(), output);
  }

  @Test
  void shouldLetTheCommandLineFindTheStack() throws Exception {
    Run whoami = cli("whoami");
    assertThat(whoami.exitCode()).as(whoami.output()).isZero();
    assertThat(whoami.output()).contains("token bootstrap");
    assertThat(cli("token").output().strip()).isEqualTo(endpoints.client().token().orElseThrow());
    assertThat(cli("token", "--link").output()).startsWith(endpoints.api() + "/#code=atc_");
    assertThat(cli("whoami", "--url", endpoints.api().replace("127.0.0.1", "localhost")).exitCode())
        .isZero();
    assertThat(cli("whoami", "--data", home.resolve("none").toString(), "--url", endpoints.api()))
        .as("without the token")
        .extracting(Run::exitCode)
        .isEqualTo(6);
  }

  private Run cli(String... arguments) throws Exception {
    List<String> command = JavaChild.jvm("128m");
    command.addAll(
        List.of(
            "-Duser.home=" + home,
            "-cp",
            System.getProperty("java.class.path"),
            "dev.atelier.local.command.AtelierProgram"));
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command)
            .redirectError(ProcessBuilder.Redirect.appendTo(home.resolve("cli.log").toFile()))
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Run(process.waitFor(), output);
  }

  private static String get(String path) {
    return "fetch('%s').then((answer) => answer.status)".formatted(path);
  }

  private static String post(String path, String json) {
    return "fetch('%s', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '%s'}).then((answer) => answer.status)"
        .formatted(path, json);
  }

  private int experiments() throws Exception {
    String page =
        http.send(
                HttpRequest.newBuilder(URI.create(open + "/api/v1/experiments?limit=200")).build(),
                BodyHandlers.ofString())
            .body();
    return new ObjectMapper().readTree(page).get("items").size();
  }

  private int status(String address) throws IOException, InterruptedException {
    return http.send(
            HttpRequest.newBuilder(URI.create(address))
                .method("GET", BodyPublishers.noBody())
                .build(),
            BodyHandlers.discarding())
        .statusCode();
  }
}
