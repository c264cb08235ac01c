package dev.atelier.repository;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every package says in one sentence what it is. */
class PackageSentencesTest {

  private static final List<String> MODULES =
      List.of("workflows", "store", "activities", "api", "deploy/cli", "deploy/local");

  @TempDir private Path folder;

  @Test
  void shouldSayOfEveryPackageInOneSentenceWhatItIs() throws Exception {
    for (String module : MODULES) {
      Path sources = Sources.ROOT.resolve(module).resolve("src/main/java");

      assertThat(sources).as("the sources of " + module).isDirectory();
      assertThat(withoutSentence(sources)).as("packages of " + module).isEmpty();
    }
  }

  @Test
  void shouldFindAPackageWithoutASentenceAndOneWithTwo() throws Exception {
    write("whole/package-info.java", "/** What is whole: a, b, e.g. c.txt. */\npackage whole;\n");
    write("whole/A.java", "package whole;");
    assertThat(withoutSentence(folder)).isEmpty();

    write("bare/A.java", "package bare;");
    write("mute/A.java", "package mute;");
    write("mute/package-info.java", "package mute;\n");
    write("long/A.java", "package long;");
    write("long/package-info.java", "/** One. Two. */\npackage long;\n");
    write("empty/inner/package-info.java", "/** Inner. */\npackage empty.inner;\n");
    assertThat(withoutSentence(folder)).containsExactly("bare", "long", "mute");
  }

  private void write(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  /**
   * The folders that hold classes and no {@code package-info.java} with one sentence of Javadoc.
   */
  private static List<String> withoutSentence(Path sources) throws IOException {
    try (Stream<Path> files = Files.walk(sources)) {
      return files
          .filter(file -> file.toString().endsWith(".java"))
          .map(Path::getParent)
          .distinct()
          .filter(packageFolder -> !hasSentence(packageFolder.resolve("package-info.java")))
          .map(packageFolder -> sources.relativize(packageFolder).toString())
          .sorted()
          .toList();
    }
  }

  private static boolean hasSentence(Path file) {
    try {
      return Files.exists(file)
          && Files.readString(file)
              .matches("(?s)/\\*\\*(?:(?!\\.\\s+[A-Z]).)*\\.\\s*\\*/\\s*package .*");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
