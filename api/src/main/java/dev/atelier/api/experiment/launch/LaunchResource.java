package dev.atelier.api.experiment.launch;

import static dev.atelier.api.spec.DocumentTypes.JSON;
import static dev.atelier.api.spec.DocumentTypes.TEXT_X_YAML;
import static dev.atelier.api.spec.DocumentTypes.TEXT_YAML;
import static dev.atelier.api.spec.DocumentTypes.X_YAML;
import static dev.atelier.api.spec.DocumentTypes.YAML;

import dev.atelier.api.experiment.Accepted;
import dev.atelier.api.experiment.Links;
import dev.atelier.api.parameter.IdempotencyKey;
import dev.atelier.api.parameter.ListParameters;
import dev.atelier.api.spec.DocumentFormat;
import dev.atelier.api.spec.SpecReader;
import dev.atelier.spec.ExperimentSpec;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
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
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** New experiments over REST. */
@Path(Links.EXPERIMENTS)
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Experiments")
public class LaunchResource {

  private final LaunchService launches;
  private final SpecReader reader;

  LaunchResource(LaunchService launches, SpecReader reader) {
    this.launches = launches;
    this.reader = reader;
  }

  @POST
  @Consumes({JSON, YAML, X_YAML, TEXT_YAML, TEXT_X_YAML})
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
        @Content(mediaType = JSON, schema = @Schema(implementation = ExperimentSpec.class)),
        @Content(mediaType = YAML, schema = @Schema(implementation = ExperimentSpec.class))
      })
  @APIResponseSchema(
      value = Estimate.class,
      responseCode = "200",
      responseDescription = "What it would take (dryRun)")
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
      description = "The spec breaks rules, or the Idempotency-Key was used for another spec")
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
    return dry ? Response.ok(launches.estimate(spec)).build() : launches.launch(spec, key).answer();
  }
}
