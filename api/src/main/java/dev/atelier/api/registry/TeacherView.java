package dev.atelier.api.registry;

import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.TeacherSpec;
import dev.atelier.workflows.DatasetRef;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.net.URI;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A teacher that is trained or imported, under the id of the experiment that made it. */
@RecordBuilder
public record TeacherView(
    @Schema(description = "Of the experiment that trained or imported it") String id,
    String name,
    @Schema(implementation = DatasetRef.class) Optional<DatasetRef> dataset,
    int step,
    @Schema(implementation = Double.class) Optional<Double> loss,
    @Schema(implementation = Long.class) Optional<Long> parameters,
    @Schema(
            description = "Multiply-accumulates of one forward pass of one image",
            implementation = Long.class)
        Optional<Long> macs,
    @Schema(description = "The teacher's own Fréchet distance", implementation = Double.class)
        Optional<Double> distance,
    @Schema(implementation = Instant.class) Optional<Instant> finishedAt,
    @Schema(description = "Other experiments that took it over in place of training")
        List<String> usedBy,
    @Schema(
            description =
                "Put these fields into a spec to take the teacher over; absent: it cannot be, because it was imported or changed while it was trained",
            implementation = Use.class)
        Optional<Use> use,
    @Schema(description = "The experiment") URI href) {

  /** The fields of a spec that determine a trained teacher. */
  public record Use(long seed, DatasetSpec dataset, DiffusionSpec diffusion, TeacherSpec teacher) {}
}
