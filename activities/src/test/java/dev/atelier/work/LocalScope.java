package dev.atelier.work;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** A scope that tests end by hand. */
public final class LocalScope implements Scope {

  private final Path path;
  private final List<String> said = new ArrayList<>();
  private boolean stopped;

  public LocalScope(Path path) {
    this.path = path;
  }

  /** From now on the work shall stop. */
  public void stop() {
    stopped = true;
  }

  /** What the work has said, in order. */
  public List<String> said() {
    return said;
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public void describe(Supplier<Doing> doing) {
    said.add(doing.get().toString());
  }

  @Override
  public boolean stops() {
    return stopped;
  }

  @Override
  public void stopIfAsked() {
    if (stopped) {
      throw new IllegalStateException("stopped");
    }
  }

  @Override
  public void stopIfCanceled() {
    stopIfAsked();
  }
}
