package dev.atelier.api.project;

import static dev.atelier.api.spec.DocumentTypes.JSON;
import static dev.atelier.api.spec.DocumentTypes.TEXT_X_YAML;
import static dev.atelier.api.spec.DocumentTypes.TEXT_YAML;
import static dev.atelier.api.spec.DocumentTypes.X_YAML;
import static dev.atelier.api.spec.DocumentTypes.YAML;

import dev.atelier.api.access.Projects;
import dev.atelier.api.export.Table;
import dev.atelier.api.parameter.ListParameters;
import dev.atelier.api.spec.DocumentFormat;
import dev.atelier.api.spec.SpecReader;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** Bounds, usage and costs of projects over REST. */
@Path("/api/v1/projects")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Projects")
public class ProjectResource {

  private static final int A_YEAR = 12; // months

  private final ProjectRepository repository;
  private final Projects projects;
  private final SpecReader reader;

  ProjectResource(ProjectRepository repository, Projects projects, SpecReader reader) {
    this.repository = repository;
    this.projects = projects;
    this.reader = reader;
  }

  @GET
  @Operation(
      operationId = "listProjects",
      summary = "List projects with what they may have and what they have",
      description = "Those that have experiments, bounds, or have used something.")
  @APIResponse(responseCode = "200", description = "At most 1000")
  public ProjectPage list() {
    return new ProjectPage(repository.list(projects.visible()));
  }

  @GET
  @Path("/{project}/quota")
  @Operation(
      operationId = "showQuota",
      summary = "Show what a project may have and what it has",
      description = "A project that nobody has heard of has nothing and no bounds.")
  @APIResponse(responseCode = "200", description = "Its bounds, and what is held against them")
  public ProjectView quota(@PathParam("project") String project) {
    return repository.show(project);
  }

  @PUT
  @Path("/{project}/quota")
  @Consumes({JSON, YAML, X_YAML, TEXT_YAML, TEXT_X_YAML})
  @Operation(
      operationId = "setQuota",
      summary = "Set what a project may have",
      description =
          "All bounds at once: one that is left out is lifted. What runs goes on; what waits goes on"
              + " within a minute where a bound is raised.")
  @RequestBody(
      required = true,
      content = @Content(mediaType = JSON, schema = @Schema(implementation = Quota.class)))
  @APIResponse(responseCode = "200", description = "Its bounds, and what is held against them")
  @APIResponse(responseCode = "422", description = "The document breaks rules")
  public ProjectView setQuota(
      @PathParam("project") String project,
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type) {
    repository.set(project, reader.document(body, DocumentFormat.of(type), Quota.class));
    return repository.show(project);
  }

  @GET
  @Path("/{project}/usage")
  @Operation(
      operationId = "listUsage",
      summary = "List what a project used by month, newest first, and what that costs",
      description =
          "Hours of devices count as they are used, also of attempts that failed and of experiments"
              + " that are deleted; costs are at the prices that the server has now.")
  @APIResponse(responseCode = "200", description = "Months in which it used something")
  public UsagePage usage(
      @PathParam("project") String project,
      @QueryParam("months")
          @Parameter(
              description = "How many, at most",
              schema =
                  @Schema(
                      type = SchemaType.INTEGER,
                      minimum = "1",
                      maximum = "2147483647",
                      defaultValue = "12"))
          String months) {
    ListParameters parameters = new ListParameters();
    int most = parameters.atLeast("months", empty(months), 1, A_YEAR);
    parameters.check();
    return new UsagePage(repository.usage(project, most));
  }

  @GET
  @Path("/{project}/usage")
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listUsage", hidden = true)
  public Table usageAsTable(
      @PathParam("project") String project, @QueryParam("months") String months) {
    return Table.of(MonthOfUse.class, usage(project, months).items());
  }

  private static String empty(String text) {
    return text == null || text.isEmpty() ? null : text;
  }
}
