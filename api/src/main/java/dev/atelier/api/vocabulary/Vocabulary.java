package dev.atelier.api.vocabulary;

import dev.atelier.workflows.vocabulary.ArtifactKind;
import dev.atelier.workflows.vocabulary.EventKind;
import dev.atelier.workflows.vocabulary.Metric;
import dev.atelier.workflows.vocabulary.Series;
import dev.atelier.workflows.vocabulary.Subject;
import dev.atelier.workflows.vocabulary.Verdict;
import java.util.Arrays;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** The words that answers and files use for what experiments make, each in its order. */
public record Vocabulary(
    @Schema(description = "Sets of models that are sampled and measured") List<Word> subjects,
    @Schema(
            description =
                "Curves of a training. There may also be <series>_variance and <series>_outliers, and diffusion_loss_tenth_<k>")
        List<Word> series,
    @Schema(description = "What happens to an experiment") List<Word> eventKinds,
    @Schema(description = "What a file is") List<Word> artifactKinds,
    @Schema(description = "What a study's figures say of a claim") List<Word> verdicts,
    @Schema(description = "What an evaluation measures of images") List<Word> metrics) {

  /** One word. */
  public record Word(
      @Schema(description = "As answers, files and the history have it", examples = "one-to-one")
          String word,
      @Schema(description = "As people read it") String title,
      String description) {}

  /** Every word that this version knows. */
  static Vocabulary known() {
    return new Vocabulary(
        Arrays.stream(Subject.values())
            .map(s -> new Word(s.word(), s.title(), s.description()))
            .toList(),
        Arrays.stream(Series.values()).map(s -> plain(s.word(), s.description())).toList(),
        Arrays.stream(EventKind.values()).map(k -> plain(k.word(), k.description())).toList(),
        Arrays.stream(ArtifactKind.values()).map(k -> plain(k.word(), k.description())).toList(),
        Arrays.stream(Verdict.values())
            .map(v -> new Word(v.word(), v.title(), v.description()))
            .toList(),
        Arrays.stream(Metric.values())
            .map(m -> new Word(m.key(), m.title(), m.description()))
            .toList());
  }

  private static Word plain(String word, String description) {
    return new Word(word, word.replaceAll("[_-]", " "), description);
  }
}
