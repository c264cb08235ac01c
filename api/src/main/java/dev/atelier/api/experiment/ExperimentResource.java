package dev.atelier.api.experiment;

import dev.atelier.api.export.Table;
import dev.atelier.api.export.WholeAnswer;
import dev.atelier.api.history.Cursor;
import dev.atelier.api.history.HistoryQuery;
import dev.atelier.api.history.Sort;
import dev.atelier.api.parameter.IdempotencyKey;
import dev.atelier.api.parameter.ListParameters;
import dev.atelier.api.problem.Problem;
import dev.atelier.api.spec.DocumentFormat;
import dev.atelier.api.spec.Extension;
import dev.atelier.api.spec.SpecReader;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.TrainingOverrides;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Multi;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.EntityTag;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Request;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.core.StreamingOutput;
import jakarta.ws.rs.sse.OutboundSseEvent;
import jakarta.ws.rs.sse.Sse;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.ParameterIn;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.headers.Header;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/**
 * Experiments over REST. A model is named by its key under {@code models/}; {@code students/<k>}
 * and {@code teacher} are short forms of the same.
 */
@Path("/api/v1/experiments")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Experiments")
@APIResponse(
    responseCode = "default",
    description = "An error",
    content =
        @Content(mediaType = Problem.MEDIA_TYPE, schema = @Schema(implementation = Problem.class)))
public class ExperimentResource {

  private static final String YAML = "application/yaml";
  private static final String X_YAML = "application/x-yaml";
  private static final String TEXT_YAML = "text/yaml";
  private static final String TEXT_X_YAML = "text/x-yaml";

  private final ExperimentService experiments;
  private final Exports exports;
  private final SpecReader reader;
  private final WholeAnswer whole;

  ExperimentResource(
      ExperimentService experiments, Exports exports, SpecReader reader, WholeAnswer whole) {
    this.whole = whole;
    this.experiments = experiments;
    this.exports = exports;
    this.reader = reader;
  }

  @POST
  @Consumes({MediaType.APPLICATION_JSON, YAML, X_YAML, TEXT_YAML, TEXT_X_YAML})
  @Parameter(
      name = "project",
      in = ParameterIn.QUERY,
      description =
          "Project that it belongs to, also as the header Atelier-Project; absent: the caller's only"
              + " one, or default",
      schema = @Schema(type = SchemaType.STRING, pattern = "[a-z0-9][a-z0-9-]{0,62}"))
  @Operation(
      operationId = "launchExperiment",
      summary = "Launch an experiment",
      description =
          "Checks the whole spec, stores it and starts its workflow. All faults are reported at"
              + " once. With an Idempotency-Key the same request gets the same answer.")
  @RequestBody(
      required = true,
      content = {
        @Content(
            mediaType = MediaType.APPLICATION_JSON,
            schema = @Schema(implementation = ExperimentSpec.class)),
        @Content(mediaType = YAML, schema = @Schema(implementation = ExperimentSpec.class))
      })
  @APIResponse(
      responseCode = "200",
      description = "What it would take (dryRun)",
      content = @Content(schema = @Schema(implementation = Estimate.class)))
  @APIResponse(
      responseCode = "202",
      description = "The experiment is stored and will run",
      headers =
          @Header(
              name = "Location",
              description = "The experiment",
              schema = @Schema(type = SchemaType.STRING, format = "uri")),
      content = @Content(schema = @Schema(implementation = Accepted.class)))
  @APIResponse(
      responseCode = "422",
      description = "The spec breaks rules, or the Idempotency-Key was used for another spec",
      content =
          @Content(
              mediaType = Problem.MEDIA_TYPE,
              schema = @Schema(implementation = Problem.class)))
  public Response launch(
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type,
      @HeaderParam(IdempotencyKey.HEADER)
          @Parameter(description = "Any text of 1 to 200 characters, chosen by the caller")
          String idempotencyKey,
      @QueryParam("dryRun")
          @Parameter(
              description = "true: nothing is launched, the answer says what it would take",
              schema = @Schema(type = SchemaType.BOOLEAN, defaultValue = "false"))
          String dryRun) {
    Optional<String> key = IdempotencyKey.of(idempotencyKey);
    ListParameters parameters = new ListParameters();
    boolean dry = parameters.yes("dryRun", dryRun);
    parameters.check();
    ExperimentSpec spec = reader.spec(body, DocumentFormat.of(type));
    if (dry) {
      return Response.ok(experiments.estimate(spec)).build();
    }
    return accepted(experiments.launch(spec, key));
  }

