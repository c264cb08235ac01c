package dev.atelier.api.problem;

import jakarta.ws.rs.container.ContainerRequestContext;
import java.util.List;
import org.jboss.logging.MDC;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;
import org.jboss.resteasy.reactive.server.ServerResponseFilter;

/** Gives what a request logs the names of its trace and of its experiment or study. */
public class RequestNames {

  private static final String TRACE = "traceId";
  private static final int FIRST = 1; // also what is refused has a name
  private static final List<String> NAMES = List.of(TRACE, "experimentId", "studyId", "modelKey");

  @ServerRequestFilter(priority = FIRST)
  void name(ContainerRequestContext request) {
    String trace = traceId(request);
    request.setProperty(TRACE, trace);
    MDC.put(TRACE, trace);
    String id = request.getUriInfo().getPathParameters().getFirst("id");
    if (id != null) {
      MDC.put(
          request.getUriInfo().getPath().contains("/studies/") ? "studyId" : "experimentId", id);
    }
    String key = request.getUriInfo().getPathParameters().getFirst("key");
    if (key != null) {
      MDC.put("modelKey", key);
    }
  }

  @ServerResponseFilter
  void forget() {
    NAMES.forEach(MDC::remove); // the thread serves other requests
  }

  /** The same for all answers and log lines of a request. */
  public static String traceId(ContainerRequestContext request) {
    return request.getProperty(TRACE) instanceof String known
        ? known
        : TraceId.of(request.getHeaderString("traceparent"));
  }
}
