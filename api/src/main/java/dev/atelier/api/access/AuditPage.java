package dev.atelier.api.access;

import dev.atelier.api.export.Table;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** What was done, newest first. */
public record AuditPage(
    List<Entry> items,
    @Schema(description = "Asks for the next page", implementation = String.class)
        Optional<String> nextCursor)
    implements Table.Page<AuditPage.Entry> {

  /** One thing that somebody did. */
  @RecordBuilder
  public record Entry(
      long id,
      Instant at,
      String actor,
      Role role,
      @Schema(description = "operationId") String action,
      Audit.Kind subjectKind,
      String subjectId,
      @Schema(implementation = String.class) Optional<String> project,
      Audit.Outcome outcome,
      String detail,
      @Schema(description = "Trace id of the request") String requestId,
      String address) {}
}
