package dev.atelier.api.experiment.model;

import dev.atelier.api.experiment.Links;
import dev.atelier.api.export.Table;
import dev.atelier.workflows.ModelKey;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.ParameterIn;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/**
 * Curves over REST. {@code students/<k>} and {@code teacher} are short forms of {@code
 * models/<key>}.
 */
@Path(Links.EXPERIMENTS)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Experiments")
public class CurveResource {

  private static final String CURVES = "The curves, each point as [step, value]";

  private final ModelRepository models;
  private final CurveRepository curves;

  CurveResource(ModelRepository models, CurveRepository curves) {
    this.models = models;
    this.curves = curves;
  }

  @GET
  @Path("/{id}/models/{key}/metrics")
  @Operation(
      operationId = "modelMetrics",
      summary = "Get the curves of a model",
      description = "The key is teacher, student-<k> with k from 1, or one-to-one.")
  @Parameter(
      name = "series",
      in = ParameterIn.QUERY,
      description = "Names of curves, with commas between; absent: all",
      example = "loss")
  @Parameter(
      name = "points",
      in = ParameterIn.QUERY,
      description =
          "About so many points of each curve: the lowest and the highest of each stretch, so that spikes stay; absent: all",
      schema = @Schema(type = SchemaType.INTEGER, minimum = "4"))
  @Parameter(
      name = "from",
      in = ParameterIn.QUERY,
      description = "First step",
      schema = @Schema(type = SchemaType.INTEGER, minimum = "0"))
  @Parameter(
      name = "to",
      in = ParameterIn.QUERY,
      description = "Last step",
      schema = @Schema(type = SchemaType.INTEGER, minimum = "0"))
  @APIResponse(responseCode = "200", description = CURVES)
  public MetricSeries metrics(
      @PathParam("id") String id,
      @PathParam("key") String key,
      @BeanParam CurveParameters parameters) {
    MetricSeries.Wanted wanted = parameters.wanted();
    ModelKey model = models.existing(id, key);
    return MetricSeries.of(curves.curves(id, model, wanted), wanted);
  }

  @GET
  @Path("/{id}/models/{key}/metrics")
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "modelMetrics", hidden = true)
  public Table metricsAsTable(
      @PathParam("id") String id,
      @PathParam("key") String key,
      @BeanParam CurveParameters parameters) {
    return metrics(id, key, parameters).table();
  }

  @GET
  @Path("/{id}/students/{k}/metrics")
  @Operation(
      operationId = "studentMetrics",
      summary = "Get the curves of a student, counted from 1")
  @APIResponse(responseCode = "200", description = CURVES)
  public MetricSeries studentMetrics(
      @PathParam("id") String id,
      @PathParam("k") String student,
      @BeanParam CurveParameters parameters) {
    return metrics(id, "student-" + student, parameters);
  }

  @GET
  @Path("/{id}/teacher/metrics")
  @Operation(operationId = "teacherMetrics", summary = "Get the curves of the teacher")
  @APIResponse(responseCode = "200", description = CURVES)
  public MetricSeries teacherMetrics(
      @PathParam("id") String id, @BeanParam CurveParameters parameters) {
    return metrics(id, "teacher", parameters);
  }
}
