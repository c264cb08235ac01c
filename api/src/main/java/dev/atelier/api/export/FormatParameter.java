package dev.atelier.api.export;

import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.spec.SpecFault;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/**
 * {@code ?format=csv} is {@code Accept: text/csv}, and so on, for those who only have an address to
 * give.
 */
class FormatParameter {

  private static final String NAME = "format";

  @ServerRequestFilter(preMatching = true, nonBlocking = true)
  void accept(ContainerRequestContext request) {
    String format = request.getUriInfo().getQueryParameters().getFirst(NAME);
    if (format == null || format.isEmpty() || !request.getUriInfo().getPath().startsWith("/api/")) {
      return;
    }
    String type =
        switch (format) {
          case "csv" -> Table.CSV;
          case "arrow" -> Table.ARROW;
          case "json" -> MediaType.APPLICATION_JSON;
          default -> throw unknown(format);
        };
    request.getHeaders().putSingle(HttpHeaders.ACCEPT, type);
  }

  private static ProblemException unknown(String format) {
    String message = "must be csv, arrow or json, found '%s'.".formatted(format);
    return new ProblemException(
        ProblemType.INVALID_PARAMETER, NAME + " " + message, List.of(new SpecFault(NAME, message)));
  }
}
