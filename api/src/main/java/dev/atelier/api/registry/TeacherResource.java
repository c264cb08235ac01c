package dev.atelier.api.registry;

import dev.atelier.api.export.Table;
import dev.atelier.api.parameter.ListParameters;
import dev.atelier.api.parameter.PageParameters;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** Teachers that other experiments can take over. */
@Path("/api/v1/teachers")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Registry")
public class TeacherResource {

  private final Registry registry;

  TeacherResource(Registry registry) {
    this.registry = registry;
  }

  @GET
  @Operation(
      operationId = "listTeachers",
      summary = "List teachers that are done, newest first",
      description =
          "Each stands under the id of the experiment that made it; `use` has the fields of a spec"
              + " that take it over in place of training.")
  @APIResponse(responseCode = "200", description = "One page")
  public TeacherPage list(@BeanParam PageParameters page) {
    ListParameters parameters = new ListParameters();
    int size = page.size(parameters);
    Optional<String> before = parameters.text("cursor", page.cursor());
    parameters.check();
    List<TeacherView> found = registry.teachers(before, size + 1);
    return new TeacherPage(
        found.stream().limit(size).toList(),
        found.size() > size ? Optional.of(found.get(size - 1).id()) : Optional.empty());
  }

  @GET
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listTeachers", hidden = true)
  public Table listAsTable() {
    return Table.of(TeacherView.class, cursor -> list(PageParameters.longest(cursor)));
  }

  @GET
  @Path("/{id}")
  @Operation(
      operationId = "showTeacher",
      summary = "Show a teacher by the id of the experiment that made it")
  @APIResponse(responseCode = "200", description = "The teacher")
  public TeacherView show(@PathParam("id") String id) {
    return Optional.of(id)
        .filter(text -> text.indexOf('\0') < 0)
        .flatMap(registry::teacher)
        .orElseThrow(
            () ->
                new ProblemException(
                    ProblemType.TEACHER_NOT_FOUND,
                    "Experiment '%s' has made no teacher.".formatted(id)));
  }
}
