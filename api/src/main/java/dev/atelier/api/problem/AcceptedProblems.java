package dev.atelier.api.problem;

import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.MediaType;
import java.util.regex.Pattern;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/**
 * Who accepts problem documents alone, as some generated clients do, says nothing of answers that
 * are no problem: those come as JSON, or as what they are.
 */
class AcceptedProblems {

  private static final String ONE = "\\s*application/problem\\+json\\s*(;[^,]*)?";
  private static final Pattern ALONE =
      Pattern.compile("%s(,%s)*".formatted(ONE, ONE), Pattern.CASE_INSENSITIVE);
  private static final String JSON_OR_ANY = MediaType.APPLICATION_JSON + ", */*;q=0.5";

  @ServerRequestFilter(preMatching = true, nonBlocking = true)
  void accept(ContainerRequestContext request) {
    String accepted = request.getHeaderString(HttpHeaders.ACCEPT);
    if (accepted != null && ALONE.matcher(accepted).matches()) {
      request.getHeaders().putSingle(HttpHeaders.ACCEPT, JSON_OR_ANY);
    }
  }
}
