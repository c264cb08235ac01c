package dev.atelier.local;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Runs services in stages: those of a stage start together, and the next stage once all of them
 * answer. Ends them in the opposite order, and leaves no process behind however it ends itself.
 */
final class Supervisor implements AutoCloseable {

  private final DataDirectory directory;
  private final Consumer<String> notices;
  private final List<List<Child>> stages = new ArrayList<>(); // guarded by this
  private Optional<Reaper> reaper = Optional.empty();
  private boolean closed; // guarded by this

  /**
   * @param notices receives one line when a child ends, and the like
   */
  Supervisor(DataDirectory directory, Consumer<String> notices) {
    this.directory = directory;
    this.notices = notices;
  }

  /** Ends what a crashed run left behind, and takes precautions against a crash of this one. */
  void prepare() throws StackException, InterruptedException {
    try {
      PidFiles.endStale(directory.runs(), notices);
      Files.createDirectory(directory.run());
      reaper = Optional.of(Reaper.start(directory.run(), directory.logs().resolve("reaper.log")));
    } catch (IOException e) {
      throw new StackException("Cannot set up %s: %s".formatted(directory.run(), e), e);
    }
  }

  /** Starts services together and returns when all of them answer. */
  void start(List<Service> services) throws StackException, InterruptedException {
    List<Child> stage =
        services.stream()
            .map(service -> new Child(service, directory.logs(), directory.run(), notices))
            .toList();
    synchronized (this) {
      if (closed) {
        throw new StackException("The local stack was stopped while it started.");
      }
      stages.add(stage);
      stage.forEach(Child::start);
    }
    for (Child child : stage) {
      child.awaitReady();
    }
  }

  /** The process of a service, when it runs. */
  synchronized Optional<Long> pid(String service) {
    return stages.stream()
        .flatMap(List::stream)
        .filter(child -> child.name().equals(service))
        .findFirst()
        .flatMap(Child::pid);
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    for (int i = stages.size() - 1; i >= 0; i--) {
      stages.get(i).forEach(Child::stop);
      stages.get(i).forEach(Child::awaitStopped);
    }
    reaper.ifPresent(Reaper::close);
    try {
      if (Files.exists(directory.run())) {
        Folders.delete(directory.run());
      }
    } catch (IOException e) {
      notices.accept("Cannot remove %s: %s".formatted(directory.run(), e));
    }
  }
}
