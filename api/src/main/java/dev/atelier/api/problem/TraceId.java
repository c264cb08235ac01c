package dev.atelier.api.problem;

import io.opentelemetry.api.trace.Span;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Names a request in answers, logs and traces: 32 hexadecimal digits, as W3C Trace Context has. */
final class TraceId {

  private static final Pattern TRACEPARENT =
      Pattern.compile("[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}");

  private TraceId() {}

  /**
   * The id of the request's own span, where traces are on; else the caller's, if it sent one; else
   * a fresh one.
   *
   * @param traceparentHeader may be null
   */
  static String of(String traceparentHeader) {
    if (Span.current().getSpanContext().isValid()) {
      return Span.current().getSpanContext().getTraceId();
    }
    Matcher given = TRACEPARENT.matcher(traceparentHeader == null ? "" : traceparentHeader);
    if (given.matches()) {
      return given.group(1);
    }
    ThreadLocalRandom random = ThreadLocalRandom.current();
    return "%016x%016x".formatted(random.nextLong(), random.nextLong());
  }
}