  @GET
  @Operation(
      operationId = "listExperiments",
      summary = "List experiments, newest first unless sorted otherwise",
      description =
          "Conditions and words in `q` and the other filters must all hold. Fields: id, name, project, stage,"
              + " dataset, students, p, seed, created, updated, finished, study, distance and macs (of"
              + " the students, or of another subject: distance.teacher), label.<key>, spec.<field>.")
  @APIResponse(
      responseCode = "200",
      description = "One page",
      content = {
        @Content(
            mediaType = MediaType.APPLICATION_JSON,
            schema = @Schema(implementation = ExperimentPage.class)),
        @Content(mediaType = Table.CSV, schema = @Schema(implementation = String.class)),
        @Content(
            mediaType = Table.ARROW,
            schema = @Schema(type = SchemaType.STRING, format = "binary"))
      })
  public ExperimentPage list(
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
      @QueryParam("label") @Parameter(description = "key:value; may be repeated")
          List<String> labels,
      @QueryParam("dataset") @Parameter(description = "Source of the dataset, in full")
          String dataset,
      @QueryParam("limit")
          @Parameter(
              schema =
                  @Schema(
                      type = SchemaType.INTEGER,
                      minimum = "1",
                      maximum = "200",
                      defaultValue = "50"))
          String limit,
      @QueryParam("cursor") @Parameter(description = "nextCursor of the page before")
          String cursor) {
    ListParameters parameters = new ListParameters();
    HistoryQuery asked =
        parameters.query(query).and(parameters.conditions(stage, name, dataset, labels));
    Sort order = parameters.sort(sort);
    Optional<Cursor> after = parameters.cursor(cursor, order);
    int size = parameters.limit(limit, 50, 200);
    parameters.check();
    return experiments.list(asked, order, after, size);
  }

  @GET
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listExperiments", hidden = true)
  public Table listAsTable(
      @QueryParam("q") String query,
      @QueryParam("sort") String sort,
      @QueryParam("stage") String stage,
      @QueryParam("name") String name,
      @QueryParam("label") List<String> labels,
      @QueryParam("dataset") String dataset) {
    ListParameters parameters = new ListParameters();
    HistoryQuery asked =
        parameters.query(query).and(parameters.conditions(stage, name, dataset, labels));
    Sort order = parameters.sort(sort);
    parameters.check();
    return exports.experiments(asked, order);
  }

  @GET
  @Path("/compare")
  @Operation(
      operationId = "compareExperiments",
      summary = "Show experiments beside one another",
      description = "The fields in which their specs differ, and every figure of each.")
  @APIResponse(
      responseCode = "200",
      description = "The comparison",
      content = {
        @Content(
            mediaType = MediaType.APPLICATION_JSON,
            schema = @Schema(implementation = Comparison.class)),
        @Content(mediaType = Table.CSV, schema = @Schema(implementation = String.class)),
        @Content(
            mediaType = Table.ARROW,
            schema = @Schema(type = SchemaType.STRING, format = "binary"))
      })
  public Comparison compare(
      @QueryParam("ids")
          @Parameter(required = true, description = "2 to 50 ids with commas between")
          String text) {
    ListParameters parameters = new ListParameters();
    List<String> ids = parameters.ids(text, 2, 50);
    parameters.check();
    return experiments.compare(ids);
  }

