package dev.atelier.worker;

import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.artifacts.WorkDirectory;
import dev.atelier.work.Doing;
import dev.atelier.work.Scope;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInfo;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * Gives the work of an activity what it has while it lasts: a heartbeat, a directory, and word that
 * it was canceled or that this worker drains. Its failures become those that workflows know.
 */
record Scopes(ArtifactCache cache, BooleanSupplier draining, WorkProgress progress) {

  /** What an activity does. */
  @FunctionalInterface
  interface Work<T> {
    T in(Scope scope) throws Exception;
  }

  /** The same without an answer. */
  @FunctionalInterface
  interface Task {
    void in(Scope scope) throws Exception;
  }

  /**
   * Does the work.
   *
   * @param prefix of the directory's name
   */
  <T> T call(String prefix, Work<T> work) {
    return Failures.translating(
        () -> {
          ActivityExecutionContext context = Activity.getExecutionContext();
          try (Heartbeat heartbeat = new Heartbeat(context);
              WorkDirectory directory = cache.newWorkDirectory(prefix)) {
            return work.in(
                new ActivityScope(
                    directory.path(), heartbeat, draining, context.getInfo(), progress));
          }
        });
  }

  /** The same without an answer. */
  void run(String prefix, Task task) {
    call(
        prefix,
        scope -> {
          task.in(scope);
          return null;
        });
  }

  private record ActivityScope(
      Path path,
      Heartbeat heartbeat,
      BooleanSupplier draining,
      ActivityInfo activity,
      WorkProgress progress)
      implements Scope {

    @Override
    public void describe(Supplier<Doing> doing) {
      heartbeat.describe(doing);
      progress.say(activity, doing);
    }

    @Override
    public boolean stops() {
      return draining.getAsBoolean() || heartbeat.ended().isPresent();
    }

    @Override
    public void stopIfAsked() {
      heartbeat.throwIfEnded();
      if (draining.getAsBoolean()) {
        throw new DrainedException();
      }
    }

    @Override
    public void stopIfCanceled() {
      if (!draining.getAsBoolean()) {
        heartbeat.throwIfEnded();
      }
    }
  }
}
