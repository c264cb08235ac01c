package dev.atelier.api.web;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.problem.RouterProblems;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClosedException;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.ext.web.RoutingContext;
import jakarta.ws.rs.container.ContainerRequestContext;
import java.io.ByteArrayInputStream;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/**
 * Reads what an operation is sent over HTTP/2 before a thread is taken for it. There no header says
 * whether a body follows, so each request is read to its end. RESTEasy cannot begin with one that
 * was read, which is why its own filter does it, and no handler before it as for HTTP/1.1.
 */
class Http2Bodies {

  private static final Logger LOG = Logger.getLogger(Http2Bodies.class);
  private static final int FIRST = 0; // before every filter that may block

  private final BodyMemory memory;
  private final Duration bodyTime;
  private final int bodyBytes;

  Http2Bodies(BodyMemory memory, AtelierConfig config) {
    this.memory = memory;
    this.bodyTime = config.limits().bodyTime();
    this.bodyBytes = config.limits().bodyBytes();
  }

  @ServerRequestFilter(priority = FIRST, nonBlocking = true)
  Uni<Void> read(ContainerRequestContext request, RoutingContext call) {
    if (call.request().version() != HttpVersion.HTTP_2) {
      return Uni.createFrom().voidItem();
    }
    return Uni.createFrom()
        .<Buffer>emitter(whole -> read(call, whole))
        .invoke(
            body -> {
              if (body.length() > 0) {
                request.setEntityStream(new ByteArrayInputStream(body.getBytes()));
              }
            })
        .onFailure(failure -> !(failure instanceof ProblemException))
        .transform(unused -> gone(call))
        .onFailure()
        .invoke(() -> RouterProblems.leaveRest(call))
        .replaceWithVoid();
  }

  private void read(RoutingContext call, UniEmitter<? super Buffer> whole) {
    HttpServerRequest request = call.request();
    Buffer body = Buffer.buffer();
    long timer =
        SlowClients.atDeadline(
            call.vertx(),
            bodyTime,
            () ->
                whole.fail( // unless it has come
                    new ProblemException(
                        ProblemType.SLOW_BODY, SlowClients.notThereAfter(bodyTime))));
    whole.onTermination(
        () -> {
          call.vertx().cancelTimer(timer);
          request.handler(null); // what still comes is thrown away
        });
    request.exceptionHandler(whole::fail);
    call.addEndHandler(
        unused -> {
          whole.fail(new HttpClosedException("There is no stream.")); // unless it ended before
          memory.give(body.length());
        });
    request.handler(
        part ->
            refusalOf(request, body, part)
                .ifPresentOrElse(whole::fail, () -> body.appendBuffer(part)));
    request.endHandler(unused -> whole.complete(body));
    if ("100-continue".equalsIgnoreCase(request.getHeader(HttpHeaders.EXPECT))) {
      call.response().writeContinue();
    }
    request.resume();
  }

  private Optional<ProblemException> refusalOf(
      HttpServerRequest request, Buffer body, Buffer part) {
    if (part.length() > 0 && !request.headers().contains(HttpHeaders.CONTENT_TYPE)) {
      return Optional.of(
          new ProblemException(ProblemType.UNSUPPORTED_MEDIA_TYPE, ForeignPages.UNTYPED));
    }
    if (body.length() + part.length() > bodyBytes) {
      return Optional.of(
          new ProblemException(
              ProblemType.DOCUMENT_TOO_LARGE, ProblemType.DOCUMENT_TOO_LARGE.title() + "."));
    }
    if (!memory.take(part.length())) {
      return Optional.of(
          new ProblemException(
              ProblemType.TOO_MANY_REQUESTS,
              BodyMemory.REFUSAL,
              Map.of("Retry-After", BodyMemory.SOON)));
    }
    return Optional.empty();
  }

  private static ProblemException gone(RoutingContext call) {
    LOG.debugf("The client of %s has gone in its body.", call.normalizedPath());
    return new ProblemException(ProblemType.BAD_REQUEST, "The client has gone.");
  }
}
