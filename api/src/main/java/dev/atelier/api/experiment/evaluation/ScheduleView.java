package dev.atelier.api.experiment.evaluation;

import dev.atelier.workflows.Estimator;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A schedule that the search tried: which model owns which range. */
public record ScheduleView(
    @Schema(description = "In order of their ranges") List<Owner> owners,
    @Schema(
            description =
                "Over search.samples images: compares with the other schedules of the experiment only",
            implementation = Double.class)
        Optional<Double> distance,
    @Schema(
            description = "Multiply-accumulates per sampling step and image",
            implementation = Double.class)
        Optional<Double> macsPerStep,
    @Schema(description = "No other schedule is better in one figure and not worse in the other")
        boolean frontier,
    @Schema(description = "What the distance is; schedules are ranked by it") Estimator estimator) {

  /**
   * A model and the timesteps [low, high) that it owns; by this name the document has always had
   * it.
   */
  @Schema(name = "Owner")
  public record Owner(int low, int high, @Schema(examples = "student-1") String model) {}
}
