package dev.atelier.run;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

/**
 * Runs the tests through Maven, cheap ones first, and says in the end what passed, failed and was
 * skipped. One file without dependencies: the launcher starts its source before anything is built.
 *
 * <p>Arguments: the source tree; {@code local}, or {@code ci} where a skip is a failure; {@code
 * quick} or {@code whole}.
 */
public final class TestRun {

  /** What is asked of Maven, in this order. */
  enum Phase {
    /** Needs nothing but a JDK: two modules at once. */
    QUICK("-T 2 -DskipITs -Dtests.excludedGroups=real|slow"),
    /** Real servers, browsers and Python, what waits for time-outs, and the integration tests. */
    REAL("-T 2 -Dtests.groups=real|slow -Dspotless.check.skip");

    private final String arguments;

    Phase(String arguments) {
      this.arguments = arguments;
    }
  }

  /** How a test ended. */
  enum Result {
    PASSED,
    FAILED,
    SKIPPED
  }

  /**
   * A test that has ended.
   *
   * @param name class and method
   * @param detail why it failed or was skipped; empty: it passed
   */
  record Outcome(String name, Result result, String detail) {}

  /**
   * Why a test can't apply to a machine at all: such a skip is none that continuous integration
   * minds.
   */
  enum Inapplicable {
    NO_ROOT("takes root to mount"),
    NO_POOLER("PgBouncer cannot be had here"),
    GPU_HIDDEN("Environment variable [CUDA_VISIBLE_DEVICES]");

    private final String text;

    Inapplicable(String text) {
      this.text = text;
    }

    static boolean covers(String reason) {
      return Arrays.stream(values()).anyMatch(known -> reason.contains(known.text));
    }
  }

  /** What a machine lacks, and how to get it. */
  record MissingPart(String what, String size, String command) {}

  private static final Pattern CLASS_ENDED =
      Pattern.compile(
          "Tests run: (\\d+), Failures: (\\d+), Errors: (\\d+), Skipped: (\\d+), Time elapsed: ([\\d.]+) s.* in (\\S+)");
  private static final Pattern TEST_FAILED =
      Pattern.compile("\\[ERROR] (\\S+) .*<<< (?:FAILURE|ERROR)!");
  private static final Pattern MISSING = Pattern.compile("missing: (\\w+)");
  private static final List<String> REPORTS = List.of("surefire-reports", "failsafe-reports");
  private static final int DETAIL_LINES = 12;

  private final Path home;
  private final List<Outcome> outcomes = new ArrayList<>();
  private final Progress progress;

  private TestRun(Path home, Progress progress) {
    this.home = home;
    this.progress = progress;
  }

  public static void main(String[] arguments) throws Exception {
    Path home = Path.of(arguments[0]);
    boolean skipsFail = arguments[1].equals("ci");
    boolean whole = arguments[2].equals("whole");
    List<Phase> phases = whole ? List.of(Phase.values()) : List.of(Phase.QUICK);
    Progress progress = new Progress(Progress.expected(home, phases), System.out::println);
    boolean good = new TestRun(home, progress).run(phases, skipsFail);
    System.exit(good ? 0 : 1);
  }

  private boolean run(List<Phase> phases, boolean skipsFail)
      throws IOException, InterruptedException {
    Path log = home.resolve("target").resolve("test.log");
    Files.createDirectories(log.getParent());
    System.out.printf(
        "Builds and tests, about %s on two cores; the log is %s.%n",
        Progress.minutes(progress.expectedSeconds()), log);
    boolean good = true;
    try (BufferedWriter out = Files.newBufferedWriter(log)) {
      for (Phase phase : phases) {
        deleteReports();
        boolean built = maven(phase, out);
        List<Outcome> ended = reports();
        outcomes.addAll(ended);
        boolean failed = ended.stream().anyMatch(o -> o.result() == Result.FAILED);
        if (!built || failed || ended.isEmpty()) {
          System.out.println(
              failed
                  ? "Tests failed; what comes after them was not run."
                  : "The build failed, or ran no test; the log says why: " + log);
          good = false;
          break;
        }
        if (phase == Phase.REAL && ended.stream().noneMatch(o -> o.name().contains("IT."))) {
          System.out.println(
              "The integration tests did not run: is maven-failsafe-plugin in deploy/local/pom.xml?");
          good = false;
        }
      }
    }
    progress.write(home.resolve("target").resolve("test-seconds.csv"));
    List<Outcome> minded = skipsFail ? mindedSkips(outcomes) : List.of();
    closing(
            outcomes,
            missingParts(home.resolve("target").resolve("missing-parts")),
            progress.elapsed())
        .forEach(System.out::println);
    if (!minded.isEmpty()) {
      System.out.printf("%d skips are failures here.%n", minded.size());
    }
    return good && minded.isEmpty();
  }

