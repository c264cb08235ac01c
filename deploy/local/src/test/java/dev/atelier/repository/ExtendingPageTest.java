package dev.atelier.repository;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Keeps docs/extending.md true: the files that it sends people to, and the tests that it names. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ExtendingPageTest {

  private static final Pattern FILE = Pattern.compile("`([\\w./-]+\\.(?:java|js|py))`");
  private static final Pattern TEST = Pattern.compile("`(\\w+(?:Test|IT))\\.(should\\w+)`");

  private List<Path> sources;

  @BeforeAll
  void findSources() throws IOException {
    sources = Sources.ofModules();
  }

  @Test
  void shouldNameOneFileEachAndTestsThatThereAre() throws Exception {
    assertThat(faults(Sources.read("docs/extending.md"))).isEmpty();
  }

  @Test
  void shouldFindNamesOfNothingAndOfTwo() throws Exception {
    assertThat(
            faults(
                """
                `Sources.java`, `deploy/Programs.java`, `Gone.java`, `ArchitectureTest.java`,
                `ExtendingPageTest.shouldFindNamesOfNothingAndOfTwo`, `ExtendingPageTest.shouldSing`
                """))
        .containsExactly(
            "`ArchitectureTest.java` is the name of 4 files",
            "`ExtendingPageTest.shouldSing` is no test",
            "`Gone.java` is the name of 0 files");
  }

  private Set<String> faults(String page) throws IOException {
    Set<String> faults = new TreeSet<>();
    for (String name : FILE.matcher(page).results().map(found -> found.group(1)).toList()) {
      int files = called(name).size();
      if (files != 1) {
        faults.add("`%s` is the name of %d files".formatted(name, files));
      }
    }
    for (var found : TEST.matcher(page).results().toList()) {
      boolean exists = false;
      for (Path file : called(found.group(1) + ".java")) {
        exists |= Files.readString(file).contains("void " + found.group(2) + "(");
      }
      if (!exists) {
        faults.add(found.group() + " is no test");
      }
    }
    return faults;
  }

  private List<Path> called(String name) {
    return sources.stream().filter(file -> file.endsWith(name)).toList();
  }
}
