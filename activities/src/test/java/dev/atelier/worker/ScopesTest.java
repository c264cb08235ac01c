package dev.atelier.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.reuse.DoneElsewhereException;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.training.InvalidSpecException;
import dev.atelier.work.Scope;
import dev.atelier.workflows.ErrorType;
import io.temporal.activity.ActivityInterface;
import io.temporal.client.ActivityCanceledException;
import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.TestActivityEnvironment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class ScopesTest {

  @ActivityInterface
  public interface Work {
    void work();
  }

  @TempDir Path directory;
  private final AtomicBoolean draining = new AtomicBoolean();
  private final AtomicReference<Scopes.Task> task = new AtomicReference<>();
  private TestActivityEnvironment temporal;

  @BeforeEach
  void start() {
    ObjectStore unused = new ObjectStore("http://127.0.0.1:1", "user", "password", "bucket");
    Scopes scopes =
        new Scopes(
            new ArtifactCache(directory, unused),
            draining::get,
            new WorkProgress(System::nanoTime));
    temporal = TestActivityEnvironment.newInstance();
    temporal.registerActivitiesImplementations((Work) () -> scopes.run("task-", task.get()));
  }

  @AfterEach
  void stop() {
    temporal.close();
  }

  /** What an activity that does this fails with; null: it does not. */
  private Throwable failureOf(Scopes.Task work) {
    task.set(work);
    return catchThrowable(temporal.newActivityStub(Work.class)::work);
  }

  private ErrorType typeOf(Scopes.Task work) {
    Throwable failure = failureOf(work);
    assertThat(failure).hasCauseInstanceOf(ApplicationFailure.class);
    return ErrorType.valueOf(((ApplicationFailure) failure.getCause()).getType());
  }

  @Test
  void shouldGiveADirectoryThatGoesWithTheWork() {
    AtomicReference<Path> seen = new AtomicReference<>();
    assertThat(
            failureOf(
                scope -> {
                  seen.set(scope.path());
                  Files.writeString(scope.path().resolve("file"), "half");
                }))
        .isNull();
    assertThat(seen.get().getFileName().toString()).startsWith("task-");
    assertThat(seen.get()).doesNotExist();
  }

  @Test
  void shouldGiveFailuresTheirTypes() {
    assertThat(
            typeOf(
                scope -> {
                  throw new InvalidSpecException("no");
                }))
        .isEqualTo(ErrorType.INVALID_SPEC);
    assertThat(
            typeOf(
                scope -> {
                  throw new DoneElsewhereException("Waits for another.");
                }))
        .isEqualTo(ErrorType.DONE_ELSEWHERE);
  }

  @Test
  void shouldStopWorkWhenTheWorkerDrainsUnlessTheWorkHasASentenceOfItsOwn() {
    assertThat(failureOf(Scope::stopIfAsked)).isNull();
    draining.set(true);
    assertThat(typeOf(Scope::stopIfAsked)).isEqualTo(ErrorType.WORKER_LOST);
    assertThat(failureOf(Scope::stopIfCanceled)).isNull();
    AtomicBoolean stops = new AtomicBoolean();
    assertThat(failureOf(scope -> stops.set(scope.stops()))).isNull();
    assertThat(stops).isTrue();
  }

  @Test
  void shouldStopWorkThatIsCanceled() {
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    temporal.requestCancelActivity();
    failureOf(
        scope -> {
          while (!scope.stops()) { // the first beat is on its way
            Thread.sleep(10);
          }
          thrown.set(catchThrowable(scope::stopIfCanceled));
          scope.stopIfAsked();
        });
    assertThat(thrown.get()).isInstanceOf(ActivityCanceledException.class);
  }
}
