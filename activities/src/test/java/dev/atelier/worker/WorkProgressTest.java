package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.store.WorkerPresence.Progress;
import dev.atelier.work.Doing;
import io.temporal.activity.ActivityInfo;
import java.lang.reflect.Proxy;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class WorkProgressTest {

  private static final long SECOND = 1_000_000_000;

  private final AtomicLong nanos = new AtomicLong();
  private final WorkProgress progress = new WorkProgress(nanos::get);
  private final ActivityInfo activity = activity("a");

  @Test
  void shouldEstimateTheRestByThePaceSoFar() {
    say("images sampled", 100, 1000);
    assertThat(progress.of(activity))
        .contains(new Progress("images sampled", Optional.of(100L), Optional.of(1000L), none()));

    nanos.addAndGet(20 * SECOND);
    say("images sampled", 300, 1000);

    assertThat(progress.of(activity).flatMap(Progress::remainingSeconds)).contains(70L);
  }

  @Test
  void shouldBeginAnewWithOtherWork() {
    say("images encoded", 0, 10);
    nanos.addAndGet(1000 * SECOND);
    say("captions encoded", 5, 10);

    assertThat(progress.of(activity).flatMap(Progress::remainingSeconds)).isEmpty();
    nanos.addAndGet(2 * SECOND);
    say("captions encoded", 6, 10);
    assertThat(progress.of(activity).flatMap(Progress::remainingSeconds)).contains(8L);
  }

  @Test
  void shouldFollowWorkThatCountsBehindOneVoice() {
    AtomicLong done = new AtomicLong(1);
    progress.say(activity, () -> new Doing("evaluations", done.get(), 9));
    nanos.addAndGet(4 * SECOND);
    done.set(3);

    assertThat(progress.of(activity).flatMap(Progress::remainingSeconds)).contains(12L);
    done.set(0); // an attempt that begins again
    assertThat(progress.of(activity).flatMap(Progress::remainingSeconds)).isEmpty();
  }

  @Test
  void shouldSayWhatIsNotCountedAndNothingOfOthersOrTheEnded() {
    progress.say(activity, () -> Doing.of("writing files"));

    assertThat(progress.of(activity))
        .contains(new Progress("writing files", none(), none(), none()));
    assertThat(progress.of(activity("b"))).isEmpty();
    progress.forget(activity);
    assertThat(progress.of(activity)).isEmpty();
  }

  private void say(String what, long done, long total) {
    progress.say(activity, () -> new Doing(what, done, total));
  }

  private static Optional<Long> none() {
    return Optional.empty();
  }

  private static ActivityInfo activity(String token) {
    return (ActivityInfo)
        Proxy.newProxyInstance(
            ActivityInfo.class.getClassLoader(),
            new Class<?>[] {ActivityInfo.class},
            (proxy, method, arguments) -> token.getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }
}
