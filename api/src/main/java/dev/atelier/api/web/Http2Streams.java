package dev.atelier.api.web;

import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.netty.handler.codec.http2.Http2Exception;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.impl.ConnectionBase;
import io.vertx.ext.web.Router;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/**
 * Holds every HTTP/2 connection to the streams that its client is told it may have open, since
 * Netty does so only once the client has said that it has heard; and lets a stream that its client
 * cancels end alone, since Vert.x ends the connection with it when there is something to write.
 */
@ApplicationScoped
class Http2Streams {

  private static final Logger LOG = Logger.getLogger(Http2Streams.class);

  // What Netty answers, without a type of its own, to who writes to a stream that was reset.
  private static final String GONE = "Stream no longer exists";

  private final int streams;

  Http2Streams(@ConfigProperty(name = "quarkus.http.limits.max-concurrent-streams") int streams) {
    this.streams = streams;
  }

  void install(@Observes Router router) {
    router
        .route()
        .order(SlowClients.FIRST)
        .handler(
            call -> {
              bound(call.request());
              call.next();
            });
  }

  private void bound(HttpServerRequest request) {
    if (request.version() == HttpVersion.HTTP_2
        && request.connection() instanceof ConnectionBase connection) {
      ChannelPipeline pipeline = connection.channel().pipeline();
      pipeline.get(Http2ConnectionHandler.class).connection().remote().maxActiveStreams(streams);
      if (pipeline.get(StreamFaults.class) == null) {
        pipeline.addFirst(StreamFaults.ALL);
      }
    }
  }

  /** Keeps what could not be written to one stream from Vert.x, which would end the connection. */
  @Sharable
  private static final class StreamFaults extends ChannelInboundHandlerAdapter {

    private static final StreamFaults ALL = new StreamFaults();

    @Override
    public void exceptionCaught(ChannelHandlerContext channel, Throwable fault) {
      if (fault instanceof Http2Exception.StreamException
          || String.valueOf(fault.getMessage()).startsWith(GONE)) {
        LOG.debugf("A client has canceled what it asked for: %s", fault.getMessage());
      } else {
        channel.fireExceptionCaught(fault);
      }
    }
  }
}
