package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.network.libtorch.EndlessCall;
import dev.atelier.network.libtorch.NativeCalls;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class LivenessWatchTest {

  private static final Duration FIRST = Duration.ofSeconds(30);
  private static final Duration LATER = Duration.ofSeconds(5);

  @TempDir Path directory;
  private EndlessCall endless;
  private final List<LivenessWatch.Standstill> found = new ArrayList<>();
  private final LivenessWatch watch = new LivenessWatch(FIRST, LATER, found::add);

  @BeforeEach
  void load() throws IOException {
    endless = new EndlessCall(directory);
  }

  @AfterEach
  void close() {
    endless.close();
  }

  @Test
  void shouldEndAFirstCallThatDoesNotReturn() throws Exception {
    Thread thread = hang();
    check(30);
    assertThat(found).isEmpty();
    assertThat(watch.notLive()).isEmpty();
    check(1);
    assertThat(found).hasSize(1);
    assertThat(watch.notLive())
        .hasValueSatisfying(
            text ->
                assertThat(text)
                    .contains(
                        "the native call 'forward' has not returned for 31 s; expected at most 30 s of a first call"));
    check(5);
    assertThat(found).as("the process is ending").hasSize(1);
    release(thread);
  }

  @Test
  void shouldEndALaterCallThatDoesNotReturn() throws Exception {
    endless.call(); // at once
    Thread thread = hang();
    check(5);
    assertThat(found).isEmpty();
    check(1);
    assertThat(found)
        .singleElement()
        .extracting(LivenessWatch.Standstill::sentence)
        .asString()
        .contains("6 s; expected at most 5 s, as the slowest one before it took 0 s");
    release(thread);
  }

  @Test
  void shouldLeaveACallAloneThatIsAsSlowAsItsModelIs() throws Exception {
    for (int call = 0; call < 3; call++) { // each four times as long as later calls are given
      Thread thread = hang();
      check(20);
      release(thread);
    }
    Thread thread = hang();
    check(LivenessWatch.TIMES_THE_SLOWEST * 20);
    assertThat(found).isEmpty();
    check(1);
    assertThat(found).hasSize(1);
    release(thread);
  }

  @Test
  void shouldNotAgeWhatNobodyChecks() throws Exception {
    LivenessWatch impatient =
        new LivenessWatch(Duration.ofSeconds(1), Duration.ofSeconds(1), found::add);
    Thread thread = hang();
    Thread.sleep(2500); // as if the process had been stopped
    impatient.check();
    assertThat(found).isEmpty();
    release(thread);
  }

  @Test
  void shouldEndAProcessWhoseThreadsWaitForEachOther() throws Exception {
    ReentrantLock left = new ReentrantLock();
    ReentrantLock right = new ReentrantLock();
    CyclicBarrier bothHoldOne = new CyclicBarrier(2);
    Thread one = StatusServerTest.holdsAndWants("stuck-1", left, right, bothHoldOne);
    Thread two = StatusServerTest.holdsAndWants("stuck-2", right, left, bothHoldOne);
    one.start();
    two.start();
    while (!left.hasQueuedThread(two) || !right.hasQueuedThread(one)) {
      Thread.onSpinWait();
    }
    assertThat(watch.notLive())
        .hasValueSatisfying(s -> assertThat(s).contains("deadlock", "stuck-1", "stuck-2"));
    check(9); // they may wait with a time-out
    assertThat(found).isEmpty();
    check(1);
    assertThat(found)
        .singleElement()
        .satisfies(s -> assertThat(s.sentence()).contains("deadlock", "stuck-1"))
        .satisfies(s -> assertThat(s.attempt()).isEmpty());

    one.interrupt();
    two.interrupt();
    one.join();
    two.join();
    assertThat(new LivenessWatch(FIRST, LATER, found::add).notLive()).isEmpty();
  }

  private void check(int checks) {
    for (int i = 0; i < checks; i++) {
      watch.check();
    }
  }

  /** Begins a call that does not return, and returns once it runs. */
  private Thread hang() throws InterruptedException {
    endless.hang();
    Thread thread = new Thread(endless::call);
    thread.start();
    while (NativeCalls.running().noneMatch(call -> call.thread().equals(thread))) {
      Thread.sleep(1);
    }
    return thread;
  }

  private void release(Thread thread) throws InterruptedException {
    endless.release();
    thread.join();
  }
}
