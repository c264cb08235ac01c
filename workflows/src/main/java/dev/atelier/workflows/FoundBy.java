package dev.atelier.workflows;

import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.StudySpec;
import io.temporal.common.SearchAttributeKey;
import io.temporal.common.SearchAttributes;
import java.util.List;
import java.util.Optional;

/**
 * The search attributes that experiments and studies are found by in Temporal. A workflow keeps
 * them up to date only if it was started with them: a cluster refuses those that are not
 * registered.
 */
public final class FoundBy {

  public static final SearchAttributeKey<String> STAGE =
      SearchAttributeKey.forKeyword("AtelierStage");
  public static final SearchAttributeKey<String> NAME =
      SearchAttributeKey.forKeyword("AtelierName");
  public static final SearchAttributeKey<String> DATASET =
      SearchAttributeKey.forKeyword("AtelierDataset");
  public static final SearchAttributeKey<Long> STUDENTS =
      SearchAttributeKey.forLong("AtelierStudents");

  /** The least Fréchet distance of what was distilled; the teacher's own does not count. */
  public static final SearchAttributeKey<Double> BEST_DISTANCE =
      SearchAttributeKey.forDouble("AtelierBestDistance");

  public static final SearchAttributeKey<String> STUDY =
      SearchAttributeKey.forKeyword("AtelierStudy");

  /** Each as {@code key:value}. */
  public static final SearchAttributeKey<List<String>> LABELS =
      SearchAttributeKey.forKeywordList("AtelierLabels");

  /** All that a cluster must know. */
  public static final List<SearchAttributeKey<?>> ALL =
      List.of(STAGE, NAME, DATASET, STUDENTS, BEST_DISTANCE, STUDY, LABELS);

  private static final int MOST_CHARACTERS = 255; // of a keyword in Temporal's SQL databases

  private FoundBy() {}

  /** Those of an experiment that begins. */
  public static SearchAttributes of(ExperimentSpec spec, Optional<String> studyId) {
    SearchAttributes.Builder attributes =
        SearchAttributes.newBuilder()
            .set(STAGE, Stage.QUEUED.name())
            .set(NAME, spec.name())
            .set(DATASET, shortened(spec.dataset().source()))
            .set(STUDENTS, spec.students().count().longValue())
            .set(
                LABELS,
                spec.labels().entrySet().stream()
                    .map(label -> shortened(label.getKey() + ":" + label.getValue()))
                    .sorted()
                    .toList());
    studyId.ifPresent(id -> attributes.set(STUDY, id));
    return attributes.build();
  }

  /** Those of a study that begins. */
  public static SearchAttributes of(String studyId, StudySpec spec) {
    return SearchAttributes.newBuilder()
        .set(STAGE, StudyStage.QUEUED.name())
        .set(NAME, spec.name())
        .set(STUDY, studyId)
        .build();
  }

  private static String shortened(String text) {
    return text.substring(0, Math.min(MOST_CHARACTERS, text.length()));
  }
}
