package dev.atelier.setup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.setup.SetupScripts.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the launcher says to who lacks a JDK, and what the tests need. */
class ToolsSetupTest {

  private static final String BIOME = "2.6.8";

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
            "Atelier needs a JDK 17 or later and Maven 3.8 or later. Install it with: sudo apt-get"
                + " install default-jdk-headless maven python3-venv chromium\n");
  }

  @Test
  void shouldSayAllThatTheTestsNeedBeforeItBringsAnyOfIt() throws Exception {
    withoutRoot();

    Result result =
        scripts.run(
            """
            temporal_on_path() { return 1; }
            for part in curl chromium pgbouncer python go minio versitygw kustomize helm actionlint node biome oidc_provider clients notebook_python; do eval "has_$part() { return 1; }"; done
            bring_python() { return 1; }
            bring_temporal() { return 1; }
            bring_go() { return 1; }
            find_go() { return 1; }
            bring_node() { return 1; }
            find_npm() { return 1; }
            prepare_tests
            """);

    assertThat(result.status()).isZero();
    assertThat(result.said())
        .containsSubsequence(
            "The tests need what this machine lacks:",
            "Chromium and its driver",
            "sudo apt-get install chromium chromium-driver",
            "PgBouncer",
            "Python with PyTorch",
            "2.9 GB",
            "pip install torch==",
            "Temporal 1.9.1",
            "Go ",
            "MinIO",
            "go install github.com/minio/minio@",
            "VersityGW",
            "Kustomize",
            "Helm",
            "actionlint",
            "Node ",
            "Biome ",
            "axe-core ",
            "oidc-provider ",
            "What generated clients need",
            "pip install -r api/clients/requirements.txt",
            "Python with MLflow, TensorBoard and Jupyter",
            "pip install -r api/clients/python/requirements.txt",
            "chromium chromium-driver cannot be installed without root",
            "Without Chromium and its driver the tests that need it are skipped.");
    assertThat(Files.readAllLines(folder.resolve("target/missing-parts")))
        .hasSize(17)
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
  void shouldTakeBiomeOfItsOwnVersionOnly() throws Exception {
    scripts.program("biome", "echo Version: 2.0.0");
    String has = "test_programs=$cache/programs; has_biome && echo mine || echo other";
    assertThat(scripts.run(has).said()).isEqualTo("other\n");

    scripts.program("biome", "echo Version: " + BIOME);
    assertThat(scripts.run(has).said()).isEqualTo("mine\n");
  }

  @Test
  void shouldKeepTheProgramAloneOfWhatNpmBrings() throws Exception {
    Files.createDirectories(folder.resolve("api"));
    for (String file : List.of("package.json", "package-lock.json")) {
      Files.writeString(folder.resolve("api").resolve(file), "{}");
    }
    scripts.program("node", "echo v20.0.0");
    scripts.program(
        "npm",
        "mkdir -p $3/node_modules/@biomejs/cli-linux-x64 && echo biome >"
            + " $3/node_modules/@biomejs/cli-linux-x64/biome");
    String bring =
        "test_programs=$cache/programs; mkdir -p $cache/programs/biome-1.0.0; bring_biome || true;"
            + " cd $cache/programs && find . -type f | sort; ls";

    assertThat(scripts.run(bring).said().replace("biome-" + BIOME, "biome-V"))
        .isEqualTo(
            "./biome-V/biome\n./biome-V/package-lock.json\n./biome-V/package.json\nbiome-V\n");

    scripts.program("npm", "echo npm error broken >&2; exit 1");
    assertThat(scripts.run(bring).said())
        .isEqualTo(
            "Cannot fetch Biome %s with npm: npm error broken (the log is %s/target/biome.log)\n"
                .formatted(BIOME, folder));
  }

  @Test
  void shouldKeepTheScriptAloneOfWhatNpmBringsForAxeCore() throws Exception {
    Files.createDirectories(folder.resolve("api"));
    for (String file : List.of("package.json", "package-lock.json")) {
      Files.writeString(folder.resolve("api").resolve(file), "{}");
    }
    scripts.program("node", "echo v20.0.0");
    scripts.program(
        "npm",
        "mkdir -p $3/node_modules/axe-core && echo axe > $3/node_modules/axe-core/axe.min.js");
    String bring =
        "test_programs=$cache/programs; bring_axe && has_axe && ls"
            + " $cache/programs/axe-core-$axe_version";
    assertThat(scripts.run(bring).said())
        .isEqualTo("axe.min.js\npackage-lock.json\npackage.json\n");

    scripts.program("npm", "echo npm error broken >&2; exit 1");
    assertThat(scripts.run(bring + "; has_axe || echo absent").said())
        .startsWith("Cannot fetch axe-core ")
        .contains("npm error broken")
        .endsWith("absent\n");
  }

  @Test
  void shouldMakeAProgramOfWhatNpmBringsForOidcProvider() throws Exception {
    Path files = folder.resolve("deploy/local/src/test/resources/oidc-provider");
    Files.createDirectories(files);
    for (String file : List.of("package.json", "package-lock.json")) {
      Files.writeString(files.resolve(file), "{}");
    }
    scripts.program("node", "[ \"$1\" = --version ] && echo v20.0.0 || cat \"$OIDC_PROVIDER\"");
    scripts.program(
        "npm",
        "mkdir -p $3/node_modules/oidc-provider/lib && echo library >"
            + " $3/node_modules/oidc-provider/lib/index.js");
    String bring =
        "test_programs=$cache/programs; bring_oidc_provider && has_oidc_provider && \"$(oidc_provider_folder)/oidc_provider\" script";
    assertThat(scripts.run(bring).said()).isEqualTo("library\n");

    scripts.program("npm", "echo npm error broken >&2; exit 1");
    assertThat(scripts.run(bring + "; has_oidc_provider || echo absent").said())
        .startsWith("Cannot fetch oidc-provider ")
        .contains("npm error broken")
        .endsWith("absent\n");
  }

  @Test
  void shouldTakeNoNodeThatIsTooOld() throws Exception {
    scripts.program("npm", "exit 1");
    scripts.program("node", "echo v18.19.0");
    String find = "find_npm && echo found || echo none";
    assertThat(scripts.run(find).said()).isEqualTo("none\n");

    scripts.program("node", "echo v20.19.2");
    assertThat(scripts.run(find).said()).isEqualTo("found\n");
  }

  @Test
  void shouldKeepNothingOfAProgramThatCannotBeBuilt() throws Exception {
    scripts.program(
        "go",
        "case $1 in version) echo go version go1.26.6 linux/amd64;; *) echo boom >&2; exit 1;;"
            + " esac");

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
