package dev.atelier.dataset.image;

import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Memory that all decoding in this process shares: who wants more than is free waits, in turn.
 *
 * <p>Who holds pixels never waits for a file's bytes, so that the two shares can't lock each other.
 */
public final class DecodingMemory {

  private static final int UNIT = 1 << 10;

  /** For the bytes of files that are read or wait: an eighth of the heap. */
  public static final DecodingMemory FILES = new DecodingMemory(maxHeap() / 8);

  /** For pixels, on the heap and in native memory: a quarter of the heap. */
  public static final DecodingMemory PIXELS = new DecodingMemory(maxHeap() / 4);

  private final int units;
  private final Semaphore free;

  DecodingMemory(long bytes) {
    units = units(bytes);
    free = new Semaphore(units, true);
  }

  private static long maxHeap() {
    return Runtime.getRuntime().maxMemory();
  }

  private static int units(long bytes) {
    return (int) Math.max(1, Math.min(Integer.MAX_VALUE, bytes / UNIT));
  }

  /** Memory that is held until it is closed. */
  public interface Claim extends AutoCloseable {
    @Override
    void close();
  }

  long bytes() {
    return (long) units * UNIT;
  }

  /** Waits for so many bytes; more than there are means all. */
  Claim claim(long bytes) {
    int wanted = Math.min(units, units(bytes));
    free.acquireUninterruptibly(wanted);
    return () -> free.release(wanted);
  }

  /** Like {@link #claim}, but gives up after a time; empty then. */
  public Optional<Claim> tryClaim(long bytes, long nanos) throws InterruptedException {
    int wanted = Math.min(units, units(bytes));
    return free.tryAcquire(wanted, nanos, TimeUnit.NANOSECONDS)
        ? Optional.of(() -> free.release(wanted))
        : Optional.empty();
  }
}
