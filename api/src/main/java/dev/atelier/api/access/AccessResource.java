package dev.atelier.api.access;

import dev.atelier.api.export.Table;
import dev.atelier.api.parameter.PageParameters;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.spec.DocumentFormat;
import dev.atelier.api.spec.RefusedDocumentException;
import dev.atelier.api.spec.SpecReader;
import dev.atelier.spec.SpecFault;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.BeanParam;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.Parameter;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponseSchema;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.Query;

/** Who may do what, and who did what. */
@Path("/api/v1")
@Produces(MediaType.APPLICATION_JSON)
@Tag(name = "Access")
public class AccessResource {

  private static final int DEFAULT_PAGE = 50;

  private final ApiTokens tokens;
  private final Caller caller;
  private final SpecReader reader;
  private final Jdbi jdbi;

  AccessResource(ApiTokens tokens, Caller caller, SpecReader reader, Jdbi jdbi) {
    this.tokens = tokens;
    this.caller = caller;
    this.reader = reader;
    this.jdbi = jdbi;
  }

  @GET
  @Path("/whoami")
  @Operation(operationId = "whoAmI", summary = "Show who the server takes the caller for")
  @APIResponse(responseCode = "200", description = "The caller")
  public WhoAmI whoAmI() {
    Principal principal = caller.principal();
    return new WhoAmI(
        principal.name(), principal.role(), principal.projects(), principal.asPerson().isPresent());
  }

  @POST
  @Path("/tokens")
  @Consumes(MediaType.APPLICATION_JSON)
  @Operation(
      operationId = "createToken",
      summary = "Make a token for a program",
      description = "The answer holds the token itself, which is kept nowhere.")
  @RequestBody(
      required = true,
      content = @Content(schema = @Schema(implementation = TokenRequest.class)))
  @APIResponseSchema(
      value = CreatedToken.class,
      responseCode = "201",
      responseDescription = "The token")
  public Response create(
      byte[] body,
      @HeaderParam(HttpHeaders.CONTENT_TYPE) @Parameter(hidden = true) MediaType type) {
    TokenRequest wanted = reader.document(body, DocumentFormat.of(type), TokenRequest.class);
    if ((wanted.role() == Role.ADMIN) != wanted.projects().isEmpty()) {
      throw new RefusedDocumentException(
          RefusedDocumentException.Reason.INVALID,
          List.of(
              new SpecFault(
                  "projects",
                  wanted.role() == Role.ADMIN
                      ? "must be left out for an admin, who reaches all, found %s."
                          .formatted(wanted.projects())
                      : "must name one project or more.")));
    }
    ApiTokens.Created created = tokens.create(wanted, caller.principal().name());
    return CreatedToken.answer(created);
  }

  @GET
  @Path("/tokens")
  @Operation(operationId = "listTokens", summary = "List tokens, newest first")
  @APIResponse(responseCode = "200", description = "At most 1000")
  public TokenPage list() {
    return new TokenPage(tokens.list());
  }

  @GET
  @Path("/tokens")
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listTokens", hidden = true)
  public Table listAsTable() {
    return Table.of(ApiToken.class, tokens.list());
  }

  @DELETE
  @Path("/tokens/{id}")
  @Operation(
      operationId = "revokeToken",
      summary = "Revoke a token",
      description = "It stays in the list; from now on it opens nothing.")
  @APIResponse(responseCode = "204", description = "It is revoked")
  public void revoke(@PathParam("id") String id) {
    if (id.indexOf('\0') >= 0 || !tokens.revoke(id)) {
      throw new ProblemException(
          ProblemType.TOKEN_NOT_FOUND, "There is no token '%s'.".formatted(id));
    }
  }

  @GET
  @Path("/audit")
  @Operation(
      operationId = "listAudit",
      summary = "List who changed what, newest first",
      description =
          "One entry for each change. What a workflow decides, such as a retry, has two: ASKED, then"
              + " DONE or REFUSED, or UNKNOWN where no answer came or none could be written down.")
  @APIResponse(responseCode = "200", description = "One page")
  public AuditPage audit(
      @QueryParam("subject") @Parameter(description = "Id of an experiment, study or token")
          String subject,
      @BeanParam PageParameters page) {
    int size = (int) whole("limit", page.limit(), DEFAULT_PAGE, PageParameters.MOST);
    long before = whole("cursor", page.cursor(), Long.MAX_VALUE, Long.MAX_VALUE);
    List<AuditPage.Entry> rows = new ArrayList<>(entries(subject, before, size + 1));
    if (rows.size() <= size) {
      return new AuditPage(rows, Optional.empty());
    }
    rows.remove(size);
    return new AuditPage(rows, Optional.of(Long.toString(rows.get(size - 1).id())));
  }

  @GET
  @Path("/audit")
  @Produces({Table.CSV_IF_ASKED_FOR, Table.ARROW_IF_ASKED_FOR})
  @Blocking
  @Operation(operationId = "listAudit", hidden = true)
  public Table auditAsTable(@QueryParam("subject") String subject) {
    return Table.of(
        AuditPage.Entry.class, cursor -> audit(subject, PageParameters.longest(cursor)));
  }

  private List<AuditPage.Entry> entries(String subject, long before, int limit) {
    return jdbi.withHandle(
        handle -> {
          Query query =
              handle
                  .createQuery(
                      """
                      select id, at, actor, role, action, subject_kind, subject_id, project,
                        outcome, detail, request_id, address
                      from audit
                      where id < :before and (cast(:subject as text) is null or subject_id = :subject)
                      order by id desc limit :limit
                      """)
                  .bind("before", before)
                  .bind("subject", subject == null ? null : subject.replace("\0", ""))
                  .bind("limit", limit);
          return query
              .map(
                  (row, context) ->
                      AuditPageEntryBuilder.builder()
                          .id(row.getLong("id"))
                          .at(row.getObject("at", OffsetDateTime.class).toInstant())
                          .actor(row.getString("actor"))
                          .role(Role.valueOf(row.getString("role")))
                          .action(row.getString("action"))
                          .subjectKind(Audit.Kind.valueOf(row.getString("subject_kind")))
                          .subjectId(row.getString("subject_id"))
                          .project(Optional.ofNullable(row.getString("project")))
                          .outcome(Audit.Outcome.valueOf(row.getString("outcome")))
                          .detail(row.getString("detail"))
                          .requestId(row.getString("request_id"))
                          .address(row.getString("address"))
                          .build())
              .list();
        });
  }

  private static long whole(String name, String text, long absent, long most) {
    if (text == null || text.isEmpty()) {
      return absent;
    }
    if (text.matches("[0-9]{1,18}") && Long.parseLong(text) >= 1 && Long.parseLong(text) <= most) {
      return Long.parseLong(text);
    }
    String message = "must be a whole number from 1 to %d, found '%s'.".formatted(most, text);
    throw new ProblemException(
        ProblemType.INVALID_PARAMETER, name + " " + message, List.of(new SpecFault(name, message)));
  }
}
