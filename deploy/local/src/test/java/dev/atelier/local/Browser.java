package dev.atelier.local;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import org.openqa.selenium.By;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.Keys;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.WindowType;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;
import org.openqa.selenium.support.ui.WebDriverWait;

/** Headless Chromium with a user in front of it. */
final class Browser implements AutoCloseable {

  private static final Duration PATIENCE = Duration.ofMinutes(2); // ends a hung test, no more

  private final ChromeDriver driver;
  private final Path pictures;

  /**
   * @param pictures folder of the screenshots
   * @param arguments further ones of Chromium's
   */
  Browser(Path chromium, Path chromedriver, Path pictures, String... arguments) throws IOException {
    this.pictures = Files.createDirectories(pictures);
    ChromeOptions options = new ChromeOptions();
    options.setBinary(chromium.toFile());
    options.addArguments("--headless=new", "--no-sandbox", "--disable-dev-shm-usage");
    options.addArguments(arguments);
    LoggingPreferences logs = new LoggingPreferences();
    logs.enable(LogType.BROWSER, Level.ALL);
    options.setCapability("goog:loggingPrefs", logs);
    ChromeDriverService service =
        new ChromeDriverService.Builder()
            .usingDriverExecutable(chromedriver.toFile())
            .usingAnyFreePort()
            .build();
    driver = new ChromeDriver(service, options);
    resize(1280, 900);
  }

  /** In CSS pixels. */
  void resize(int width, int height) {
    driver.manage().window().setSize(new Dimension(width, height));
    emulate(width, height);
  }

