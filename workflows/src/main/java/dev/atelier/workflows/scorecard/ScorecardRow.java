package dev.atelier.workflows.scorecard;

import dev.atelier.workflows.vocabulary.Verdict;
import java.util.Optional;

/**
 * A claim and what became of it.
 *
 * @param figure what was claimed; absent: it is not known to us
 * @param quantity what is compared with it, in words
 * @param ours absent: nothing was measured yet
 * @param rule when it holds, in words
 * @param size at which it was measured; absent: the study has no such experiment
 */
public record ScorecardRow(
    String claim,
    Optional<Double> figure,
    String quantity,
    Optional<SeedFigures> ours,
    Verdict verdict,
    String rule,
    Optional<Size> size) {

  /**
   * How large the experiments were.
   *
   * @param teacherSteps training steps of the teacher; absent: it was imported
   * @param studentSteps training steps of each student
   * @param samples images that each subject was judged by
   * @param distance what the Fréchet distance is called, which names the extractor; absent: not
   *     known before a figure is measured
   */
  public record Size(
      Optional<Integer> teacherSteps,
      int studentSteps,
      int batchSize,
      int samples,
      Optional<String> distance) {

    /** In words. */
    public String text() {
      return "%s, students %d steps of %d images, %d samples%s"
          .formatted(
              teacherSteps.map("teacher %d steps"::formatted).orElse("teacher imported"),
              studentSteps,
              batchSize,
              samples,
              distance.map(", "::concat).orElse(""));
    }
  }
}
