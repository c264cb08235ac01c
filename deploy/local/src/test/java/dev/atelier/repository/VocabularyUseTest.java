package dev.atelier.repository;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.workflows.vocabulary.ArtifactKind;
import dev.atelier.workflows.vocabulary.EventKind;
import dev.atelier.workflows.vocabulary.Series;
import dev.atelier.workflows.vocabulary.Subject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** A word of the vocabulary stands there alone: whatever else is shipped names its constant. */
class VocabularyUseTest {

  private static final Set<String> WORDS =
      Stream.of(
              Arrays.stream(Subject.values()).map(Subject::word),
              Arrays.stream(Series.values()).map(Series::word),
              Arrays.stream(EventKind.values()).map(EventKind::word),
              Arrays.stream(ArtifactKind.values()).map(ArtifactKind::word),
              Arrays.stream(dev.atelier.workflows.vocabulary.Verdict.values())
                  .map(dev.atelier.workflows.vocabulary.Verdict::word))
          .flatMap(words -> words)
          .collect(Collectors.toSet());

  /** Words that also name something else: a model, a column, a request, a command, a heading. */
  private static final Set<String> ALSO_OTHERS =
      Set.of(
          "teacher",
          "one-to-one",
          "loss",
          "images_per_second",
          "launched",
          "stage",
          "cancel",
          "pause",
          "resume",
          "retry",
          "extend",
          "replace",
          "grid",
          "report",
          "export");

  private static final Pattern COMMENT =
      Pattern.compile(
          "^\\s*(\\*|//|/\\*)|examples? = |@JsonProperty\\("); // a spec's words are its own
  private static final Pattern LITERAL = Pattern.compile("([\"'])([a-z0-9_-]+)\\1");
  private static final Pattern COMPARED =
      Pattern.compile(
          "\\b(kind|series|subject)(\\(\\))?[\\s.=!:(]*(equals|in|is distinct from)?[\\s(]*$");

  @Test
  void shouldFindNoWordOutsideOfTheVocabulary() throws IOException {
    List<String> faults = new ArrayList<>();
    for (Path file : Sources.ofModules()) {
      String path = file.toString().replace('\\', '/');
      if (path.contains("/src/main/")
          && path.matches(".*\\.(java|js)")
          && !path.contains("/workflows/vocabulary/")) {
        faults(Files.readString(file)).forEach(fault -> faults.add(path + ": " + fault));
      }
    }
    assertThat(faults).isEmpty();
  }

  @Test
  void shouldFindWordsInJavaInSqlAndOnThePages() {
    assertThat(
            faults(
                """
                List.of("o2mkd", "nobody");
                if (event.kind().equals("retry")) {}
                where model_id = :model and series = 'loss'
                const exports = artifacts.filter((a) => a.kind === 'export');
                """))
        .containsExactly("o2mkd", "retry", "loss", "export");
  }

  @Test
  void shouldLeaveTheSameWordForSomethingElseAlone() {
    assertThat(
            faults(
                """
                new ModelKey("teacher");
                finite(row, "loss");
                // events of the kind "merged"
                @Schema(examples = "o2mkd") String subject,
                """))
        .isEmpty();
  }

  private static List<String> faults(String source) {
    List<String> faults = new ArrayList<>();
    for (String line : source.lines().toList()) {
      if (COMMENT.matcher(line).find()) {
        continue;
      }
      Matcher literal = LITERAL.matcher(line);
      while (literal.find()) {
        String word = literal.group(2);
        if (WORDS.contains(word)
            && (!ALSO_OTHERS.contains(word)
                || COMPARED.matcher(line.substring(0, literal.start())).find())) {
          faults.add(word);
        }
      }
    }
    return faults;
  }
}
