package dev.atelier.report;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.evaluation.Evaluation;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.Stage;
import dev.atelier.workflows.scorecard.ScorecardRow;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * All that a study measured.
 *
 * @param document what was asked for
 * @param scorecard what became of its claims
 */
public record StudyReport(
    String id,
    String name,
    String question,
    JsonNode document,
    List<String> axes,
    List<Member> members,
    List<ScorecardRow> scorecard) {

  /**
   * One experiment.
   *
   * @param values of the axes, in their order
   * @param failure why it has no result, a sentence; absent: it has one
   */
  public record Member(
      String experimentId,
      List<String> values,
      long seed,
      Stage stage,
      Optional<String> failure,
      List<Evaluation> evaluations,
      List<Model> models) {}

  /**
   * One model of an experiment.
   *
   * @param reusedFrom the experiment that trained it, if it was taken over
   * @param trainingSeconds from its first attempt to its end; 0 if it was taken over
   * @param series statistics of its curves, without the first quarter of the steps, by name
   */
  public record Model(
      ModelKey key,
      int rangeLow,
      int rangeHigh,
      ModelState state,
      int attempts,
      Optional<String> reusedFrom,
      double trainingSeconds,
      Map<String, Curve> series) {}

  /** Statistics of one curve. */
  public record Curve(long points, double mean, double standardDeviation, double p99, double max) {}
}
