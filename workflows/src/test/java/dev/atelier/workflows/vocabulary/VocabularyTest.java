package dev.atelier.workflows.vocabulary;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class VocabularyTest {

  private static final Map<String, List<String>> WORDS =
      Map.of(
          "subjects", words(Subject.values(), Subject::word),
          "series", words(Series.values(), Series::word),
          "events", words(EventKind.values(), EventKind::word),
          "artifacts", words(ArtifactKind.values(), ArtifactKind::word),
          "verdicts", words(Verdict.values(), Verdict::word),
          "metrics", words(Metric.values(), Metric::key));

  /** Rows and files of years ago have them: a word is added here, and none is changed. */
  @Test
  void shouldHaveTheWordsThatHistoriesHold() {
    assertThat(WORDS.get("subjects"))
        .containsExactly("teacher", "one-to-one", "o2mkd", "o2mkd-partial", "merged");
    assertThat(WORDS.get("series"))
        .containsExactly(
            "loss",
            "diffusion_loss",
            "distillation_loss",
            "feature_loss",
            "gradient_norm",
            "learning_rate",
            "images_per_second",
            "max_loss",
            "max_gradient_norm",
            "native_bytes");
    assertThat(List.of(Series.LOSS.variance(), Series.LOSS.outliers()))
        .containsExactly("loss_variance", "loss_outliers");
    assertThat(Series.DIFFUSION_LOSS.ofTenth(9)).isEqualTo("diffusion_loss_tenth_9");
    assertThat(WORDS.get("events"))
        .containsExactlyInAnyOrder(
            ("launched warning stage cancel pause resume retry extend replace cancel-model"
                    + " rerun-evaluation figures-outdated model-started model-done model-failed"
                    + " model-canceled model-reused teacher-taken teacher-range ranges-planned"
                    + " dataset-reused classes-found images-skipped files-passed-over source-kept"
                    + " checkpoint-corrupt not-bit-identical evaluation-reused memory-not-measured"
                    + " models-in-turn merged merge-refused schedules-searched search-refused"
                    + " ensemble-left-out folder-left-out captions-cut prompts-taken turn-awaited")
                .split(" "));
    assertThat(WORDS.get("artifacts"))
        .containsExactly("grid", "grid-prompts", "trajectory", "report", "export");
    assertThat(WORDS.get("verdicts"))
        .containsExactly(
            "holds", "fails", "within-noise", "too-few-seeds", "not-comparable", "not-measured");
  }

  @Test
  void shouldHaveTheNamesOfFiguresThatHistoriesHold() {
    assertThat(WORDS.get("metrics"))
        .containsExactly(
            "frechetDistance",
            "kernelDistance",
            "kernelDistanceDeviation",
            "classScore",
            "classScoreDeviation",
            "precision",
            "recall",
            "density",
            "coverage",
            "clipScore",
            "clipDistance");
  }

  /** The dashboard makes its constants of the words. */
  @Test
  void shouldNameEachConstantByItsWord() {
    Stream<Enum<?>> constants =
        Stream.<Enum<?>[]>of(
                Subject.values(),
                Series.values(),
                EventKind.values(),
                ArtifactKind.values(),
                Verdict.values(),
                Metric.values())
            .flatMap(Arrays::stream);
    assertThat(constants.map(Enum::name))
        .containsExactlyElementsOf(
            Stream.of("subjects", "series", "events", "artifacts", "verdicts", "metrics")
                .flatMap(kind -> WORDS.get(kind).stream())
                .map(word -> word.replaceAll("([a-z])([A-Z])", "$1_$2").replace('-', '_'))
                .map(word -> word.toUpperCase(Locale.ROOT))
                .toList());
  }

  @Test
  void shouldFindASubjectByItsWordAlone() {
    assertThat(Subject.named("o2mkd-partial")).contains(Subject.O2MKD_PARTIAL);
    assertThat(Subject.named("O2MKD")).isEmpty();
  }

  private static <T> List<String> words(T[] constants, Function<T, String> word) {
    return Arrays.stream(constants).map(word).toList();
  }
}
