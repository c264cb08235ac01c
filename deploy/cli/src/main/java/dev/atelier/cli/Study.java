package dev.atelier.cli;

import dev.atelier.workflows.Stage;
import dev.atelier.workflows.StudyStage;
import dev.atelier.workflows.scorecard.ScorecardRow;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A study as the API shows it. */
record Study(
    String id,
    String name,
    String question,
    StudyStage stage,
    Optional<String> error,
    List<Member> members,
    List<ExperimentReport.Artifact> artifacts,
    List<ScorecardRow> scorecard) {

  Study {
    scorecard = scorecard == null ? List.of() : List.copyOf(scorecard); // an API of before has none
  }

  /** Where an experiment lies on an axis. */
  record AxisValue(String axis, String value) {}

  /** One of its experiments. */
  record Member(
      String experimentId,
      List<AxisValue> axes,
      long seed,
      Stage stage,
      long step,
      long totalSteps,
      int reusedModels,
      Map<String, Double> distances) {}

  long ended() {
    return members.stream().filter(m -> m.stage().terminal()).count();
  }
}
