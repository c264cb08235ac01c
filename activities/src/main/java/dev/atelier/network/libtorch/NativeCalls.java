package dev.atelier.network.libtorch;

import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * The calls of libtorch that run in this process. They grow older by the checks that somebody
 * makes, one each second, and not by a clock: a process that is stopped or gets no processor makes
 * none, and so nothing in it ages.
 */
public final class NativeCalls {

  private static final Set<Call> RUNNING = ConcurrentHashMap.newKeySet();

  private NativeCalls() {}

  /** A call that has not returned. */
  public static final class Call {
    private final Thread thread = Thread.currentThread();
    private final Pace pace;
    private final Pace.Kind kind;
    private final OptionalInt slowest;
    private final AtomicInteger checks = new AtomicInteger();

    private Call(Pace pace, Pace.Kind kind) {
      this.pace = pace;
      this.kind = kind;
      this.slowest = pace.slowest(kind);
    }

    /** It has returned, or failed. */
    void end() {
      RUNNING.remove(this);
      pace.add(kind, checks.get());
    }

    /** The thread that waits for it. */
    public Thread thread() {
      return thread;
    }

    /** The method that is called. */
    public String method() {
      return kind.method();
    }

    /** How many checks have met it. */
    public int checks() {
      return checks.get();
    }

    /**
     * How many checks the slowest call of the same method of the same loaded module has met that
     * was given as many numbers; empty: it is the first one.
     */
    public OptionalInt slowest() {
      return slowest;
    }
  }

  static Call begin(Pace pace, String method, long elements) {
    Call call = new Call(pace, new Pace.Kind(method, elements));
    RUNNING.add(call);
    return call;
  }

  /** The calls that run now. */
  public static Stream<Call> running() {
    return RUNNING.stream();
  }

  /** One check: whatever runs is older by one. */
  public static List<Call> check() {
    List<Call> running = running().toList();
    running.forEach(call -> call.checks.incrementAndGet());
    return running;
  }
}
