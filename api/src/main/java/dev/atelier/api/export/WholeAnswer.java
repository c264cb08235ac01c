package dev.atelier.api.export;

import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.impl.ConnectionBase;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import org.jboss.logging.Logger;

/**
 * Writes the bodies of answers that are whole or broken off: a client never takes a part of one for
 * all of it.
 */
@ApplicationScoped
public class WholeAnswer {

  private static final Logger LOG = Logger.getLogger(WholeAnswer.class);
  private static final long INTERNAL_ERROR = 2; // of HTTP/2

  private static final String BROKEN_OFF = WholeAnswer.class.getName();

  private final CurrentVertxRequest current;

  WholeAnswer(CurrentVertxRequest current) {
    this.current = current;
  }

  /** Writes a body, and closes nothing: what is closed is taken for whole. */
  public interface Body {
    void writeTo(OutputStream out) throws IOException;
  }

  /**
   * Writes a body. A failure before the client has a byte is thrown, so that the answer says it; a
   * later one breaks the connection, or the stream of an HTTP/2 one.
   */
  public void write(OutputStream out, Body body) throws IOException {
    RoutingContext call = current.getCurrent();
    HttpServerResponse answer = call.response();
    try {
      body.writeTo(new Heard(out, answer));
    } catch (IOException | RuntimeException e) {
      if (!answer.headWritten()) {
        throw e;
      }
      if (answer.closed()) {
        LOG.debugf("The client of %s has gone: %s", call.request().path(), e.getMessage());
      } else {
        LOG.errorf(e, "%s is broken off in the middle of its answer.", call.request().path());
      }
      call.put(BROKEN_OFF, true);
      breakOff(call.request());
    }
  }

  /** Whether the answer was broken off, so that what fails on it later is no news. */
  public static boolean isBrokenOff(RoutingContext call) {
    return Boolean.TRUE.equals(call.get(BROKEN_OFF));
  }

  /** What is written is sent as long as somebody is there, which Quarkus's own stream ignores. */
  private static final class Heard extends FilterOutputStream {

    private final HttpServerResponse answer;

    Heard(OutputStream out, HttpServerResponse answer) {
      super(out);
      this.answer = answer;
    }

    @Override
    public void write(int one) throws IOException {
      requireClient();
      out.write(one);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      requireClient();
      out.write(bytes, from, length);
    }

    private void requireClient() throws IOException {
      if (answer.closed()) {
        throw new IOException("The connection is closed.");
      }
    }

    @Override
    public void close() {} // what is closed is taken for whole: the caller does it
  }

  /**
   * Ends the stream of HTTP/2, or the connection at once: an orderly close, which Vert.x makes of
   * the channel's own, would still send the end of the answer that others write.
   */
  private static void breakOff(HttpServerRequest request) {
    if (request.connection() instanceof ConnectionBase connection
        && request.version() != HttpVersion.HTTP_2) {
      var unused = connection.channelHandlerContext().close();
    } else {
      request.response().reset(INTERNAL_ERROR);
    }
  }
}
