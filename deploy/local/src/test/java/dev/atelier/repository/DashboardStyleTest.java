package dev.atelier.repository;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.deploy.RequiresProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The dashboard's JavaScript is formatted by one program and has none of the faults it knows. */
class DashboardStyleTest {

  private static final Path API = Sources.ROOT.resolve("api");
  private static final String SCRIPTS = "src/main/resources/META-INF/resources";

  @TempDir private Path folder;

  @Test
  @RequiresProgram("biome")
  void shouldBeFormattedAndFreeOfFaults() throws Exception {
    Verdict verdict = check(API);

    assertThat(verdict.status())
        .as("%s%nIn api: biome check --write formats it.", verdict.said())
        .isZero();
  }

  @Test
  @RequiresProgram("biome")
  void shouldRefuseWhatIsNotFormattedOrReadByNobody() throws Exception {
    Files.copy(API.resolve("biome.json"), folder.resolve("biome.json"));
    Path script = Files.createDirectories(folder.resolve(SCRIPTS)).resolve("page.js");

    Files.writeString(script, "export const page = (id) => `/${id}`;\n");
    assertThat(check(folder).status()).isZero();

    Files.writeString(script, "export const page = (id) => { return  `/${id}`\n}\n");
    assertThat(check(folder).status()).isNotZero();

    Files.writeString(script, "import { h } from './dom.js';\n\nexport const page = 1;\n");
    Verdict unused = check(folder);
    assertThat(unused.status()).isNotZero();
    assertThat(unused.said()).contains("noUnusedImports");
  }

  @Test
  void shouldNameOneVersionOfBiome() throws IOException {
    String version =
        Sources.read("deploy/setup/tests.sh").replaceAll("(?s).*\nbiome_version=(\\S+).*", "$1");

    assertThat(Sources.read("api/package.json"))
        .contains("\"@biomejs/biome\": \"%s\"".formatted(version));
    assertThat(Sources.read("api/package-lock.json"))
        .contains("\"@biomejs/biome\": \"%s\"".formatted(version));
  }

  @Test
  void shouldNameOneVersionOfAxeCore() throws IOException {
    String version =
        Sources.read("deploy/setup/tests.sh").replaceAll("(?s).*\naxe_version=(\\S+).*", "$1");

    assertThat(Sources.read("api/package.json"))
        .contains("\"axe-core\": \"%s\"".formatted(version));
    assertThat(Sources.read("api/package-lock.json"))
        .contains("\"axe-core\": \"%s\"".formatted(version));
  }

  private static Verdict check(Path folder) throws IOException, InterruptedException {
    return Verdict.of(folder, "biome", "ci", "--error-on-warnings");
  }
}
