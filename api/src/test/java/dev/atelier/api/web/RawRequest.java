package dev.atelier.api.web;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** A request with just the headers that a test names, which no client would send. */
public final class RawRequest {

  private static final int PATIENCE_MILLIS = 30_000;

  private final String line;
  private final Map<String, String> headers = new LinkedHashMap<>();
  private String body = "";

  private RawRequest(String line) {
    this.line = line;
  }

  /** What came back: the status line and headers, then the body. */
  public record Answer(int status, String head, String body) {

    public String header(String name) {
      return head.lines()
          .filter(line -> line.regionMatches(true, 0, name + ":", 0, name.length() + 1))
          .map(line -> line.substring(name.length() + 1).strip())
          .findFirst()
          .orElse("");
    }
  }

  public static RawRequest get(String path) {
    return new RawRequest("GET " + path);
  }

  public static RawRequest options(String path) {
    return new RawRequest("OPTIONS " + path);
  }

  public static RawRequest delete(String path) {
    return new RawRequest("DELETE " + path);
  }

  public static RawRequest post(String path, String body) {
    RawRequest request = new RawRequest("POST " + path);
    request.body = body;
    return request;
  }

  public RawRequest header(String name, String value) {
    headers.put(name, value);
    return this;
  }

  /** Sends it to loopback, by default as 127.0.0.1 with its port. */
  public Answer send(int port) throws IOException {
    headers.putIfAbsent("Host", "127.0.0.1:" + port);
    StringBuilder text = new StringBuilder(line + " HTTP/1.1\r\nConnection: close\r\n");
    headers.forEach((name, value) -> text.append(name).append(": ").append(value).append("\r\n"));
    if (!body.isEmpty() && !headers.containsKey("Transfer-Encoding")) {
      text.append("Content-Length: ").append(body.length()).append("\r\n");
    }
    String content =
        headers.containsKey("Transfer-Encoding")
            ? "%x\r\n%s\r\n0\r\n\r\n".formatted(body.length(), body)
            : body;
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(PATIENCE_MILLIS);
      socket.getOutputStream().write((text + "\r\n" + content).getBytes(StandardCharsets.US_ASCII));
      String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      String[] parts = answer.split("\r\n\r\n", 2);
      return new Answer(
          Integer.parseInt(parts[0].substring(9, 12)), parts[0], parts.length > 1 ? parts[1] : "");
    }
  }
}
