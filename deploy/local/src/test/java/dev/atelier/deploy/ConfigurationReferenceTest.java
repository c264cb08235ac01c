package dev.atelier.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Keeps docs/configuration.md true: its tables are those of the sources. {@code
 * -Datelier.docs.write=true} writes them anew.
 */
class ConfigurationReferenceTest {

  private static final Path ROOT = Path.of("../..").toAbsolutePath().normalize();
  private static final Path PAGE = ROOT.resolve("docs/configuration.md");

  @Test
  void shouldListEverySettingOfTheProgramsInTheDocs() throws IOException {
    String page = Files.readString(PAGE);
    String expected =
        with(
            with(
                page,
                "worker",
                "activities/src/main/java/dev/atelier/worker/WorkerConfig.java",
                "activities/src/main/java/dev/atelier/webhook/MailServer.java"),
            "api",
            "api/src/main/java/dev/atelier/api/AtelierConfig.java");
    if (Boolean.getBoolean("atelier.docs.write")) {
      Files.writeString(PAGE, expected);
      return;
    }
    assertThat(page)
        .as("docs/configuration.md is stale: run this test with -Datelier.docs.write=true")
        .isEqualTo(expected);
  }

  @Test
  void shouldDescribeASettingByItsSource(@TempDir Path directory) throws IOException {
    String table =
        ConfigurationReference.of(
            source(
                directory,
                """
                interface C {
                  Part somePart();
                  interface Part {
                    /** Bytes of {@code x|y}, at most. */
                    @WithDefault("4")
                    int maxBytes();
                    /** Where it is. */
                    Optional<Path> file();
                    /** Its name. */
                    String name();
                  }
                }
                """));
    assertThat(table)
        .contains(
            "| `atelier.some-part.max-bytes` | `ATELIER_SOME_PART_MAX_BYTES` | number | `4` | Bytes of `x\\|y`, at most. |")
        .contains(
            "| `atelier.some-part.file` | `ATELIER_SOME_PART_FILE` | file |  | Where it is. |")
        .contains("| `ATELIER_SOME_PART_NAME` | text | **required** | Its name. |");
  }

  @Test
  void shouldRefuseASettingWithoutADescription(@TempDir Path directory) throws IOException {
    Path source = source(directory, "interface C { String name(); }");
    assertThatThrownBy(() -> ConfigurationReference.of(source))
        .hasMessage("atelier.name has no Javadoc.");
  }

  private static Path source(Path directory, String text) throws IOException {
    return Files.writeString(directory.resolve("C.java"), text);
  }

  private static String with(String page, String program, String source, String... ofTypes)
      throws IOException {
    Pattern part =
        Pattern.compile(
            "(<!-- %s: written by ConfigurationReferenceTest -->\n).*?(<!-- end of %s -->)"
                .formatted(program, program),
            Pattern.DOTALL);
    Matcher matcher = part.matcher(page);
    assertThat(matcher.find()).as("docs/configuration.md has a part for %s", program).isTrue();
    return matcher.replaceFirst(
        Matcher.quoteReplacement(
            matcher.group(1)
                + ConfigurationReference.of(
                    ROOT.resolve(source),
                    Stream.of(ofTypes).map(ROOT::resolve).toArray(Path[]::new))
                + matcher.group(2)));
  }
}
