package dev.atelier.repository;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every link between the pages leads somewhere, and every page can be found from the README. */
class DocumentLinksTest {

  private static final Pattern CODE_BLOCK = Pattern.compile("(?ms)^ *```.*?^ *```");
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
  private static final Pattern HEADING = Pattern.compile("(?m)^#+ +(.*)$");

  @TempDir private Path folder;

  @Test
  void shouldLeadSomewhereFromEveryPage() throws Exception {
    assertThat(brokenLinks(Sources.ROOT)).isEmpty();
  }

  @Test
  void shouldFindEveryPageFromTheReadme() throws Exception {
    assertThat(unlinkedPages(Sources.ROOT)).isEmpty();
  }

  @Test
  void shouldFindALinkToNothingAndAPageThatNoneLeadsTo() throws Exception {
    Files.createDirectories(folder.resolve("docs"));
    Files.writeString(folder.resolve("LICENSE"), "");
    Files.writeString(
        folder.resolve("README.md"),
        "[a](docs/a.md#two-words-b) [b](LICENSE) [c](https://example.org)\n");
    Files.writeString(
        folder.resolve("docs/a.md"),
        "# Two words: `b`\n```\n[code](no)\n```\n[up](../README.md)\n");
    assertThat(brokenLinks(folder)).isEmpty();
    assertThat(unlinkedPages(folder)).isEmpty();

    Files.writeString(folder.resolve("docs/b.md"), "[gone](gone.md) [there](a.md#three)\n");
    assertThat(brokenLinks(folder)).containsExactly("docs/b.md: a.md#three", "docs/b.md: gone.md");
    assertThat(unlinkedPages(folder)).containsExactly("docs/b.md");
  }

  private static List<Path> pages(Path root) throws IOException {
    try (Stream<Path> top = Files.list(root);
        Stream<Path> docs = Files.walk(root.resolve("docs"))) {
      return Stream.concat(top, docs).filter(page -> page.toString().endsWith(".md")).toList();
    }
  }

  private static Set<String> brokenLinks(Path root) throws IOException {
    Map<Path, Set<String>> headings = new HashMap<>();
    Set<String> broken = new TreeSet<>();
    for (Path page : pages(root)) {
      for (String link : links(page)) {
        String[] parts = link.split("#", 2);
        Path target = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]).normalize();
        boolean leads =
            Files.exists(target)
                && (parts.length == 1
                    || headings
                        .computeIfAbsent(target, DocumentLinksTest::headings)
                        .contains(parts[1]));
        if (!leads) {
          broken.add("%s: %s".formatted(root.relativize(page), link));
        }
      }
    }
    return broken;
  }

  private static Set<String> unlinkedPages(Path root) throws IOException {
    Set<Path> found = new HashSet<>();
    List<Path> pending = new ArrayList<>(List.of(root.resolve("README.md")));
    while (!pending.isEmpty()) {
      Path page = pending.remove(pending.size() - 1);
      if (found.add(page)) {
        for (String link : links(page)) {
          Path target = page.resolveSibling(link.replaceFirst("#.*", "")).normalize();
          if (target.toString().endsWith(".md") && Files.exists(target)) {
            pending.add(target);
          }
        }
      }
    }
    return pages(root).stream()
        .filter(page -> !found.contains(page))
        .map(page -> root.relativize(page).toString())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /** The links of a page to others of the tree. */
  private static List<String> links(Path page) throws IOException {
    return LINK.matcher(CODE_BLOCK.matcher(Files.readString(page)).replaceAll(""))
        .results()
        .map(found -> found.group(1))
        .filter(link -> !link.matches("[a-z]+:.*"))
        .toList();
  }

  /** What stands behind the # of a link to each heading, as code hosts make it. */
  private static Set<String> headings(Path page) {
    try {
      return HEADING
          .matcher(CODE_BLOCK.matcher(Files.readString(page)).replaceAll(""))
          .results()
          .map((MatchResult found) -> found.group(1).toLowerCase(Locale.ROOT))
          .map(text -> text.replaceAll("[^\\p{L}\\p{N}\\- _]", "").strip().replace(' ', '-'))
          .collect(Collectors.toSet());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