  // A window can be no narrower than Chromium allows, and no higher than its screen.
  private void emulate(int width, int height) {
    driver.executeCdpCommand(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
  }

  void dark(boolean dark) {
    driver.executeCdpCommand(
        "Emulation.setEmulatedMedia",
        Map.of(
            "features",
            List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light"))));
  }

  /** As on paper, or on the screen again; dark and with the system's colours where asked for. */
  void media(String media, boolean dark, boolean forcedColors) {
    driver.executeCdpCommand(
        "Emulation.setEmulatedMedia",
        Map.of(
            "media",
            media,
            "features",
            List.of(
                Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light"),
                Map.of("name", "forced-colors", "value", forcedColors ? "active" : "none"))));
  }

  /** As if the network were gone, or back. */
  void offline(boolean offline) {
    driver.executeCdpCommand("Network.enable", Map.of());
    driver.executeCdpCommand(
        "Network.emulateNetworkConditions",
        Map.of("offline", offline, "latency", 0, "downloadThroughput", -1, "uploadThroughput", -1));
  }

  /** Lets every request wait for an answer, until those that waited are let go. */
  void keepWaiting(boolean waiting) {
    driver.executeCdpCommand(waiting ? "Fetch.enable" : "Fetch.disable", Map.of());
  }

  /** Prints the page as a user does, to a file among the pictures. */
  byte[] print(String name) throws IOException {
    String data =
        (String)
            driver
                .executeCdpCommand("Page.printToPDF", Map.of("preferCSSPageSize", true))
                .get("data");
    byte[] pdf = Base64.getDecoder().decode(data);
    Files.write(pictures.resolve(name + ".pdf"), pdf);
    return pdf;
  }

  /**
   * What axe-core finds wrong with the page: the rule, where, and why.
   *
   * @param axe its source
   */
  @SuppressWarnings("unchecked")
  List<String> faults(String axe) {
    driver.executeScript(axe);
    return (List<String>)
        evaluateLater(
            "axe.run(document, {resultTypes: ['violations']}).then((found) =>"
                + " found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join('"
                + " ')}: ${n.failureSummary}`)))");
  }

  void open(String address) {
    driver.get("about:blank"); // else a change behind # would load nothing
    driver.get(address);
  }

  /** Opens an address in another tab, as a user who types it. */
  void openTab(String address) {
    driver.switchTo().newWindow(WindowType.TAB);
    driver.get(address);
  }

  /** The addresses of this tab's history, the present one last. */
  List<String> history() {
    List<?> entries =
        (List<?>) driver.executeCdpCommand("Page.getNavigationHistory", Map.of()).get("entries");
    return entries.stream().map(entry -> String.valueOf(((Map<?, ?>) entry).get("url"))).toList();
  }

  /** The cookies that it keeps for a host, scripts' or not. */
  @SuppressWarnings("unchecked")
  List<Map<String, Object>> cookies(String host) {
    List<Map<String, Object>> all =
        (List<Map<String, Object>>)
            driver.executeCdpCommand("Network.getAllCookies", Map.of()).get("cookies");
    return all.stream().filter(cookie -> host.equals(cookie.get("domain"))).toList();
  }

  /** How many tabs there are. */
  int tabs() {
    return driver.getWindowHandles().size();
  }

  /** What scripts get of an asynchronous expression, such as a fetch. */
  Object evaluateLater(String javaScript) {
    return driver.executeAsyncScript(
        "const done = arguments[arguments.length - 1]; (%s).then(done, (e) => done(String(e)))"
            .formatted(javaScript));
  }

  /** The first element that the selector names, once there is one. */
  WebElement await(String css) {
    return await(css, "");
  }

  /** The first element that the selector names and that has the text, once there is one. */
  WebElement await(String css, String text) {
    return wait("'%s' with '%s'".formatted(css, text))
        .until(
            unused ->
                driver.findElements(By.cssSelector(css)).stream()
                    .filter(e -> e.isDisplayed() && e.getText().contains(text))
                    .findFirst()
                    .orElse(null));
  }

  void awaitGone(String css, String text) {
    wait("no '%s' with '%s'".formatted(css, text))
        .until(
            unused ->
                driver.findElements(By.cssSelector(css)).stream()
                    .noneMatch(e -> e.isDisplayed() && e.getText().contains(text)));
  }

  /** Waits until the expression is true. */
  void awaitTrue(String javaScript) {
    wait(javaScript).until(unused -> Boolean.TRUE.equals(evaluate(javaScript)));
  }

  private WebDriverWait wait(String what) {
    WebDriverWait wait = new WebDriverWait(driver, PATIENCE, Duration.ofMillis(100));
    wait.ignoring(StaleElementReferenceException.class); // drawn anew just now
    wait.withMessage(() -> "It did not come: " + what + "\n" + pageText());
    return wait;
  }

  private String pageText() {
    return driver.findElement(By.tagName("body")).getText();
  }

  /** Clicks it, once it is there; again where it was drawn anew just then. */
  void click(String css, String text) {
    wait("'%s' with '%s', to be clicked".formatted(css, text))
        .until(
            unused -> {
              await(css, text).click();
              return true;
            });
  }

  /** Puts the text into a field in place of what is there. */
  void type(String css, String text) {
    WebElement field = await(css);
    field.sendKeys(Keys.chord(Keys.CONTROL, "a"), Keys.DELETE);
    field.sendKeys(text);
  }

  Object evaluate(String javaScript) {
    return driver.executeScript("return " + javaScript);
  }

  int count(String css) {
    return driver.findElements(By.cssSelector(css)).size();
  }

  String address() {
    return driver.getCurrentUrl();
  }

  /** Saves what is on the whole page, as on a screen that is as high. */
  void picture(String name) throws IOException {
    Number height = (Number) evaluate("document.documentElement.scrollHeight");
    Number shown = (Number) evaluate("window.innerHeight");
    int width = ((Number) evaluate("window.innerWidth")).intValue();
    emulate(width, Math.min(6000, Math.max(shown.intValue(), height.intValue())));
    Files.write(pictures.resolve(name + ".png"), driver.getScreenshotAs(OutputType.BYTES));
    emulate(width, shown.intValue());
  }

  /** Errors of the console since the last call, such as an exception; a refused request is none. */
  List<String> consoleErrors() {
    return driver.manage().logs().get(LogType.BROWSER).getAll().stream()
        .filter(entry -> entry.getLevel().intValue() >= Level.SEVERE.intValue())
        .map(LogEntry::getMessage)
        .filter(message -> !message.contains("status of 422") && !message.contains("status of 401"))
        .toList();
  }

  /** The hosts that the page has asked for anything. */
  @SuppressWarnings("unchecked")
  List<String> origins() {
    return (List<String>)
        evaluate(
            "[...new Set(performance.getEntriesByType('resource').map((e) => new URL(e.name).origin))]");
  }

  @Override
  public void close() {
    driver.quit();
  }
}
