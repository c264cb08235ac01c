package dev.atelier.run;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.run.TestRun.MissingPart;
import dev.atelier.run.TestRun.Outcome;
import dev.atelier.run.TestRun.Progress;
import dev.atelier.run.TestRun.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TestRunTest {

  private static final Outcome PASSED =
      new Outcome("dev.atelier.AtelierTest.shouldA", Result.PASSED, "");
  private static final Outcome WANTS_MINIO =
      new Outcome("dev.atelier.store.MinioTest.shouldStore", Result.SKIPPED, "missing: minio");
  private static final Outcome WANTS_ROOT =
      new Outcome(
          "dev.atelier.local.FaultsIT.shouldFill",
          Result.SKIPPED,
          "A small disk takes root to mount.");

  @TempDir private Path folder;

  @Test
  void shouldReadHowEachTestOfAReportEnded() throws Exception {
    Path report =
        Files.writeString(
            folder.resolve("TEST-a.xml"),
            """
            <testsuite>
              <testcase classname="dev.atelier.ATest" name="shouldPass" time="0.1"/>
              <testcase classname="dev.atelier.ATest" name="shouldFail">
                <failure message="expected: 1">expected: 1
                  at dev.atelier.ATest</failure></testcase>
              <testcase classname="dev.atelier.ATest" name="shouldThrow"><error>boom</error></testcase>
              <testcase classname="dev.atelier.ATest" name="shouldAssume"><skipped
                message="Assumption failed: missing: temporal"/></testcase>
              <testcase classname="dev.atelier.ATest" name="shouldBeDisabled"><skipped
                message="missing: minio"/></testcase>
              <testcase classname="dev.atelier.ATest" name="shouldSay"><skipped>
                org.opentest4j.TestAbortedException: Assumption failed: no reason</skipped></testcase>
            </testsuite>
            """);

    assertThat(TestRun.read(report))
        .containsExactly(
            new Outcome("dev.atelier.ATest.shouldPass", Result.PASSED, ""),
            new Outcome(
                "dev.atelier.ATest.shouldFail",
                Result.FAILED,
                "expected: 1\n      at dev.atelier.ATest"),
            new Outcome("dev.atelier.ATest.shouldThrow", Result.FAILED, "boom"),
            new Outcome("dev.atelier.ATest.shouldAssume", Result.SKIPPED, "missing: temporal"),
            new Outcome("dev.atelier.ATest.shouldBeDisabled", Result.SKIPPED, "missing: minio"),
            new Outcome("dev.atelier.ATest.shouldSay", Result.SKIPPED, "no reason"));
  }

  @Test
  void shouldCountInOneLineAndTellWhatWasMissingForWhichTestsAndHowToGetIt() {
    Map<String, MissingPart> parts =
        Map.of("minio", new MissingPart("MinIO", "built in some minutes", "go install minio@v1"));

    List<String> lines =
        TestRun.closing(
            List.of(PASSED, WANTS_MINIO, WANTS_MINIO, WANTS_ROOT), parts, Duration.ofSeconds(75));

    assertThat(lines)
        .containsExactly(
            "",
            "In 1:15:",
            "1 passed, 0 failed, 3 skipped",
            "",
            "Skipped, for want of | tests | to get it",
            "A small disk takes root to mount. | FaultsIT (1) | —",
            "MinIO (built in some minutes) | MinioTest (2) | go install minio@v1");
  }

  @Test
  void shouldShowEachFailureAndNoTableWhenNothingWasSkipped() {
    Outcome failed =
        new Outcome("dev.atelier.ATest.shouldFail", Result.FAILED, "expected: 1\n at x");

    assertThat(TestRun.closing(List.of(PASSED, failed), Map.of(), Duration.ofSeconds(1)))
        .containsExactly(
            "",
            "FAILED dev.atelier.ATest.shouldFail",
            "    expected: 1",
            "     at x",
            "In 0:01:",
            "1 passed, 1 failed, 0 skipped");
  }

  @Test
  void shouldMindEverySkipButOneThatCannotApply() {
    assertThat(TestRun.mindedSkips(List.of(PASSED, WANTS_MINIO, WANTS_ROOT)))
        .containsExactly(WANTS_MINIO);
    assertThat(TestRun.mindedSkips(List.of(PASSED, WANTS_ROOT))).isEmpty();
  }

  @Test
  void shouldReadWhatTheLauncherCouldNotBring() throws Exception {
    Path file =
        Files.writeString(folder.resolve("missing-parts"), "minio|MinIO|built|go install a | b\n");

    assertThat(TestRun.missingParts(file))
        .isEqualTo(Map.of("minio", new MissingPart("MinIO", "built", "go install a | b")));
    assertThat(TestRun.missingParts(folder.resolve("none"))).isEmpty();
  }

  @Test
  void shouldTellEachClassAsItEndsWithWhatIsLeftAndAFailureAtOnce() {
    List<String> said = new ArrayList<>();
    Progress progress = new Progress(Map.of("dev.ATest", 60.0, "dev.BTest", 60.0), said::add);

    progress.line("[INFO] Running dev.ATest");
    progress.line("[ERROR] dev.ATest.shouldFail -- Time elapsed: 0.1 s <<< FAILURE!");
    progress.line(
        "[ERROR] Tests run: 4, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 12.25 s <<< FAILURE! -- in dev.ATest");
    progress.line(
        "[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 1 s -- in dev.BTest");

    assertThat(said).hasSize(3);
    assertThat(said.get(0)).isEqualTo("FAILED dev.ATest.shouldFail");
    assertThat(said.get(1)).contains("about 1 min left").endsWith("ATest, 4 tests, 12.3 s");
    assertThat(said.get(2)).contains("100 %").endsWith("BTest, 2 tests, 1.0 s");
  }
}