  private boolean maven(Phase phase, BufferedWriter log) throws IOException, InterruptedException {
    // Failures are in the reports, and those of one module don't hide another's.
    List<String> command =
        new ArrayList<>(List.of("mvn", "-B", "-ntp", "-Dmaven.test.failure.ignore", "verify"));
    command.addAll(List.of(phase.arguments.split(" ")));
    Process maven =
        new ProcessBuilder(command).directory(home.toFile()).redirectErrorStream(true).start();
    maven.getOutputStream().close();
    List<String> errors = new ArrayList<>();
    try (BufferedReader lines = maven.inputReader()) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        log.write(line);
        log.newLine();
        progress.line(line);
        if (line.startsWith("[ERROR]") && errors.size() < 60) {
          errors.add(line);
        }
      }
    }
    log.flush();
    boolean good = maven.waitFor() == 0;
    if (!good && errors.stream().noneMatch(line -> TEST_FAILED.matcher(line).find())) {
      errors.forEach(System.out::println);
    }
    return good;
  }

  /** What continuous integration does not let pass: every skip of what could apply. */
  static List<Outcome> mindedSkips(List<Outcome> outcomes) {
    return outcomes.stream()
        .filter(o -> o.result() == Result.SKIPPED && !Inapplicable.covers(o.detail()))
        .toList();
  }

  /** The end of a run: each failure, the line that counts, and a table of what was skipped. */
  static List<String> closing(
      List<Outcome> outcomes, Map<String, MissingPart> missingParts, Duration elapsed) {
    List<String> lines = new ArrayList<>();
    lines.add("");
    for (Outcome outcome : outcomes) {
      if (outcome.result() == Result.FAILED) {
        lines.add("FAILED " + outcome.name());
        outcome.detail().lines().limit(DETAIL_LINES).forEach(line -> lines.add("    " + line));
      }
    }
    lines.add("In %s:".formatted(Progress.clock(elapsed.toSeconds())));
    lines.add(
        "%d passed, %d failed, %d skipped"
            .formatted(
                count(outcomes, Result.PASSED),
                count(outcomes, Result.FAILED),
                count(outcomes, Result.SKIPPED)));
    lines.addAll(skipTable(outcomes, missingParts));
    return lines;
  }

  private static long count(List<Outcome> outcomes, Result result) {
    return outcomes.stream().filter(o -> o.result() == result).count();
  }

  private static List<String> skipTable(
      List<Outcome> outcomes, Map<String, MissingPart> missingParts) {
    Map<String, Map<String, Long>> testsByReason = new LinkedHashMap<>();
    outcomes.stream()
        .filter(o -> o.result() == Result.SKIPPED)
        .sorted(Comparator.comparing(Outcome::detail))
        .forEach(
            o ->
                testsByReason
                    .computeIfAbsent(o.detail(), reason -> new TreeMap<>())
                    .merge(className(o.name()), 1L, Long::sum));
    if (testsByReason.isEmpty()) {
      return List.of();
    }
    List<String> lines = new ArrayList<>(List.of("", "Skipped, for want of | tests | to get it"));
    testsByReason.forEach(
        (reason, tests) -> {
          Optional<MissingPart> part =
              Optional.of(MISSING.matcher(reason))
                  .filter(Matcher::find)
                  .map(found -> missingParts.get(found.group(1)));
          lines.add(
              "%s | %s | %s"
                  .formatted(
                      part.map(p -> "%s (%s)".formatted(p.what(), p.size())).orElse(reason),
                      tests.entrySet().stream()
                          .map(test -> "%s (%d)".formatted(test.getKey(), test.getValue()))
                          .collect(Collectors.joining(", ")),
                      part.map(MissingPart::command).orElse("—")));
        });
    return lines;
  }

  private static String className(String name) {
    String withoutMethod = name.substring(0, name.lastIndexOf('.'));
    return withoutMethod.substring(withoutMethod.lastIndexOf('.') + 1);
  }

  /** Reads what the launcher could not bring: {@code name|what|size|command} in each line. */
  static Map<String, MissingPart> missingParts(Path file) throws IOException {
    Map<String, MissingPart> parts = new HashMap<>();
    if (Files.exists(file)) {
      for (String line : Files.readAllLines(file)) {
        String[] fields = line.split("\\|", 4);
        parts.put(fields[0], new MissingPart(fields[1], fields[2], fields[3]));
      }
    }
    return parts;
  }

  private List<Outcome> reports() throws IOException {
    List<Outcome> found = new ArrayList<>();
    for (Path folder : reportFolders()) {
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.filter(f -> f.toString().endsWith(".xml")).sorted().toList()) {
          if (file.getFileName().toString().startsWith("TEST-")) {
            found.addAll(read(file));
          }
        }
      }
    }
    return found;
  }

  /** Reads the outcomes in one of Surefire's or Failsafe's reports. */
  static List<Outcome> read(Path report) throws IOException {
    try {
      NodeList cases =
          DocumentBuilderFactory.newInstance()
              .newDocumentBuilder()
              .parse(report.toFile())
              .getElementsByTagName("testcase");
      List<Outcome> found = new ArrayList<>();
      for (int i = 0; i < cases.getLength(); i++) {
        Element test = (Element) cases.item(i);
        String name = test.getAttribute("classname") + "." + test.getAttribute("name");
        Optional<Element> failure = child(test, "failure").or(() -> child(test, "error"));
        Optional<Element> skip = child(test, "skipped");
        if (failure.isPresent()) {
          found.add(new Outcome(name, Result.FAILED, failure.get().getTextContent().strip()));
        } else if (skip.isPresent()) {
          found.add(new Outcome(name, Result.SKIPPED, reason(skip.get())));
        } else {
          found.add(new Outcome(name, Result.PASSED, ""));
        }
      }
      return found;
    } catch (ParserConfigurationException | SAXException e) {
      throw new IOException("Cannot read the report %s: %s".formatted(report, e.getMessage()), e);
    }
  }

  private static Optional<Element> child(Element test, String name) {
    return Optional.ofNullable((Element) test.getElementsByTagName(name).item(0));
  }

  private static String reason(Element skip) {
    String message = skip.getAttribute("message");
    String text = message.isEmpty() ? skip.getTextContent().strip() : message;
    return text.lines()
        .findFirst()
        .map(line -> line.replaceFirst("^(\\S+Exception: )?(Assumption failed: )?", ""))
        .filter(line -> !line.isBlank())
        .orElse("no reason given");
  }

  private List<Path> reportFolders() throws IOException {
    try (Stream<Path> modules =
        Stream.of(
                "workflows",
                "store",
                "activities",
                "migrations",
                "api",
                "deploy/cli",
                "deploy/local")
            .map(home::resolve)) {
      return modules
          .flatMap(module -> REPORTS.stream().map(r -> module.resolve("target").resolve(r)))
          .filter(Files::isDirectory)
          .toList();
    }
  }

  private void deleteReports() throws IOException {
    for (Path folder : reportFolders()) {
      Files.walkFileTree(
          folder,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              Files.delete(file);
              return FileVisitResult.CONTINUE;
            }
          });
    }
  }

  /** Tells after each class of tests how far a run is, from what each took another time. */
  static final class Progress {

    private static final double SETTLED_SECONDS =
        60; // of a run: until then, what was expected counts

    private final Map<String, Double> expected; // seconds by class, of what hasn't ended yet
    private final double expectedSeconds;
    private final Consumer<String> out;
    private final Map<String, Double> measured = new TreeMap<>();
    private final long start = System.nanoTime();
    private double done;

    Progress(Map<String, Double> expected, Consumer<String> out) {
      this.expected = new HashMap<>(expected);
      this.expectedSeconds = sum(expected);
      this.out = out;
    }

    /** Reads {@code class,phase,seconds} of the phases that are to run. */
    static Map<String, Double> expected(Path home, List<Phase> phases) throws IOException {
      Path file = home.resolve("deploy/setup/test-seconds.csv");
      Map<String, Double> seconds = new HashMap<>();
      for (String line : Files.readAllLines(file)) {
        String[] fields = line.split(",", -1);
        if (fields.length == 2 && (phases.contains(Phase.REAL) || !fields[0].endsWith("IT"))) {
          seconds.put(fields[0], Double.parseDouble(fields[1]));
        }
      }
      return seconds;
    }

    double expectedSeconds() {
      return expectedSeconds;
    }

    Duration elapsed() {
      return Duration.ofNanos(System.nanoTime() - start);
    }

    /** Takes a line of Maven's output. */
    void line(String line) {
      Matcher failed = TEST_FAILED.matcher(line);
      if (failed.find() && !line.contains("Tests run:")) {
        out.accept("FAILED " + failed.group(1));
      }
      Matcher ended = CLASS_ENDED.matcher(line);
      if (ended.find()) {
        ended(ended.group(6), Integer.parseInt(ended.group(1)), Double.parseDouble(ended.group(5)));
      }
    }

    private void ended(String test, int tests, double seconds) {
      measured.merge(test, seconds, Double::sum);
      done += Optional.ofNullable(expected.remove(test)).orElse(0.0);
      double elapsed = elapsed().toMillis() / 1000.0;
      double pace = (elapsed + SETTLED_SECONDS) / (done + SETTLED_SECONDS);
      double left = sum(expected) * pace;
      out.accept(
          "%6s  %3d %%  %-17s %s, %d tests, %s s"
              .formatted(
                  clock((long) elapsed),
                  left == 0 ? 100 : Math.round(100 * elapsed / (elapsed + left)),
                  "about %s left".formatted(minutes(left)),
                  test.substring(test.lastIndexOf('.') + 1),
                  tests,
                  String.format(Locale.ROOT, "%.1f", seconds)));
    }

    /** Keeps what each class took: the next estimate, once it is copied to where that is read. */
    void write(Path file) {
      try {
        Files.write(
            file,
            measured.entrySet().stream()
                .map(e -> String.format(Locale.ROOT, "%s,%.1f", e.getKey(), e.getValue()))
                .toList());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    static String minutes(double seconds) {
      return seconds < 60 ? "1 min" : Math.round(seconds / 60) + " min";
    }

    static String clock(long seconds) {
      return "%d:%02d".formatted(seconds / 60, seconds % 60);
    }

    private static double sum(Map<String, Double> seconds) {
      return seconds.values().stream().mapToDouble(Double::doubleValue).sum();
    }
  }
}
