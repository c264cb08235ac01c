package dev.atelier.api.web;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.problem.RouterProblems;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpClosedException;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.SocketAddress;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jboss.logging.Logger;

/**
 * Bounds what clients can hold: connections and, over HTTP/1.1, the time that a body takes to come
 * and its memory. A body is read before anything else runs, so that no thread waits for it; those
 * of HTTP/2 are read by {@link Http2Bodies}.
 */
@ApplicationScoped
class SlowClients {

  private static final Logger LOG = Logger.getLogger(SlowClients.class);

  static final int FIRST = Integer.MIN_VALUE; // of the handlers; the next one is left to tests
  static final int WHOLE = FIRST + 3; // from here on a body has been read

  private static final String IS_WHOLE = SlowClients.class.getName() + ".whole";

  /** In which a process reads what has come, however little of a processor it gets. */
  private static final int READ_TURNS = 10;

  private final RouterProblems problems;
  private final BodyMemory memory;
  private final int connections;
  private final Duration bodyTime;
  private final int bodyBytes;
  private final Map<String, Set<HttpConnection>> open = new ConcurrentHashMap<>();

  SlowClients(RouterProblems problems, BodyMemory memory, AtelierConfig config) {
    this.problems = problems;
    this.memory = memory;
    this.connections = config.limits().connections();
    this.bodyTime = config.limits().bodyTime();
    this.bodyBytes = config.limits().bodyBytes();
  }

  void install(@Observes Router router) {
    router.route().order(FIRST).handler(this::check);
    BodyHandler bodies = BodyHandler.create(false).setBodyLimit(bodyBytes);
    router
        .route()
        .order(FIRST + 2)
        .handler(
            call -> {
              if (isRead(call.request())) {
                bodies.handle(call);
              } else {
                call.next();
              }
            })
        .failureHandler(
            call -> {
              if (call.failure() instanceof HttpClosedException) {
                LOG.debugf("The client of %s has gone in its body.", call.normalizedPath());
              } else if (call.response().closed()) { // such as for a file of the dashboard's
                LOG.debugf("The client of %s has gone.", call.normalizedPath());
              } else {
                call.next();
              }
            });
    // A body that comes after all is of a request that was refused.
    router
        .route()
        .order(WHOLE)
        .handler(
            call -> {
              call.put(IS_WHOLE, true);
              if (!call.response().ended()) {
                call.next();
              }
            });
  }

  private void check(RoutingContext call) {
    if (!mayConnect(call.request())) {
      endAfterwards(call);
      problems.answer(
          call,
          ProblemType.TOO_MANY_REQUESTS,
          "More than %d connections are open.".formatted(connections));
      return;
    }
    if (isRead(call.request())) {
      long bytes = bytes(call.request());
      if (!memory.take(bytes)) {
        endAfterwards(call);
        call.response().putHeader("Retry-After", BodyMemory.SOON);
        problems.answer(call, ProblemType.TOO_MANY_REQUESTS, BodyMemory.REFUSAL);
        return;
      }
      call.addEndHandler(unused -> memory.give(bytes));
      awaitBody(call);
    }
    call.next();
  }

  /** What a body may take; one without a length, or with a longer one, is cut off there. */
  private long bytes(HttpServerRequest request) {
    String length = request.getHeader(HttpHeaders.CONTENT_LENGTH);
    return length != null && length.matches("[0-9]{1,9}")
        ? Math.min(Long.parseLong(length), bodyBytes)
        : bodyBytes;
  }

  private boolean mayConnect(HttpServerRequest request) {
    HttpConnection connection = request.connection();
    String address =
        Optional.ofNullable(request.remoteAddress()).map(SocketAddress::hostAddress).orElse("");
    Set<HttpConnection> ofAddress =
        open.computeIfAbsent(address, unused -> ConcurrentHashMap.newKeySet());
    if (ofAddress.contains(connection)) {
      return true;
    }
    if (ofAddress.size() >= connections) {
      return false;
    }
    ofAddress.add(connection);
    connection.closeHandler(
        closed -> {
          ofAddress.remove(connection);
          open.computeIfPresent(address, (name, left) -> left.isEmpty() ? null : left);
        });
    return true;
  }

  private void awaitBody(RoutingContext call) {
    long timer = atDeadline(call.vertx(), bodyTime, () -> refuseUnlessThere(call));
    call.addEndHandler(unused -> call.vertx().cancelTimer(timer));
  }

  /** A request says that it has not ended, too, where a handler pauses it that awaits something. */
  private void refuseUnlessThere(RoutingContext call) {
    if (call.get(IS_WHOLE) == null && !call.response().ended()) {
      endAfterwards(call);
      problems.answer(call, ProblemType.SLOW_BODY, notThereAfter(bodyTime));
    }
  }

  /** Runs something after a body's time, once all is read that has come; returns its timer. */
  static long atDeadline(Vertx vertx, Duration bodyTime, Runnable then) {
    return vertx.setTimer(bodyTime.toMillis(), over -> afterTurns(vertx, READ_TURNS, then));
  }

  /** A turn of the loop reads the sockets first; a timer that is set in one is over in the next. */
  private static void afterTurns(Vertx vertx, int turns, Runnable then) {
    if (turns == 0) {
      then.run();
    } else {
      vertx.setTimer(1, turn -> afterTurns(vertx, turns - 1, then));
    }
  }

  static String notThereAfter(Duration time) {
    return "The body was not there after %d s.".formatted(time.toSeconds());
  }

  private static void endAfterwards(RoutingContext call) {
    RouterProblems.leaveRest(call);
    if (call.request().version() != HttpVersion.HTTP_2) {
      call.addEndHandler(unused -> call.request().connection().close());
    }
  }

  private static boolean isRead(HttpServerRequest request) {
    return hasBody(request) && request.version() != HttpVersion.HTTP_2;
  }

  /** Whether the headers say that a body follows, as those of HTTP/2 need not. */
  static boolean hasBody(HttpServerRequest request) {
    String length = request.getHeader(HttpHeaders.CONTENT_LENGTH);
    return length == null
        ? request.headers().contains(HttpHeaders.TRANSFER_ENCODING)
        : !length.strip().matches("0+");
  }

  static boolean mayHaveBody(HttpServerRequest request) {
    return hasBody(request) || request.version() == HttpVersion.HTTP_2;
  }
}
