package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.deploy.Programs;
import dev.atelier.deploy.RequiresProgram;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.extension.TestWatcher;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.ElementNotInteractableException;
import org.openqa.selenium.Keys;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebElement;

/**
 * The dashboard as a user sees it: real Chromium before the real stack. Each test goes on where the
 * one before it ended; the pictures of all pages are in {@code target/dashboard}.
 */
@RequiresProgram("chromium")
@Timeout(1800)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class DashboardIT {

  // Student 2 cannot but diverge: its learning rate is beyond any sense.
  private static final String SPEC =
      """
      name: shapes, two students
      labels: {team: vision}
      dataset: {source: "shapes?count=256&seed=1", resolution: 8}
      diffusion: {timesteps: 100}
      teacher:
        network: {channels: 16, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
        training: {steps: 100, batchSize: 8, warmupSteps: 5, learningRate: 1.0e-3, emaDecay: 0.9,
          checkpointEverySteps: 50, metricsEverySteps: 5}
      students:
        count: 2
        network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
        training: {steps: 400, batchSize: 8, warmupSteps: 5, learningRate: 1.0e-3, emaDecay: 0.9,
          checkpointEverySteps: 100, metricsEverySteps: 5}
        overrides: [{student: 2, training: {learningRate: 1.0e+30}}]
      evaluation:
        samples: 200
        batchSize: 50
        gridRows: 2
        gridColumns: 4
        sampler: {steps: 10, spacing: uniform}
      """;

  private static final int A4_WIDTH = 703; // CSS pixels between margins of 12 mm

  private static final String STUDY =
      """
      name: one or two
      question: "Are two students better than one?"
      axes: [{name: N, field: students.count, values: [1, 2]}]
      scorecard:
        - {text: less work than the teacher, figure: 1.5, measure: macs-per-step, of: {subject: teacher, at: {N: 2}},
            against: {subject: o2mkd}, comparison: ratio, rule: at-least, bound: 1}
        - {text: fewer parameters than one, measure: parameters, of: {at: {N: 2}}, against: {at: {N: 1}}, rule: at-most, bound: 0}
        - {text: two are better, measure: distance, of: {at: {N: 2}}, against: {at: {N: 1}}, rule: at-most, bound: 0}
      base:
        dataset: {source: "shapes?count=256&seed=1", resolution: 8}
        diffusion: {timesteps: 100}
        teacher:
          network: {channels: 16, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
          training: {steps: 20, batchSize: 8, warmupSteps: 5}
        students:
          network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
          training: {steps: 20, batchSize: 8, warmupSteps: 5}
        evaluation:
          {samples: 200, gridRows: 2, gridColumns: 4, sampler: {steps: 5, spacing: uniform}}
      """;

  @RegisterExtension
  final TestWatcher watcher =
      new TestWatcher() {
        @Override
        public void testFailed(ExtensionContext context, Throwable cause) {
          broken = true;
        }
      };

  private boolean broken;
  private final HttpClient http = HttpClient.newHttpClient();
  private Path folder;
  private LocalStack stack;
  private Browser browser;
  private String api;
  private Endpoints endpoints;
  private String first = ""; // ids
  private String second = "";
  private String study = "";

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    folder = directory;
    stack = StackUnderTest.prepare(directory.resolve("data"));
    endpoints = stack.start();
    api = endpoints.api();
    browser =
        new Browser(
            Programs.find("chromium").orElseThrow(),
            Programs.find("chromedriver").orElseThrow(),
            Path.of("target/dashboard"));
  }

  @AfterAll
  void stop() throws Exception {
    browser.close();
    stack.close();
  }

  @BeforeEach
  void shouldGoOnOnlyWhereTheTestBeforeEnded() {
    assertThat(broken).as("a test before this one has failed").isFalse();
  }

  @AfterEach
  void shouldHaveNoErrorAndNothingOfAnotherHost() {
    assertThat(browser.consoleErrors()).isEmpty();
    assertThat(browser.origins()).isSubsetOf(api);
  }

  @Test
  @Order(1)
  void shouldSayWhatToDoWhenThereIsNoExperiment() throws Exception {
    browser.open(StackUnderTest.browserLink(endpoints));
    browser.await("main", "No experiments yet");
    browser.await("main", "./atelier launch");
    browser.picture("empty");
    browser.click("main td a.button", "Launch");
    browser.await("h1", "Launch an experiment");
  }

  @Test
  @Order(2)
  void shouldShowTrainingLiveWithoutAReload() throws Exception {
    browser.open(api + "/#/experiments");
    String id = launch("/api/v1/experiments", SPEC);
    first = id;
    browser.click("tbody a", "shapes, two students"); // the list has found it by itself
    browser.evaluate("window.sameDocument = true");
    browser.await(".segment[aria-label*='student-1 · running']");
    browser.await(".u-over");
    browser.awaitTrue("document.querySelector('.u-legend')?.textContent.includes('student-1')");
    String before = canvas();
    browser.awaitTrue("document.querySelector('.u-wrap canvas').toDataURL() !== '" + before + "'");
    browser.picture("experiment-live");
    browser.await("h1 + .pill", "awaiting retry");
    browser.await(".segment[aria-label*='student-1 · done']");
    browser.await(".segment[aria-label*='student-2 · failed']");
    assertThat(browser.evaluate("window.sameDocument")).isEqualTo(true);
    assertThat(browser.address()).endsWith(id);
  }

  @Test
  @Order(3)
  void shouldSayThatAnExperimentIsNotUpdatedWhileTheServerIsAway() throws Exception {
    assertThat(browser.count(".stale:not([hidden])")).isZero();
    browser.offline(true);
    browser.await(".stale", "Not updated since 20");
    browser.picture("experiment-stale");
    browser.offline(false);
    browser.awaitGone(".stale", "Not updated");
    forgiveLostConnections();
  }

  @Test
  @Order(4)
  void shouldRetryTheFailedStudentAloneWithAnotherLearningRate() throws Exception {
    browser.await(".note.error", "DIVERGED");
    browser.picture("experiment-failed");
    browser.click("main button", "Retry student-2");
    browser.await("dialog[open]", "student-2 again, from its last good checkpoint");
    browser.type("#ask-learningRate", "-1");
    browser.click("dialog button[type=submit]", "Retry");
    browser.await("dialog .fault", "learningRate");
    browser.type("#ask-learningRate", "0.001");
    browser.picture("retry");
    browser.click("dialog button[type=submit]", "Retry");
    browser.await(".segment[aria-label*='student-2 · running']");
    browser.await("h1 + .pill", "done");
    assertThat(browser.evaluate("window.sameDocument")).isEqualTo(true);
    assertThat(browser.count(".segment[aria-label*='student-1 · done']")).isOne();
    assertThat(browser.count(".segment[aria-label*='student-1'][aria-label*='attempts']")).isZero();
  }

  @Test
  @Order(5)
  void shouldShowSamplesAndWhoPaintsOnTheWayFromNoiseToImage() throws Exception {
    browser.await("figcaption", "O2MKD");
    browser.awaitTrue(
        "[...document.querySelectorAll('figure img')].length >= 3 && [...document.querySelectorAll('figure img')].every((i) => i.naturalWidth > 0)");
    WebElement slider = browser.await(".way input[type=range]");
    browser.await(".way", "The clean image.");
    Object clean = browser.evaluate("document.querySelector('.ways canvas').toDataURL()");
    slider.sendKeys(Keys.ARROW_LEFT);
    browser.await(".way", "student-1 paints next");
    slider.sendKeys(Keys.HOME);
    browser.await(".way", "student-2 paints next");
    assertThat(browser.evaluate("document.querySelector('.ways canvas').toDataURL()"))
        .isNotEqualTo(clean);
    slider.sendKeys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT);
    browser.picture("experiment-done");
    browser.dark(true);
    browser.picture("experiment-dark");
    browser.dark(false);
  }

  @Test
  @Order(6)
  void shouldLaunchAgainFromTheFormWithACutThatWasMoved() throws Exception {
    browser.click("main a", "Launch again with changes");
    browser.await("h1", "Launch again with changes");
    browser.await("tbody td", "student-1");
    String count = "[id='f-students.count']";
    browser.type(count, "0");
    browser.await(".fault", "at least 1");
    assertThat(browser.await("button[type=submit]", "Launch").isEnabled()).isFalse();
    browser.picture("launch-fault");
    browser.type(count, "2");
    browser.type("[id='f-students.overrides']", "");
    browser.type("#f-name", "shapes, cut at 30");
    for (int i = 0; i < 4; i++) {
      press(".cut[role=slider]", Keys.PAGE_DOWN); // a twentieth of T
    }
    browser.await("pre", "boundaries: [0,30,100]");
    browser.await("pre", "kind: explicit");
    moveTheFocusedCut();
    browser.awaitTrue(
        "!document.querySelector('form button[type=submit], .panel button[type=submit]').disabled");
    browser.click("details.memory summary", "Memory of a training step");
    browser.await("details.memory td", "student-1, student-2");
    browser.await("details.memory th", "computed again");
    browser.picture("launch");
    browser.click("button[type=submit]", "Launch");
    browser.await("h1", "shapes, cut at 30");
    second = browser.address().replaceFirst(".*/", "");
    browser.await("h1 + .pill", "done");
    browser.await(".segment[aria-label*='t in [0, 30)']");
    browser.await(".segment[aria-label*='t in [30, 100)']");
    checkTheSpecThatIsShown();
  }

  /** Presses where the focus is: each answer of the server draws the cuts anew. */
  private void moveTheFocusedCut() {
    for (int cut : new int[] {31, 32, 31, 30}) {
      browser.await("text.visits"); // as the answer has it
      WebElement focused = (WebElement) browser.evaluate("document.activeElement");
      int now = Integer.parseInt(focused.getDomAttribute("aria-valuenow"));
      focused.sendKeys(cut > now ? Keys.ARROW_RIGHT : Keys.ARROW_LEFT);
      browser.await("pre", "boundaries: [0,%d,100]".formatted(cut));
    }
    browser.await("text.visits");
    assertThat(browser.evaluate("document.activeElement.getAttribute('aria-valuenow')"))
        .isEqualTo("30");
  }

  /** What the page shows of the spec launches the same. */
  private void checkTheSpecThatIsShown() throws Exception {
    String shown = (String) browser.evaluate("document.querySelector('pre.spec').textContent");
    HttpResponse<String> launched =
        http.send(
            StackUnderTest.request(endpoints, "/api/v1/experiments?dryRun=true")
                .header("Content-Type", "application/yaml")
                .POST(BodyPublishers.ofString(shown))
                .build(),
            BodyHandlers.ofString());
    assertThat(launched.statusCode()).as(launched.body()).isEqualTo(200);
    String page = browser.address();
    String id = page.substring(page.lastIndexOf('/') + 1);
    HttpResponse<String> experiment =
        http.send(
            StackUnderTest.request(endpoints, "/api/v1/experiments/" + id).build(),
            BodyHandlers.ofString());
    ObjectMapper json = new ObjectMapper();
    assertThat(json.readTree(launched.body()).get("spec"))
        .isEqualTo(json.readTree(experiment.body()).get("spec"));
  }

  /** Presses a key on an element that may be drawn anew at any time, as answers come. */
  private void press(String selector, Keys key) throws Exception {
    boolean pressed = false;
    while (!pressed) {
      try {
        browser.await(selector).sendKeys(key);
        pressed = true;
      } catch (StaleElementReferenceException | ElementNotInteractableException e) {
        // nothing was pressed
      }
    }
  }

  @Test
  @Order(7)
  void shouldCompareTheTwoThatWereTicked() throws Exception {
    browser.open(api + "/#/experiments");
    browser.await("tbody a", "shapes, cut at 30");
    browser.await("tbody a", "shapes, two students");
    browser.picture("list");
    browser.click("input[aria-label='Choose shapes, cut at 30']", "");
    browser.click("input[aria-label='Choose shapes, two students']", "");
    browser.click(".bar a", "Compare");
    browser.await("h2", "Where they differ");
    browser.await("tr.differs", "students.assignment.kind");
    browser.await("tr.differs", "students.assignment.boundaries");
    assertThat(browser.count("tr.differs td.mono")).isPositive();
    browser.awaitTrue("document.querySelectorAll('.u-legend .u-series').length === 3");
    browser.picture("compare");

    browser.open(api + "/#/experiments");
    browser.await("tbody a", "shapes, cut at 30");
    browser.type("input[type=search]", "cut\n");
    browser.awaitGone("tbody a", "shapes, two students");
    assertThat(browser.address()).contains("q=cut"); // a view is a link
  }

  @Test
  @Order(8)
  void shouldShowWhoWorksOnWhat() throws Exception {
    browser.open(api + "/#/workers");
    browser.await("h1", "Workers");
    browser.await("tbody tr", "worker-1");
    browser.await("tbody tr", "worker-2");
    browser.await("tbody tr", "atelier-cpu");
    browser.await("tbody tr", "waits for work");
    browser.picture("workers");
  }

  @Test
  @Order(9)
  void shouldShowWhatProjectsMayHaveAndWhatTheyUsed() throws Exception {
    HttpResponse<String> set =
        http.send(
            StackUnderTest.request(endpoints, "/api/v1/projects/default/quota")
                .header("Content-Type", "application/json")
                .PUT(BodyPublishers.ofString("{\"experimentsWaiting\": 100}"))
                .build(),
            BodyHandlers.ofString());
    assertThat(set.statusCode()).as(set.body()).isEqualTo(200);
    browser.open(api + "/#/projects");
    browser.await("h1", "Projects");
    browser.await("#quotas tbody tr", "default");
    browser.await("#quotas tbody tr", "of 100");
    browser.await("h2", "default, by month");
    browser.picture("projects");
  }

  @Test
  @Order(10)
  void shouldShowWhatBecameOfAStudysClaims() throws Exception {
    String id = launch("/api/v1/studies", STUDY);
    study = id;
    browser.open(api + "/#/studies");
    browser.click("tbody a", "one or two");
    browser.await("h1", "one or two");
    browser.await(line(1) + " .pill", "not measured"); // nothing can be yet
    browser.await("h1 + .pill", "done");
    browser.await(line(1) + " td", "less work than the teacher");
    browser.await(line(1) + " td:nth-child(2)", "1.5");
    browser.await(line(1) + " .pill.s-DONE", "holds");
    browser.await(line(1) + " td:nth-child(5)", "at least 1");
    browser.await(line(1) + " td:nth-child(6)", "teacher 20 steps, students 20 steps of 8 images");
    browser.await(line(2) + " td:nth-child(2)", "not known to us");
    browser.await(line(2) + " .pill.s-FAILED", "does not hold");
    browser.await(line(3) + " td", "Fréchet distance: o2mkd (N 2) − o2mkd (N 1)");
    browser.await(line(3) + " td:nth-child(3)", "1 seed");
    browser.await(line(3) + " .pill.s-PENDING", "too few seeds to say");
    assertThat(browser.count(".scorecard tbody tr")).isEqualTo(3);
    assertThat(browser.address()).endsWith("#/studies/" + id);
    browser.picture("study");
  }

  private static String line(int number) {
    return ".scorecard tbody tr:nth-child(%d)".formatted(number);
  }

  @Test
  @Order(11)
  void shouldFitAPhone() throws Exception {
    browser.resize(390, 844);
    for (String page : pages()) {
      browser.open(page);
      awaitContent();
      assertThat((Long) browser.evaluate("document.documentElement.scrollWidth"))
          .as(page)
          .isLessThanOrEqualTo(390);
      browser.picture("phone" + nameOf(page));
    }
    browser.open(api + "/#/experiments");
    browser.await("td[data-label=O2MKD]");
    assertThat(outOfSight(".cards td[data-label]")).isEmpty();
    browser.open(compared());
    browser.await("tr.differs");
    assertThat(browser.count(".beside td[data-label=B]")).isPositive();
    assertThat(outOfSight(".beside td")).isEmpty();
    browser.evaluate("document.querySelector('.beside').style.marginLeft = '300px'");
    assertThat(outOfSight(".beside td")).isNotEmpty();
    browser.resize(1280, 900);
  }

  @Test
  @Order(12)
  void shouldWriteNumbersAndTimesAsReportsAndCommandsDo() throws Exception {
    String table =
        Files.readString(
            StackUnderTest.ROOT.resolve(
                "workflows/src/test/resources/dev/atelier/workflows/vocabulary/notation.json"));
    browser.open(api + "/#/experiments");
    browser.await("h1");
    assertThat(
            browser.evaluateLater(
                "import('/dashboard/notation.js').then((m) => Object.entries(%s).flatMap(([name, rows]) => rows.filter((row) => m[name](...row.slice(0, -1)) !== row.at(-1)).map((row) => name + JSON.stringify(row))))"
                    .formatted(table)))
        .isEqualTo(List.of());
  }

  @Test
  @Order(13)
  void shouldSayOfEveryLiveListThatItIsNotUpdated() throws Exception {
    for (String page : List.of("#/experiments", "#/studies", "#/workers")) {
      browser.open(api + "/" + page);
      browser.await("tbody tr");
      browser.offline(true);
      browser.await(".stale", "Not updated since 20");
      browser.offline(false);
      browser.awaitGone(".stale", "Not updated");
      browser.keepWaiting(true);
      browser.await(".stale", "Not updated since 20");
      browser.keepWaiting(false);
      browser.awaitGone(".stale", "Not updated");
    }
    forgiveLostConnections();
  }

  @Test
  @Order(14)
  void shouldUpdateTheListWhileItHasTheFocus() {
    browser.open(api + "/#/experiments");
    browser.await("tbody input");
    browser.evaluate(
        "(window.old = document.querySelector('tbody input'), window.old.focus(), null)");
    browser.awaitTrue("!window.old.isConnected");
    browser.awaitTrue("document.activeElement.dataset.key === window.old.dataset.key");
  }

  @Test
  @Order(15)
  void shouldTellNothingByColourAlone() throws Exception {
    browser.open(experiment());
    browser.await(".segment");
    assertThat((String) browser.evaluate("document.querySelector('.axis').textContent"))
        .contains("teacher ✓", "1 ✓", "2 ✓");
    browser.awaitTrue("document.querySelectorAll('.u-legend .u-marker').length >= 3");
    assertThat(
            browser.evaluate(
                "[...document.querySelectorAll('.u-legend .u-marker')].some((m) =>"
                    + " m.style.borderStyle === 'dashed')"))
        .isEqualTo(true);
    browser.media("screen", false, true);
    browser.picture("experiment-forced-colours");
    browser.media("screen", false, false);
  }

  @Test
  @Order(16)
  @RequiresProgram("axe.min.js")
  void shouldHaveNothingThatAxeCoreFinds() throws Exception {
    String axe = Files.readString(Programs.find("axe.min.js").orElseThrow());
    List<String> found = new ArrayList<>();
    for (String page : pages()) {
      for (int width : new int[] {1280, 390}) {
        browser.resize(width, 900);
        browser.open(page);
        awaitContent();
        for (boolean dark : new boolean[] {false, true}) {
          browser.dark(dark);
          browser
              .faults(axe)
              .forEach(
                  fault ->
                      found.add(
                          "%s %d %s: %s"
                              .formatted(nameOf(page), width, dark ? "dark" : "light", fault)));
        }
      }
    }
    browser.dark(false);
    browser.resize(1280, 900);
    assertThat(found).isEmpty();

    browser.open(api + "/#/experiments");
    browser.await("tbody a");
    browser.evaluate(
        "document.querySelector('main').append(Object.assign(new Image(), {src:"
            + " 'dashboard/icon.svg'}))");
    assertThat(browser.faults(axe)).singleElement().asString().startsWith("image-alt: ");
  }

  @Test
  @Order(17)
  void shouldPrintWholePagesOnA4() throws Exception {
    List<String> found = new ArrayList<>();
    for (String page : pages()) {
      browser.open(page);
      awaitContent();
      browser.resize(A4_WIDTH, 1000);
      browser.media("print", true, false); // in the dark, too, paper is light
      browser.evaluate("dispatchEvent(new Event('beforeprint'))");
      browser.awaitTrue("document.fonts.ready !== null");
      cut().forEach(what -> found.add(nameOf(page) + ": " + what));
      assertThat((String) browser.evaluate("getComputedStyle(document.body).color"))
          .as(page)
          .matches("rgb\\((2|1)?\\d, (3|2|1)?\\d, (4|3|2|1)?\\d\\)"); // dark ink
      browser.evaluate("dispatchEvent(new Event('afterprint'))");
      browser.media("", false, false);
      browser.resize(1280, 900);
      String pdf = new String(browser.print("print" + nameOf(page)), StandardCharsets.ISO_8859_1);
      assertThat(pdf).as(page).startsWith("%PDF-");
      assertThat(pdf.split("/Type /Page\\b").length - 1).as(page).isPositive();
      assertThat(pdf).as(page).containsPattern("/MediaBox \\[0 0 59\\d[.\\d]* 84\\d[.\\d]*\\]");
    }
    assertThat(found).isEmpty();

    browser.open(experiment());
    awaitContent();
    browser.resize(A4_WIDTH, 1000);
    assertThat(cut()).anyMatch(what -> what.startsWith("pre.")); // on the screen it is scrolled
    browser.resize(1280, 900);
  }

  /** Every page, by its address, and the reports. */
  private List<String> pages() throws Exception {
    String of = experiment();
    String id = of.replaceFirst(".*/", "");
    return List.of(
        api + "/#/experiments",
        of,
        api + "/#/launch",
        api + "/#/launch?from=" + id,
        compared(),
        api + "/#/studies",
        api + "/#/studies/" + study,
        api + "/#/workers",
        api + "/#/projects",
        api + "/#/nowhere",
        report("/api/v1/experiments/" + id),
        report("/api/v1/studies/" + study));
  }

  /** A report as a file of its own: the server sandboxes it, where a page runs no test's script. */
  private String report(String of) throws Exception {
    String text =
        http.send(
                StackUnderTest.request(endpoints, of + "/artifacts/report.html").build(),
                BodyHandlers.ofString())
            .body();
    Path file = folder.resolve(of.replaceAll(".*/v1/(\\w+)/.*", "$1") + ".html");
    return Files.writeString(file, text).toUri().toString();
  }

  private String experiment() {
    return api + "/#/experiments/" + first;
  }

  private String compared() {
    return api + "/#/compare?ids=" + first + "," + second;
  }

  private void awaitContent() {
    browser.await("h1");
    browser.awaitTrue("document.querySelector('main').textContent.length > 30");
    browser.awaitTrue("[...document.images].every((i) => i.complete)");
  }

  private static String nameOf(String page) {
    return page.replaceFirst("https?://[^/]+", "")
        .replaceAll("\\d{8}-\\d{6}-\\w+", "one")
        .replaceAll("[^a-z]+", "-")
        .replaceAll("-$", "");
  }

  /** What stands, or hangs over, beside the width of the window. */
  private List<?> outOfSight(String css) {
    return (List<?>)
        browser.evaluate(
            "[...document.querySelectorAll('%s')].filter((e) => e.offsetParent).map((e) => e.getBoundingClientRect()).filter((b) => b.left < 0 || b.right > innerWidth).map((b) => `${b.left} ${b.right}`)"
                .formatted(css));
  }

  /** What is cut off at an edge, as scrolled things are. */
  @SuppressWarnings("unchecked")
  private List<String> cut() {
    return (List<String>)
        browser.evaluate(
            """
            [...document.querySelectorAll('body *')]
              .filter((e) => e.checkVisibility() && !e.closest('.heard, svg, select, input'))
              .filter((e) => {
                const style = getComputedStyle(e);
                const clips = style.overflowX !== 'visible' || style.overflowY !== 'visible';
                const over = e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1;
                return (clips && over) || e.getBoundingClientRect().right > innerWidth + 1;
              })
              .map((e) => `${e.localName}.${e.className} ${e.textContent.slice(0, 40)}`)
            """);
  }

  /** What the console says of requests that were to fail. */
  private void forgiveLostConnections() {
    assertThat(browser.consoleErrors()).allMatch(error -> error.contains("ERR_"));
  }

  @Test
  @Order(18)
  void shouldAskForATokenWhereTheApiWantsOne(@TempDir Path directory) throws Exception {
    String token = "atl_" + "k".repeat(40);
    int port = Ports.anyFree();
    Map<String, String> environment = new HashMap<>(StackUnderTest.environmentOfApi(endpoints));
    environment.put("QUARKUS_HTTP_PORT", Integer.toString(port));
    environment.put("ATELIER_AUTH_MODE", "tokens");
    environment.put("ATELIER_AUTH_BOOTSTRAP_TOKEN", token);
    try (ProgramProcess guarded =
        ProgramProcess.start(
            directory.resolve("api.log"),
            environment,
            List.of(
                ApiService.OPEN_BUFFERS,
                "-jar",
                new Installation(StackUnderTest.ROOT).apiJar().toString()))) {
      String open = api;
      api = "http://127.0.0.1:" + port;
      Waiting.until(
          () -> {
            assertThat(guarded.alive()).as("%s", guarded.log()).isTrue();
            return answers(api + "/q/health/ready");
          });
      browser.open(api);
      browser.await("dialog", "This server asks who you are");
      browser.picture("token");
      browser.type("dialog #token", "atl_" + "x".repeat(40));
      browser.click("dialog button", "Go on");
      browser.await("dialog p", "token"); // what is wrong with it
      browser.type("dialog #token", token);
      browser.click("dialog button", "Go on");
      browser.click("tbody a", "shapes, cut at 30");
      browser.await("h1", "shapes, cut at 30");
      browser.awaitTrue(
          "[...document.querySelectorAll('figure img')].length >= 3 && [...document.querySelectorAll('figure img')].every((i) => i.naturalWidth > 0)");
      assertThat(browser.consoleErrors())
          .allMatch(error -> error.contains("401")); // the first ones
      assertThat(browser.origins()).isSubsetOf(api, "null"); // null: blob: of a picture
      api = open;
      browser.open(api);
    }
  }

  private String canvas() {
    return (String) browser.evaluate("document.querySelector('.u-wrap canvas').toDataURL()");
  }

  private String launch(String path, String spec) throws Exception {
    var answer =
        http.send(
            StackUnderTest.request(endpoints, path)
                .header("Content-Type", "application/yaml")
                .POST(BodyPublishers.ofString(spec))
                .build(),
            BodyHandlers.ofString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(202);
    return answer.body().replaceAll("(?s).*\"id\":\"([^\"]+)\".*", "$1");
  }

  private boolean answers(String address) throws InterruptedException {
    try {
      return http.send(
                  HttpRequest.newBuilder(URI.create(address)).build(), BodyHandlers.discarding())
              .statusCode()
          == 200;
    } catch (java.io.IOException e) {
      return false; // not yet
    }
  }
}
