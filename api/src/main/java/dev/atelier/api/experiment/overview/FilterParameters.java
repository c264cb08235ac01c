package dev.atelier.api.experiment.overview;

import dev.atelier.api.history.HistoryQuery;
import dev.atelier.api.parameter.IdBeginning;
import dev.atelier.api.parameter.ListParameters;
import jakarta.ws.rs.QueryParam;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;

/** Which experiments are asked for, and in which order; each may be null. */
public record FilterParameters(
    @QueryParam("q")
        @Parameter(
            description = "Conditions (=, !=, <, <=, >, >=, ~ for a part of a text) and words",
            example = "students=4 p>=0.5 distance<20 label.team=vision")
        String query,
    @QueryParam("sort")
        @Parameter(
            description = "A field; with - in front the greatest first",
            schema = @Schema(type = SchemaType.STRING, defaultValue = "-created"))
        String sort,
    @QueryParam("stage") @Parameter(description = "Stage, such as DONE") String stage,
    @QueryParam("name") @Parameter(description = "Part of the name, in any letter case")
        String name,
    @QueryParam("label") @Parameter(description = "key:value; may be repeated") List<String> labels,
    @QueryParam("dataset") @Parameter(description = "Source of the dataset, in full")
        String dataset,
    @QueryParam(IdBeginning.NAME) @Parameter(description = IdBeginning.DESCRIPTION)
        String idPrefix) {

  /** All that must hold. */
  HistoryQuery query(ListParameters parameters) {
    return parameters
        .query(query)
        .and(parameters.conditions(stage, name, dataset, labels, idPrefix));
  }
}
