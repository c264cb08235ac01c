package dev.atelier.api.access;

import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** People whom the provider has let in. */
@Path("/api/v1/people")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Access")
public class PeopleResource {

  private final People people;

  PeopleResource(People people) {
    this.people = people;
  }

  @GET
  @Operation(operationId = "listPeople", summary = "List people, who signed in last first")
  @APIResponse(responseCode = "200", description = "At most 1000")
  public PersonPage list() {
    return new PersonPage(people.list());
  }

  @DELETE
  @Path("/{id}/access")
  @Operation(
      operationId = "signPersonOut",
      summary = "End a person's sessions and revoke their tokens",
      description = "Whoever shall not come back is taken out at the provider first.")
  @APIResponse(responseCode = "204", description = "They are ended and revoked")
  public void signOut(@PathParam("id") String id) {
    if (id.indexOf('\0') >= 0 || !people.signOut(id)) {
      throw new ProblemException(
          ProblemType.PERSON_NOT_FOUND, "There is no person '%s'.".formatted(id));
    }
  }
}
