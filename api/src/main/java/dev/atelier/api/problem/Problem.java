package dev.atelier.api.problem;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.atelier.spec.SpecFault;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** An error as RFC 9457 has it. */
@Schema(name = "Problem", description = "An error (RFC 9457)") // by its name it is in the document
public record Problem(
    @Schema(
            description = "Stable path that names the kind of error",
            examples = "/problems/invalid-spec")
        String type,
    @Schema(description = "The kind of error in words") String title,
    @Schema(description = "The HTTP status") int status,
    @Schema(description = "What went wrong this time") String detail,
    @Schema(description = "Every field that is wrong") @JsonInclude(JsonInclude.Include.NON_EMPTY)
        List<SpecFault> faults,
    @Schema(description = "Names this answer in the server's log") String traceId) {

  public static final String MEDIA_TYPE = "application/problem+json";

  /** One that happened just now; detail: a sentence. */
  public static Problem of(
      ProblemType type, String detail, List<SpecFault> faults, String traceId) {
    return new Problem(type.uri(), type.title(), type.status(), detail, faults, traceId);
  }
}
