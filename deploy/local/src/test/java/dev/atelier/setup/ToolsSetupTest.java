package dev.atelier.setup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.setup.SetupScripts.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the launcher says to who lacks a JDK, and what the tests need. */
class ToolsSetupTest {

  @TempDir private Path folder;
  private SetupScripts scripts;

  @BeforeEach
  void prepare() throws Exception {
    scripts = new SetupScripts(folder);
  }

  private void withoutRoot() throws Exception {
    scripts.program("id", "echo 1000");
    scripts.program("sudo", "exit 1");
  }

  @Test
  void shouldNameEverythingInOneSentenceWhenItMayNotInstall() throws Exception {
    withoutRoot();

    Result result =
        scripts.run(
            """
            find_jdk() { return 1; }
            find_maven() { return 1; }
            require_tools with-maven python3-venv chromium
            """);

    assertThat(result.status()).isEqualTo(1);
    assertThat(result.said())
        .isEqualTo(
            "Atelier needs a JDK 17 or later and Maven 3.8 or later. Install it with: sudo apt-get install default-jdk-headless maven python3-venv chromium\n");
  }

  @Test
  void shouldSayAllThatTheTestsNeedBeforeItBringsAnyOfIt() throws Exception {
    withoutRoot();

    Result result =
        scripts.run(
            """
            temporal_on_path() { return 1; }
            for part in curl chromium python go minio versitygw kustomize; do eval "has_$part() { return 1; }"; done
            bring_python() { return 1; }
            bring_temporal() { return 1; }
            bring_go() { return 1; }
            find_go() { return 1; }
            prepare_tests
            """);

    assertThat(result.status()).isZero();
    assertThat(result.said())
        .containsSubsequence(
            "The tests need what this machine lacks:",
            "Chromium and its driver",
            "sudo apt-get install chromium chromium-driver",
            "Python with PyTorch",
            "2.8 GB",
            "pip install torch==",
            "Temporal 1.9.1",
            "Go ",
            "MinIO",
            "go install github.com/minio/minio@",
            "VersityGW",
            "Kustomize",
            "chromium chromium-driver cannot be installed without root",
            "Without Chromium and its driver the tests that need it are skipped.");
    assertThat(Files.readAllLines(folder.resolve("target/missing-parts")))
        .hasSize(8)
        .allMatch(line -> line.split("\\|", -1).length == 4);
  }

  @Test
  void shouldFindAGoThatIsNewEnoughAndNoOlderOne() throws Exception {
    scripts.program("go", "echo go version go1.19.8 linux/amd64");
    String find = "is_new_go \"%s/bin/go\" && echo new || echo old".formatted(folder);
    assertThat(scripts.run(find).said()).isEqualTo("old\n");

    scripts.program("go", "echo go version go1.26.6 linux/amd64");
    assertThat(scripts.run(find).said()).isEqualTo("new\n");
  }

  @Test
  void shouldKeepNothingOfAProgramThatCannotBeBuilt() throws Exception {
    scripts.program(
        "go",
        "case $1 in version) echo go version go1.26.6 linux/amd64;; *) echo boom >&2; exit 1;; esac");

    Result result =
        scripts.run(
            """
            test_programs=$cache/programs
            go=%s/bin/go
            find_go() { true; }
            has_minio() { [ -x "$(go_program_folder minio "$minio_module")/minio" ]; }
            bring_parts minio
            has_minio || echo absent
            """
                .formatted(folder));

    assertThat(result.said())
        .contains("Cannot build minio: boom", "Without MinIO the tests that need it are skipped.")
        .endsWith("absent\n");
  }
}
