package dev.atelier.api.study;

import dev.atelier.api.experiment.artifact.ArtifactView;
import dev.atelier.spec.StudySpec;
import dev.atelier.workflows.Stage;
import dev.atelier.workflows.StudyStage;
import dev.atelier.workflows.scorecard.ScorecardRow;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.net.URI;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** All of a study. */
@RecordBuilder
public record StudyView(
    String id,
    String name,
    String question,
    StudyStage stage,
    @Schema(implementation = String.class) Optional<String> error,
    Map<String, String> labels,
    Instant createdAt,
    Instant updatedAt,
    @Schema(implementation = Instant.class) Optional<Instant> finishedAt,
    List<Member> members,
    @Schema(description = "What became of the study's claims so far") List<ScorecardRow> scorecard,
    @Schema(description = "The report, once it is written") List<ArtifactView> artifacts,
    StudySpec spec,
    StudyLinks links) {

  /** One experiment of the study. */
  public record Member(
      String experimentId,
      List<StudyMember.AxisValue> axes,
      long seed,
      Stage stage,
      @Schema(description = "Training steps done, of all models") long step,
      @Schema(description = "Training steps in all") long totalSteps,
      @Schema(description = "Models that another experiment had trained in the same way")
          int reusedModels,
      @Schema(description = "By subject") Map<String, Double> distances,
      URI href) {}
}
