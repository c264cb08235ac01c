package dev.atelier.api;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** What the server writes into its log while this is open, and at DEBUG what one class writes. */
public final class WrittenLog extends Handler implements AutoCloseable {

  private static final Duration PATIENCE = Duration.ofSeconds(20); // ends a hung test, no more

  private final List<LogRecord> lines = new CopyOnWriteArrayList<>();
  private final Logger root = Logger.getLogger("");
  private final Logger detailed;
  private final Level before;

  public WrittenLog(String detailedClass) {
    detailed = Logger.getLogger(detailedClass);
    before = detailed.getLevel();
    root.addHandler(this);
    detailed.setLevel(Level.ALL);
  }

  /** The lines with this text, of any level. */
  public List<LogRecord> with(String text) {
    return lines.stream().filter(line -> line.getMessage().contains(text)).toList();
  }

  /** The lines that a user would see, but for the pool's, which minds its connections meanwhile. */
  public List<String> shown() {
    return lines.stream()
        .filter(line -> line.getLevel().intValue() >= Level.INFO.intValue())
        .filter(line -> !"io.agroal.pool".equals(line.getLoggerName()))
        .map(line -> line.getLevel() + " " + line.getLoggerName() + " " + line.getMessage())
        .toList();
  }

  /** Waits for a line with this text, and for what would follow. */
  public void await(String text) throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (with(text).isEmpty() && System.nanoTime() < deadline) {
      Thread.sleep(50);
    }
    Thread.sleep(500);
  }

  @Override
  public void publish(LogRecord line) {
    lines.add(line);
  }

  @Override
  public void flush() {}

  @Override
  public void close() {
    root.removeHandler(this);
    detailed.setLevel(before);
  }
}
