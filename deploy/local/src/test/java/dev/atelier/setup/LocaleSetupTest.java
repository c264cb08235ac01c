package dev.atelier.setup;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Under any locale the launcher's programs take names and arguments as UTF-8. */
class LocaleSetupTest {

  /** Prints how many files of a folder it can name, and whether it can open its argument. */
  private static final String NAMES =
      """
      import java.nio.file.*;
      public class Names {
        public static void main(String[] args) throws Exception {
          long named;
          try (var files = Files.list(Path.of(args[0]))) {
            named = files.filter(f -> f.getFileName().toString().matches("[äöü]\\\\.png")).count();
          }
          String opened;
          try {
            opened = Files.exists(Path.of(args[1])) ? "opened" : "missing";
          } catch (InvalidPathException e) {
            opened = "no path";
          }
          System.out.println(named + " " + opened);
        }
      }
      """;

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"C", "POSIX", "de_DE.UTF-8", "xx_XX"})
  void shouldNameEveryFileUnderAnyLocale(String locale) throws Exception {
    assertThat(names(new SetupScripts(folder).with("LC_ALL", locale), "use_utf8"))
        .endsWith("3 opened\n"); // after bash's warning of a locale that isn't there
  }

  /** Else the test above would prove nothing. */
  @Test
  void shouldNeedItUnderTheLocaleC() throws Exception {
    assertThat(names(new SetupScripts(folder).with("LC_ALL", "C"), "true"))
        .doesNotContain("opened");
  }

  @Test
  void shouldBeSetBeforeTheLauncherStartsAnything() throws Exception {
    String launcher = Files.readString(Path.of("../../atelier"));
    assertThat(launcher).containsOnlyOnce("\nuse_utf8\n");
    assertThat(launcher.substring(0, launcher.indexOf("\nuse_utf8\n")))
        .doesNotContain("\nchoose_cache", "\nbuild\n", "\nexec ");
  }

  private String names(SetupScripts scripts, String before) throws Exception {
    Path program = Files.writeString(folder.resolve("Names.java"), NAMES);
    return scripts
        .run(
            """
            %1$s
            mkdir -p "$HOME/images"
            touch "$HOME"/images/{ä,ö,ü}.png
            "%2$s/bin/java" -XX:TieredStopAtLevel=1 -Dfile.encoding=UTF-8 "%3$s" "$HOME/images" "$HOME/images/ä.png"
            """
                .formatted(before, System.getProperty("java.home"), program))
        .said();
  }
}