  @GET
  @Path("/compare")
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "compareExperiments", hidden = true)
  public Table compareAsTable(@QueryParam("ids") String text) {
    return exports.comparison(compare(text));
  }

  @GET
  @Path("/losses")
  @Operation(
      operationId = "experimentLosses",
      summary = "Get a few values of the loss of each experiment, for small plots",
      description = "Of the model that was last started; experiments without one are left out.")
  @APIResponse(
      responseCode = "200",
      description = "Values by experiment, in order of steps",
      content = @Content(schema = @Schema(implementation = Object.class)))
  public Map<String, List<Double>> losses(
      @QueryParam("ids")
          @Parameter(required = true, description = "1 to 200 ids with commas between")
          String text) {
    ListParameters parameters = new ListParameters();
    List<String> ids = parameters.ids(text, 1, 200);
    parameters.check();
    return experiments.losses(ids, 40);
  }

  @GET
  @Path("/{id}/stream")
  @Produces(MediaType.SERVER_SENT_EVENTS)
  @Blocking
  @Operation(
      operationId = "streamExperiment",
      summary = "Follow an experiment live, as server-sent events",
      description =
          "`event`: an entry of its history, with its id, replayed from Last-Event-ID on."
              + " `progress`: the stage and the models that changed. `end`: it has ended.")
  @APIResponse(
      responseCode = "200",
      description = "The events",
      content = @Content(mediaType = MediaType.SERVER_SENT_EVENTS))
  public Multi<OutboundSseEvent> stream(
      @PathParam("id") String id,
      @HeaderParam(HttpHeaders.LAST_EVENT_ID_HEADER)
          @Parameter(description = "Id of the last event that the client has seen")
          String lastEventId,
      @Context Sse sse) {
    ListParameters parameters = new ListParameters();
    long after = parameters.eventCursor(HttpHeaders.LAST_EVENT_ID_HEADER, lastEventId);
    parameters.check();
    return experiments.stream(id, after, sse);
  }

  @GET
  @Path("/{id}")
  @Operation(
      operationId = "showExperiment",
      summary = "Show an experiment",
      description = "Its spec, stage, models with their progress, evaluations and files.")
  @APIResponse(
      responseCode = "200",
      description = "The experiment",
      content = @Content(schema = @Schema(implementation = ExperimentView.class)))
  public ExperimentView show(@PathParam("id") String id) {
    return experiments.show(id);
  }

  @GET
  @Path("/{id}/events")
  @Operation(
      operationId = "listEvents",
      summary = "List what happened to an experiment, oldest first")
  @APIResponse(
      responseCode = "200",
      description = "One page",
      content = {
        @Content(
            mediaType = MediaType.APPLICATION_JSON,
            schema = @Schema(implementation = EventPage.class)),
        @Content(mediaType = Table.CSV, schema = @Schema(implementation = String.class)),
        @Content(
            mediaType = Table.ARROW,
            schema = @Schema(type = SchemaType.STRING, format = "binary"))
      })
  public EventPage events(
      @PathParam("id") String id,
      @QueryParam("limit")
          @Parameter(
              schema =
                  @Schema(
                      type = SchemaType.INTEGER,
                      minimum = "1",
                      maximum = "1000",
                      defaultValue = "200"))
          String limit,
      @QueryParam("cursor") @Parameter(description = "nextCursor of the page before")
          String cursor) {
    ListParameters parameters = new ListParameters();
    long after = parameters.eventCursor("cursor", cursor);
    int size = parameters.limit(limit, 200, 1000);
    parameters.check();
    return experiments.events(id, after, size);
  }

  @GET
  @Path("/{id}/events")
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listEvents", hidden = true)
  public Table eventsAsTable(@PathParam("id") String id) {
    return exports.events(id);
  }

  @POST
  @Path("/{id}/cancel")
  @Operation(
      operationId = "cancelExperiment",
      summary = "Cancel an experiment",
      description =
          "Asks the workflow to stop; checkpoints are kept. Canceling again changes nothing; an"
              + " experiment that is DONE, PARTIAL or FAILED answers 409.")
  @APIResponse(
      responseCode = "202",
      description = "The experiment stops",
      content = @Content(schema = @Schema(implementation = Accepted.class)))
  public Response cancel(@PathParam("id") String id) {
    return accepted(experiments.cancel(id));
  }

  @DELETE
  @Path("/{id}")
  @Operation(
      operationId = "deleteExperiment",
      summary = "Delete an experiment that has ended, with its curves, checkpoints and files",
      description =
          "Models that other experiments have taken over are handed over to them. An experiment"
              + " that has not ended answers 409.")
  @APIResponse(responseCode = "204", description = "It is deleted")
  public void delete(@PathParam("id") String id) {
    experiments.delete(id);
  }

  @GET
  @Path("/{id}/models/{key}/metrics")
  @Operation(
      operationId = "modelMetrics",
      summary = "Get the curves of a model",
      description = "The key is teacher, student-<k> with k from 1, or one-to-one.")
  @APIResponse(
      responseCode = "200",
      description = "The curves, each point as [step, value]",
      content = {
        @Content(
            mediaType = MediaType.APPLICATION_JSON,
            schema = @Schema(implementation = MetricSeries.class)),
        @Content(mediaType = Table.CSV, schema = @Schema(implementation = String.class)),
        @Content(
            mediaType = Table.ARROW,
            schema = @Schema(type = SchemaType.STRING, format = "binary"))
      })
  public MetricSeries metrics(
      @PathParam("id") String id,
      @PathParam("key") String key,
      @QueryParam("series")
          @Parameter(
              description = "Names of curves, with commas between; absent: all",
              example = "loss")
          String series,
      @QueryParam("points")
          @Parameter(
              description =
                  "About so many points of each curve: the lowest and the highest of each stretch, so that spikes stay; absent: all",
              schema = @Schema(type = SchemaType.INTEGER, minimum = "4"))
          String points,
      @QueryParam("from")
          @Parameter(
              description = "First step",
              schema = @Schema(type = SchemaType.INTEGER, minimum = "0"))
          String from,
      @QueryParam("to")
          @Parameter(
              description = "Last step",
              schema = @Schema(type = SchemaType.INTEGER, minimum = "0"))
          String to) {
    ListParameters parameters = new ListParameters();
    List<String> names =
        parameters.text("series", series).stream()
            .flatMap(text -> Arrays.stream(text.split(",")))
            .map(String::strip)
            .filter(name -> !name.isEmpty())
            .distinct()
            .toList();
    MetricSeries.Wanted wanted =
        new MetricSeries.Wanted(
            names,
            parameters.atLeast("from", from, 0, 0),
            parameters.atLeast("to", to, 0, Integer.MAX_VALUE),
            parameters.atLeast("points", points, 4, Integer.MAX_VALUE));
    parameters.check();
    return experiments.metrics(id, key, wanted);
  }

  @GET
  @Path("/{id}/models/{key}/metrics")
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "modelMetrics", hidden = true)
  public Table metricsAsTable(
      @PathParam("id") String id,
      @PathParam("key") String key,
      @QueryParam("series") String series,
      @QueryParam("points") String points,
      @QueryParam("from") String from,
      @QueryParam("to") String to) {
    return exports.metrics(metrics(id, key, series, points, from, to));
  }

  @GET
  @Path("/{id}/students/{k}/metrics")
  @Operation(
      operationId = "studentMetrics",
      summary = "Get the curves of a student, counted from 1")
  @APIResponse(
      responseCode = "200",
      description = "The curves, each point as [step, value]",
      content = @Content(schema = @Schema(implementation = MetricSeries.class)))
  public MetricSeries studentMetrics(
      @PathParam("id") String id,
      @PathParam("k") String student,
      @QueryParam("series") String series,
      @QueryParam("points") String points,
      @QueryParam("from") String from,
      @QueryParam("to") String to) {
    return metrics(id, "student-" + student, series, points, from, to);
  }

  @GET
  @Path("/{id}/teacher/metrics")
  @Operation(operationId = "teacherMetrics", summary = "Get the curves of the teacher")
  @APIResponse(
      responseCode = "200",
      description = "The curves, each point as [step, value]",
      content = @Content(schema = @Schema(implementation = MetricSeries.class)))
  public MetricSeries teacherMetrics(
      @PathParam("id") String id,
      @QueryParam("series") String series,
      @QueryParam("points") String points,
      @QueryParam("from") String from,
      @QueryParam("to") String to) {
    return metrics(id, "teacher", series, points, from, to);
  }

  @POST
  @Path("/{id}/models/{key}/retry")
  @Consumes({MediaType.APPLICATION_JSON, YAML, X_YAML, TEXT_YAML, TEXT_X_YAML, MediaType.WILDCARD})
  @Operation(
      operationId = "retryModel",
      summary = "Train a failed model again from its last good checkpoint",
      description =
          "The key is teacher, student-<k> with k from 1, or one-to-one. The body may be empty or"
              + " change settings; a model that has not failed answers 409.")
  @RequestBody(
      content =
          @Content(
              mediaType = MediaType.APPLICATION_JSON,
              schema = @Schema(implementation = TrainingOverrides.class)))
  @APIResponse(
      responseCode = "202",
      description = "The model is trained again",
      content = @Content(schema = @Schema(implementation = Accepted.class)))
  @APIResponse(
      responseCode = "409",
      description = "The model has not failed",
      content =
          @Content(
              mediaType = Problem.MEDIA_TYPE,
              schema = @Schema(implementation = Problem.class)))
  public Response retry(
      @PathParam("id") String id,
      @PathParam("key") String key,
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type,
      @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    TrainingOverrides overrides =
        body == null || body.length == 0
            ? TrainingOverrides.NONE
            : reader.overrides(body, DocumentFormat.of(type));
    return accepted(experiments.retry(id, key, overrides, IdempotencyKey.of(idempotencyKey)));
  }

  @POST
  @Path("/{id}/students/{k}/retry")
  @Consumes({MediaType.APPLICATION_JSON, YAML, X_YAML, TEXT_YAML, TEXT_X_YAML, MediaType.WILDCARD})
  @Operation(operationId = "retryStudent", summary = "Train a failed student again, counted from 1")
  @RequestBody(
      content =
          @Content(
              mediaType = MediaType.APPLICATION_JSON,
              schema = @Schema(implementation = TrainingOverrides.class)))
  @APIResponse(
      responseCode = "202",
      description = "The student is trained again",
      content = @Content(schema = @Schema(implementation = Accepted.class)))
  public Response retryStudent(
      @PathParam("id") String id,
      @PathParam("k") String student,
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type,
      @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    return retry(id, "student-" + student, body, type, idempotencyKey);
  }

  @POST
  @Path("/{id}/teacher/retry")
  @Consumes({MediaType.APPLICATION_JSON, YAML, X_YAML, TEXT_YAML, TEXT_X_YAML, MediaType.WILDCARD})
  @Operation(operationId = "retryTeacher", summary = "Train a failed teacher again")
  @RequestBody(
      content =
          @Content(
              mediaType = MediaType.APPLICATION_JSON,
              schema = @Schema(implementation = TrainingOverrides.class)))
  @APIResponse(
      responseCode = "202",
      description = "The teacher is trained again",
      content = @Content(schema = @Schema(implementation = Accepted.class)))
  public Response retryTeacher(
      @PathParam("id") String id,
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type,
      @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    return retry(id, "teacher", body, type, idempotencyKey);
  }

  @POST
  @Path("/{id}/models/{key}/extend")
  @Consumes({MediaType.APPLICATION_JSON, YAML, X_YAML, TEXT_YAML, TEXT_X_YAML})
  @Operation(
      operationId = "extendModel",
      summary = "Train a model to more steps in all",
      description =
          "It goes on from its last checkpoint, also when it is done; what follows uses the new weights. The teacher can be extended until the students begin.")
  @RequestBody(
      required = true,
      content =
          @Content(
              mediaType = MediaType.APPLICATION_JSON,
              schema = @Schema(implementation = Extension.class)))
  @APIResponse(
      responseCode = "202",
      description = "The model is trained on",
      content = @Content(schema = @Schema(implementation = Accepted.class)))
  @APIResponse(
      responseCode = "409",
      description = "The experiment cannot do this now",
      content =
          @Content(
              mediaType = Problem.MEDIA_TYPE,
              schema = @Schema(implementation = Problem.class)))
  public Response extend(
      @PathParam("id") String id,
      @PathParam("key") String key,
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type,
      @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    Extension wanted = reader.extension(body, DocumentFormat.of(type));
    return accepted(experiments.extend(id, key, wanted.steps(), IdempotencyKey.of(idempotencyKey)));
  }

  @POST
  @Path("/{id}/models/{key}/replace")
  @Consumes({MediaType.APPLICATION_JSON, YAML, X_YAML, TEXT_YAML, TEXT_X_YAML})
  @Operation(
      operationId = "replaceStudent",
      summary = "Train a student anew with other settings",
      description =
          "It begins at step 0 in a place of its own: its checkpoints and curves so far are forgotten. Settings that are left out stay as they are.")
  @RequestBody(
      required = true,
      content =
          @Content(
              mediaType = MediaType.APPLICATION_JSON,
              schema = @Schema(implementation = StudentReplacement.class)))
  @APIResponse(
      responseCode = "202",
      description = "The student is trained anew",
      content = @Content(schema = @Schema(implementation = Accepted.class)))
  @APIResponse(
      responseCode = "409",
      description = "The experiment cannot do this now",
      content =
          @Content(
              mediaType = Problem.MEDIA_TYPE,
              schema = @Schema(implementation = Problem.class)))
  public Response replace(
      @PathParam("id") String id,
      @PathParam("key") String key,
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type,
      @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    StudentReplacement wanted = reader.replacement(body, DocumentFormat.of(type));
    return accepted(
        experiments.replace(id, key, wanted, reader, IdempotencyKey.of(idempotencyKey)));
  }

  @POST
  @Path("/{id}/models/{key}/cancel")
  @Operation(
      operationId = "cancelModel",
      summary = "Let the experiment go on without a model",
      description =
          "It stops after a checkpoint. When all others are done, the experiment is evaluated with what it has and ends PARTIAL; until then the model can be retried.")
  @APIResponse(
      responseCode = "202",
      description = "The model stops",
      content = @Content(schema = @Schema(implementation = Accepted.class)))
  @APIResponse(
      responseCode = "409",
      description = "The experiment cannot do this now",
      content =
          @Content(
              mediaType = Problem.MEDIA_TYPE,
              schema = @Schema(implementation = Problem.class)))
  public Response cancelModel(
      @PathParam("id") String id,
      @PathParam("key") String key,
      @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    return accepted(experiments.cancelModel(id, key, IdempotencyKey.of(idempotencyKey)));
  }

  @POST
  @Path("/{id}/pause")
  @Operation(
      operationId = "pauseExperiment",
      summary = "Pause an experiment",
      description =
          "Trainings are handed back after a checkpoint, an evaluation is stopped, and nothing is started until it is resumed.")
  @APIResponse(
      responseCode = "202",
      description = "The experiment pauses",
      content = @Content(schema = @Schema(implementation = Accepted.class)))
  @APIResponse(
      responseCode = "409",
      description = "The experiment cannot do this now",
      content =
          @Content(
              mediaType = Problem.MEDIA_TYPE,
              schema = @Schema(implementation = Problem.class)))
  public Response pause(
      @PathParam("id") String id, @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    return accepted(experiments.pause(id, IdempotencyKey.of(idempotencyKey)));
  }

  @POST
  @Path("/{id}/resume")
  @Operation(
      operationId = "resumeExperiment",
      summary = "Resume a paused experiment",
      description = "Trainings go on from their checkpoints.")
  @APIResponse(
      responseCode = "202",
      description = "The experiment goes on",
      content = @Content(schema = @Schema(implementation = Accepted.class)))
  @APIResponse(
      responseCode = "409",
      description = "The experiment cannot do this now",
      content =
          @Content(
              mediaType = Problem.MEDIA_TYPE,
              schema = @Schema(implementation = Problem.class)))
  public Response resume(
      @PathParam("id") String id, @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    return accepted(experiments.resume(id, IdempotencyKey.of(idempotencyKey)));
  }

  @POST
  @Path("/{id}/evaluation/rerun")
  @Operation(
      operationId = "rerunEvaluation",
      summary = "Evaluate again",
      description =
          "Does the evaluation that is under way, or has failed, again from its beginning, merging and search included. An experiment that has ended answers 409: launch its spec again.")
  @APIResponse(
      responseCode = "202",
      description = "The evaluation is done again",
      content = @Content(schema = @Schema(implementation = Accepted.class)))
  @APIResponse(
      responseCode = "409",
      description = "The experiment cannot do this now",
      content =
          @Content(
              mediaType = Problem.MEDIA_TYPE,
              schema = @Schema(implementation = Problem.class)))
  public Response rerunEvaluation(
      @PathParam("id") String id, @HeaderParam(IdempotencyKey.HEADER) String idempotencyKey) {
    return accepted(experiments.rerunEvaluation(id, IdempotencyKey.of(idempotencyKey)));
  }

  @GET
  @Path("/{id}/artifacts/{name}")
  @Produces(MediaType.WILDCARD)
  @Operation(
      operationId = "getArtifact",
      summary = "Download a file of an experiment",
      description = "The ETag is the SHA-256 of the file.")
  @APIResponse(
      responseCode = "200",
      description = "The file",
      content =
          @Content(
              mediaType = MediaType.APPLICATION_OCTET_STREAM,
              schema = @Schema(type = SchemaType.STRING, format = "binary")))
  public Response artifact(
      @PathParam("id") String id, @PathParam("name") String name, @Context Request request) {
    Artifact artifact = experiments.artifact(id, name);
    EntityTag tag = new EntityTag(artifact.sha256());
    Response.ResponseBuilder unchanged = request.evaluatePreconditions(tag);
    if (unchanged != null) {
      return unchanged.tag(tag).build();
    }
    InputStream content = experiments.open(artifact);
    StreamingOutput body = out -> whole.write(out, o -> artifact.copy(content, o));
    return Response.ok(body, artifact.contentType())
        .header(HttpHeaders.CONTENT_LENGTH, artifact.bytes())
        .header(
            HttpHeaders.CONTENT_DISPOSITION, "inline; filename=\"%s\"".formatted(artifact.name()))
        .tag(tag)
        .build();
  }

  @GET
  @Path("/{id}/samples/{subject}.png")
  @Produces({"image/png", Problem.MEDIA_TYPE})
  @Operation(
      operationId = "getSamples",
      summary = "Get a grid of samples as PNG",
      description =
          "The subject is teacher, one-to-one, o2mkd, merged, or dataset for real images.")
  @APIResponse(
      responseCode = "200",
      description = "The grid",
      content =
          @Content(
              mediaType = "image/png",
              schema = @Schema(type = SchemaType.STRING, format = "binary")))
  public Response samples(
      @PathParam("id") String id, @PathParam("subject") String subject, @Context Request request) {
    return artifact(id, "samples-%s.png".formatted(subject), request);
  }

  private static Response accepted(Accepted accepted) {
    return Response.accepted(accepted).location(accepted.links().self()).build();
  }
}
