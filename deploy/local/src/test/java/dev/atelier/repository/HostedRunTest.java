package dev.atelier.repository;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.deploy.RequiresProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The workflow that a code host runs on every change. */
class HostedRunTest {

  private static final String WORKFLOW = ".github/workflows/tests.yml";
  private static final Pattern ACTION = Pattern.compile("(?m)uses: (.*)$");

  @TempDir private Path folder;

  @Test
  void shouldRunWhatIsRunAnywhereElseAndNothingOfItsOwn() throws Exception {
    assertThat(Sources.read(WORKFLOW)).contains("run: .ci/run\n").doesNotContain("mvn ");
  }

  @Test
  void shouldPinActionsByTheHashOfACommit() throws Exception {
    List<String> actions =
        ACTION.matcher(Sources.read(WORKFLOW)).results().map(found -> found.group(1)).toList();

    assertThat(actions)
        .isNotEmpty()
        .allMatch(action -> action.matches("\\S+@[0-9a-f]{40} # v[0-9.]+"));
  }

  @Test
  @RequiresProgram("actionlint")
  void shouldBeAWorkflowThatActionlintTakes() throws Exception {
    Verdict verdict = lint(Sources.ROOT.resolve(WORKFLOW));
    assertThat(verdict.status()).as(verdict.said()).isZero();

    String misspelt = Sources.read(WORKFLOW).replace("runs-on:", "run-on:");
    Verdict refusal = lint(Files.writeString(folder.resolve("tests.yml"), misspelt));
    assertThat(refusal.status()).isNotZero();
    assertThat(refusal.said()).contains("run-on");
  }

  private static Verdict lint(Path file) throws IOException, InterruptedException {
    return Verdict.of(
        Sources.ROOT,
        "actionlint",
        "-shellcheck=", // the verdict is the same whatever else a machine has
        "-pyflakes=",
        file.toString());
  }
}
