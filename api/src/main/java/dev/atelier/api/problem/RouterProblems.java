package dev.atelier.api.problem;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.api.AtelierConfig;
import io.vertx.core.http.HttpVersion;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.util.List;
import java.util.Map;

/** Problem documents for requests that fail before they reach a resource. */
@ApplicationScoped
public class RouterProblems {

  private static final Map<Integer, ProblemType> TYPES =
      Map.of(
          400, ProblemType.BAD_REQUEST,
          404, ProblemType.NOT_FOUND,
          405, ProblemType.METHOD_NOT_ALLOWED,
          413, ProblemType.DOCUMENT_TOO_LARGE,
          415, ProblemType.UNSUPPORTED_MEDIA_TYPE,
          500, ProblemType.INTERNAL);

  private static final long NO_ERROR = 0; // of HTTP/2

  private final ObjectMapper json;
  private final long maxBodyBytes;

  RouterProblems(ObjectMapper json, AtelierConfig config) {
    this.json = json;
    this.maxBodyBytes = config.limits().bodyBytes();
  }

  void install(@Observes Router router) {
    // Quarkus would answer with an empty body.
    router.route().order(Integer.MIN_VALUE).handler(this::refuseLongBody);
    TYPES.forEach(
        (status, type) ->
            router.errorHandler(status, call -> answer(call, type, type.title() + ".")));
  }

  private void refuseLongBody(RoutingContext call) {
    String length = call.request().getHeader("Content-Length");
    if (length != null && length.matches("\\d{1,18}") && Long.parseLong(length) > maxBodyBytes) {
      leaveRest(call);
      answer(call, ProblemType.DOCUMENT_TOO_LARGE, ProblemType.DOCUMENT_TOO_LARGE.title() + ".");
    } else {
      call.next();
    }
  }

  /**
   * Lets go of what is left of a request once it is answered: the client hears that it will not be
   * read. HTTP/1.1 ends the connection for it, HTTP/2 the stream alone, without a fault (RFC 9113,
   * 8.1).
   */
  public static void leaveRest(RoutingContext call) {
    if (call.request().version() != HttpVersion.HTTP_2) {
      call.response().putHeader("Connection", "close");
      return;
    }
    call.addEndHandler(
        answered ->
            call.vertx()
                .runOnContext( // the end of a request without a body is seen after its headers
                    unused -> {
                      if (!call.request().isEnded()) {
                        call.response().reset(NO_ERROR);
                      }
                    }));
  }

  /**
   * Answers with a problem.
   *
   * @param detail a sentence
   */
  public void answer(RoutingContext call, ProblemType type, String detail) {
    if (call.response().ended() || call.response().headWritten()) {
      return;
    }
    Problem problem =
        Problem.of(type, detail, List.of(), TraceId.of(call.request().getHeader("traceparent")));
    try {
      call.response()
          .setStatusCode(type.status())
          .putHeader("Content-Type", Problem.MEDIA_TYPE)
          .end(json.writeValueAsString(problem));
    } catch (JsonProcessingException e) {
      call.response().setStatusCode(type.status()).end();
    }
  }
}
