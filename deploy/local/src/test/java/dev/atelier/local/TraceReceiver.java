package dev.atelier.local;

import com.sun.net.httpserver.HttpServer;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
import io.opentelemetry.proto.trace.v1.Span;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.zip.GZIPInputStream;

/** Receives OpenTelemetry traces over HTTP, as a collector does. */
final class TraceReceiver implements AutoCloseable {

  private final HttpServer server;
  private final List<Span> spans = new CopyOnWriteArrayList<>();

  TraceReceiver() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/v1/traces",
        call -> {
          try (call) {
            boolean packed = "gzip".equals(call.getRequestHeaders().getFirst("Content-Encoding"));
            try (InputStream body =
                packed ? new GZIPInputStream(call.getRequestBody()) : call.getRequestBody()) {
              ExportTraceServiceRequest.parseFrom(body).getResourceSpansList().stream()
                  .flatMap(resource -> resource.getScopeSpansList().stream())
                  .forEach(scope -> spans.addAll(scope.getSpansList()));
            }
            call.getResponseHeaders().set("Content-Type", "application/x-protobuf");
            call.sendResponseHeaders(200, -1);
          }
        });
    server.start();
  }

  URI endpoint() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
  }

  List<Span> spans() {
    return List.copyOf(spans);
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
