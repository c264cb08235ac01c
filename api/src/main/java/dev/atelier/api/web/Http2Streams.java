package dev.atelier.api.web;

import io.netty.handler.codec.http2.Http2ConnectionHandler;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.impl.ConnectionBase;
import io.vertx.ext.web.Router;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/**
 * Holds every HTTP/2 connection to the streams that its client is told it may have open: Netty does
 * so only once the client has said that it has heard.
 */
@ApplicationScoped
class Http2Streams {

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
      connection
          .channel()
          .pipeline()
          .get(Http2ConnectionHandler.class)
          .connection()
          .remote()
          .maxActiveStreams(streams);
    }
  }
}
