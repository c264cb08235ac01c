package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.temporal.activity.Activity;
import io.temporal.activity.ActivityInterface;
import io.temporal.testing.TestActivityEnvironment;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.worker.WorkerFactoryOptions;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class IdleWatchTest {

  private static final Duration PATIENCE = Duration.ofMinutes(15);

  private Instant now = Instant.EPOCH;
  private TestActivityEnvironment environment;

  /** Work that takes an hour of the test's clock. */
  @ActivityInterface
  public interface Work {
    boolean idleWhileWorking();
  }

  @AfterEach
  void close() {
    environment.close();
  }

  @Test
  void shouldBeIdleOnlyWhenNothingRanForAsLongAsAsked() {
    environment = TestActivityEnvironment.newInstance(); // only to learn its queue's name
    String[] queue = new String[1];
    environment.registerActivitiesImplementations(
        (Work)
            () -> {
              queue[0] = Activity.getExecutionContext().getInfo().getActivityTaskQueue();
              return false;
            });
    environment.newActivityStub(Work.class).idleWhileWorking();
    environment.close();

    IdleWatch watch = watch(queue[0]);
    assertThat(watch.idleFor(PATIENCE)).isFalse();
    now = now.plus(PATIENCE);
    assertThat(watch.idleFor(PATIENCE)).isTrue();

    assertThat(environment.newActivityStub(Work.class).idleWhileWorking()).isFalse();
    assertThat(watch.idleFor(PATIENCE)).isFalse();
    now = now.plus(PATIENCE);
    assertThat(watch.idleFor(PATIENCE)).isTrue();
  }

  @Test
  void shouldNotCountActivitiesOfAnotherQueue() {
    watch("another");
    assertThat(environment.newActivityStub(Work.class).idleWhileWorking()).isTrue();
  }

  private IdleWatch watch(String queue) {
    IdleWatch watch = new IdleWatch(Set.of(queue), () -> now);
    environment =
        TestActivityEnvironment.newInstance(
            TestEnvironmentOptions.newBuilder()
                .setWorkerFactoryOptions(
                    WorkerFactoryOptions.newBuilder().setWorkerInterceptors(watch).build())
                .build());
    environment.registerActivitiesImplementations(
        (Work)
            () -> {
              now = now.plus(Duration.ofHours(1));
              return watch.idleFor(PATIENCE);
            });
    return watch;
  }
}
