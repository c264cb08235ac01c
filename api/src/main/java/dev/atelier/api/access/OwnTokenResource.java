package dev.atelier.api.access;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.spec.DocumentFormat;
import dev.atelier.api.spec.RefusedDocumentException;
import dev.atelier.api.spec.SpecReader;
import dev.atelier.spec.SpecFault;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** The tokens that people make for scripts of theirs. */
@Path("/api/v1/me/tokens")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Access")
public class OwnTokenResource {

  private final ApiTokens tokens;
  private final People people;
  private final Caller caller;
  private final SpecReader reader;
  private final AtelierConfig.Oidc config;

  OwnTokenResource(
      ApiTokens tokens, People people, Caller caller, SpecReader reader, AtelierConfig config) {
    this.tokens = tokens;
    this.people = people;
    this.caller = caller;
    this.reader = reader;
    this.config = config.auth().oidc();
  }

  @POST
  @Consumes(MediaType.APPLICATION_JSON)
  @Operation(
      operationId = "createOwnToken",
      summary = "Make a token for a script of yours",
      description =
          "It may do what it says, and never more than the provider last said that you may. The answer"
              + " holds the token itself, which is kept nowhere. Whoever calls by an API token is"
              + " refused: a stolen one makes no other.")
  @RequestBody(
      required = true,
      content = @Content(schema = @Schema(implementation = OwnTokenRequest.class)))
  @APIResponseSchema(
      value = CreatedToken.class,
      responseCode = "201",
      responseDescription = "The token")
  public Response create(
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type) {
    OwnTokenRequest wanted = reader.document(body, DocumentFormat.of(type), OwnTokenRequest.class);
    Principal person =
        caller
            .principal()
            .asPerson()
            .orElseThrow(
                () ->
                    new ProblemException(
                        ProblemType.BAD_REQUEST,
                        "People make tokens of their own, and this request is no person's: sign in by a browser, or send a token of the provider."));
    ApiTokens.Created created =
        tokens.create(bounded(wanted, person), person.name(), Optional.of(people.known(person)));
    return CreatedToken.answer(created);
  }

  /** What is wanted, in the person's bounds. */
  private TokenRequest bounded(OwnTokenRequest wanted, Principal person) {
    List<SpecFault> faults = new ArrayList<>();
    Role role = wanted.role().orElse(person.role());
    if (!person.role().covers(role)) {
      faults.add(
          new SpecFault(
              "role", "must be at most yours, %s, found %s.".formatted(person.role(), role)));
    }
    if (role == Role.ADMIN && !wanted.projects().isEmpty()) {
      faults.add(
          new SpecFault(
              "projects",
              "must be left out for an admin, who reaches all, found %s."
                  .formatted(wanted.projects())));
    }
    List<String> foreign = wanted.projects().stream().filter(p -> !person.reaches(p)).toList();
    if (!foreign.isEmpty()) {
      faults.add(new SpecFault("projects", "must be some of yours, found %s.".formatted(foreign)));
    }
    List<String> projects =
        wanted.projects().isEmpty() && role != Role.ADMIN
            ? person.projects().orElse(Set.of()).stream().sorted().toList()
            : wanted.projects();
    if (projects.isEmpty() && role != Role.ADMIN) {
      faults.add(
          new SpecFault(
              "projects",
              person.role() == Role.ADMIN
                  ? "must name one project or more."
                  : "cannot be yours: you have none."));
    }
    int days = wanted.expiresInDays().orElse(config.tokenDays());
    if (days > config.tokenDays()) {
      faults.add(
          new SpecFault(
              "expiresInDays",
              "must be at most %d, found %d.".formatted(config.tokenDays(), days)));
    }
    if (!faults.isEmpty()) {
      throw new RefusedDocumentException(RefusedDocumentException.Reason.INVALID, faults);
    }
    return new TokenRequest(wanted.name(), role, projects, Optional.of(days));
  }

  @GET
  @Operation(operationId = "listOwnTokens", summary = "List your own tokens, newest first")
  @APIResponse(responseCode = "200", description = "At most 1000; none of whoever is no person")
  public TokenPage list() {
    return new TokenPage(person().map(tokens::listOf).orElse(List.of()));
  }

  @DELETE
  @Path("/{id}")
  @Operation(operationId = "revokeOwnToken", summary = "Revoke a token of your own")
  @APIResponse(responseCode = "204", description = "It is revoked")
  public void revoke(@PathParam("id") String id) {
    if (id.indexOf('\0') >= 0
        || !person().map(person -> tokens.revokeOf(person, id)).orElse(false)) {
      throw new ProblemException(
          ProblemType.TOKEN_NOT_FOUND, "You have no token '%s'.".formatted(id));
    }
  }

  private Optional<String> person() {
    return caller.principal().subject().flatMap(people::idOf);
  }
}
