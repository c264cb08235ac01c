package dev.atelier.worker;

import dev.atelier.store.WorkerPresence.Progress;
import dev.atelier.work.Doing;
import io.temporal.activity.ActivityInfo;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/** What the activities of this worker say of how far they are, and how long they still take. */
final class WorkProgress {

  private static final long NANOS = 1_000_000_000; // a second

  private final LongSupplier nanoTime;
  private final Map<ByteBuffer, Voice> voices = new ConcurrentHashMap<>();

  WorkProgress(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  /** What an activity says, and where it stood when it began to say that. */
  private record Voice(Supplier<Doing> says, Doing first, long firstNanos) {}

  /** The activity says this from now on. */
  void say(ActivityInfo activity, Supplier<Doing> doing) {
    voices.compute(
        key(activity),
        (key, before) -> {
          Doing now = doing.get();
          return before != null && continues(before.first(), now)
              ? new Voice(doing, before.first(), before.firstNanos())
              : new Voice(doing, now, nanoTime.getAsLong());
        });
  }

  private static boolean continues(Doing first, Doing now) {
    return first.what().equals(now.what())
        && first.total() == now.total()
        && first.done() <= now.done();
  }

  /** How far the activity is; empty: it said nothing yet. */
  Optional<Progress> of(ActivityInfo activity) {
    Voice voice = voices.get(key(activity));
    if (voice == null) {
      return Optional.empty();
    }
    Doing now = voice.says().get();
    if (!continues(voice.first(), now)) {
      say(activity, voice.says());
      return Optional.of(progress(now, Optional.empty()));
    }
    long done = now.done() - voice.first().done();
    long nanos = nanoTime.getAsLong() - voice.firstNanos();
    return Optional.of(
        progress(
            now,
            now.total() == 0 || done == 0
                ? Optional.empty()
                : Optional.of(
                    Math.round((double) nanos / done * (now.total() - now.done()) / NANOS))));
  }

  private static Progress progress(Doing doing, Optional<Long> remainingSeconds) {
    return new Progress(
        doing.what(),
        doing.total() == 0 ? Optional.empty() : Optional.of(doing.done()),
        doing.total() == 0 ? Optional.empty() : Optional.of(doing.total()),
        remainingSeconds);
  }

  /** The activity has ended. */
  void forget(ActivityInfo activity) {
    voices.remove(key(activity));
  }

  private static ByteBuffer key(ActivityInfo activity) {
    return ByteBuffer.wrap(activity.getTaskToken());
  }
}
