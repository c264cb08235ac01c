package dev.atelier.api.web;

import jakarta.enterprise.context.ApplicationScoped;
import java.util.concurrent.atomic.AtomicLong;

/** Bounds the memory of all bodies that are on their way, or are worked on, together. */
@ApplicationScoped
class BodyMemory {

  static final String SOON = "1"; // seconds
  static final String REFUSAL =
      "Too many bodies are on their way: ask again in %s s.".formatted(SOON);

  private static final long BYTES_AT_ONCE = 32_000_000;

  private final AtomicLong held = new AtomicLong(); // bytes

  /** Takes room for so many bytes; false: there is none. */
  boolean take(long bytes) {
    if (held.addAndGet(bytes) <= BYTES_AT_ONCE) {
      return true;
    }
    give(bytes);
    return false;
  }

  void give(long bytes) {
    held.addAndGet(-bytes);
  }
}
