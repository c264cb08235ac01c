package dev.atelier.api.mapping;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.export.WholeAnswer;
import dev.atelier.api.problem.AllowedMethods;
import dev.atelier.api.problem.Problem;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.problem.RequestNames;
import dev.atelier.api.spec.RefusedDocumentException;
import dev.atelier.api.temporal.TemporalBusyException;
import dev.atelier.api.temporal.TemporalUnavailableException;
import dev.atelier.spec.SpecFault;
import dev.atelier.store.objects.StoreUnavailableException;
import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.vertx.ext.web.RoutingContext;
import jakarta.ws.rs.NotAllowedException;
import jakarta.ws.rs.NotFoundException;
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.Response;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;
import org.jdbi.v3.core.JdbiException;

/** Turns every exception that leaves a resource into a problem document. */
class ProblemMappers {

  private static final Logger LOG = Logger.getLogger(ProblemMappers.class);
  private static final int RETRY_AFTER_SECONDS = 2;

  private final CurrentVertxRequest current;
  private final AtelierConfig config;

  ProblemMappers(CurrentVertxRequest current, AtelierConfig config) {
    this.current = current;
    this.config = config;
  }

  @ServerExceptionMapper
  Response problem(ProblemException e, ContainerRequestContext request) {
    Response.ResponseBuilder answer =
        Response.fromResponse(answer(e.type(), e.getMessage(), e.faults(), request));
    e.headers().forEach(answer::header);
    return answer.build();
  }

  @ServerExceptionMapper
  Response refusedDocument(RefusedDocumentException e, ContainerRequestContext request) {
    ProblemType type =
        switch (e.reason()) {
          case TOO_LARGE -> ProblemType.DOCUMENT_TOO_LARGE;
          case MALFORMED -> ProblemType.MALFORMED_DOCUMENT;
          case INVALID -> ProblemType.INVALID_SPEC;
        };
    SpecFault first = e.faults().get(0);
    String detail =
        first.field().isEmpty()
            ? first.message()
            : e.count() == 1
                ? "%s %s".formatted(first.field(), first.message())
                : "%d fields are wrong; the first: %s %s"
                    .formatted(e.count(), first.field(), first.message());
    return answer(type, detail, e.faults(), request);
  }

  @ServerExceptionMapper
  Response temporalBusy(TemporalBusyException e, ContainerRequestContext request) {
    LOG.warn(e.getMessage());
    return answer(ProblemType.TEMPORAL_BUSY, e.getMessage(), List.of(), request);
  }

  @ServerExceptionMapper
  Response temporalUnavailable(TemporalUnavailableException e, ContainerRequestContext request) {
    LOG.warn(e.getMessage());
    return answer(ProblemType.TEMPORAL_UNAVAILABLE, e.getMessage(), List.of(), request);
  }

  @ServerExceptionMapper
  Response storeUnavailable(StoreUnavailableException e, ContainerRequestContext request) {
    LOG.warn(e.getMessage());
    return answer(
        ProblemType.STORE_UNAVAILABLE,
        "The object store cannot be read at %s.".formatted(config.s3().endpoint()),
        List.of(),
        request);
  }

  @ServerExceptionMapper
  Response notFound(NotFoundException e, ContainerRequestContext request) {
    return answer(
        ProblemType.NOT_FOUND,
        "There is nothing at %s.".formatted(request.getUriInfo().getPath()),
        List.of(),
        request);
  }

  @ServerExceptionMapper
  Response notAllowed(NotAllowedException e, ContainerRequestContext request) {
    Response plain =
        answer(
            ProblemType.METHOD_NOT_ALLOWED,
            "%s does not know %s.".formatted(request.getUriInfo().getPath(), request.getMethod()),
            List.of(),
            request);
    return AllowedMethods.at(request.getUriInfo().getPath())
        .map(allowed -> Response.fromResponse(plain).allow(allowed).build())
        .orElse(plain);
  }

  @ServerExceptionMapper
  Response otherHttpError(WebApplicationException e, ContainerRequestContext request) {
    return switch (e.getResponse().getStatus()) {
      case 404 ->
          answer(ProblemType.NOT_FOUND, "There is nothing at this path.", List.of(), request);
      case 406 ->
          answer(
              ProblemType.NOT_ACCEPTABLE,
              "Nothing of the accepted media types can be served.",
              List.of(),
              request);
      case 413 ->
          answer(
              ProblemType.DOCUMENT_TOO_LARGE, "The request body is too large.", List.of(), request);
      case 415 ->
          answer(
              ProblemType.UNSUPPORTED_MEDIA_TYPE,
              "Expected application/json or application/yaml, found %s."
                  .formatted(request.getHeaderString(HttpHeaders.CONTENT_TYPE)),
              List.of(),
              request);
      case 400 ->
          answer(ProblemType.BAD_REQUEST, "The request cannot be read.", List.of(), request);
      default -> internal(e, request);
    };
  }

  @ServerExceptionMapper
  Response database(JdbiException e, ContainerRequestContext request) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof SQLException sql && isAway(Optional.ofNullable(sql.getSQLState()))) {
        LOG.warnf("The database cannot be reached: %s", sql.getMessage());
        return answer(
            ProblemType.DATABASE_UNAVAILABLE,
            "The database cannot be reached.",
            List.of(),
            request);
      }
    }
    return internal(e, request);
  }

  /**
   * No state: the pool has no connection. 08: there is none. 53: no more. 55P03, 57014: it waited
   * too long for a lock. 57P: it starts or ends.
   */
  private static boolean isAway(Optional<String> sqlState) {
    return sqlState
        .map(
            state ->
                state.startsWith("08")
                    || state.startsWith("53")
                    || state.startsWith("57P")
                    || state.equals("55P03")
                    || state.equals("57014"))
        .orElse(true);
  }

  @ServerExceptionMapper
  Response unexpected(Throwable e, ContainerRequestContext request) {
    return internal(e, request);
  }

  private Response internal(Throwable e, ContainerRequestContext request) {
    if (hasGone()) {
      LOG.debugf(
          "Nobody is there for the answer of %s: %s",
          request.getUriInfo().getPath(), e.getMessage());
      return answer(ProblemType.BAD_REQUEST, "The client has gone.", List.of(), request);
    }
    Problem problem =
        Problem.of(
            ProblemType.INTERNAL,
            "The server has a fault; its log has the cause under the trace id.",
            List.of(),
            RequestNames.traceId(request));
    LOG.errorf(
        e,
        "%s %s failed, trace id %s",
        request.getMethod(),
        request.getUriInfo().getPath(),
        problem.traceId());
    return answer(problem);
  }

  /** Whether there is nobody to tell, since the client has left or its answer was broken off. */
  private boolean hasGone() {
    RoutingContext call = current.getCurrent();
    return call.response().closed() || WholeAnswer.isBrokenOff(call);
  }

  private static Response answer(
      ProblemType type, String detail, List<SpecFault> faults, ContainerRequestContext request) {
    return answer(Problem.of(type, detail, faults, RequestNames.traceId(request)));
  }

  private static Response answer(Problem problem) {
    Response.ResponseBuilder answer =
        Response.status(problem.status()).type(Problem.MEDIA_TYPE).entity(problem);
    if (problem.status() == 503) {
      answer.header(HttpHeaders.RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    return answer.build();
  }
}
