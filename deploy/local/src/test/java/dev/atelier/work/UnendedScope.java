package dev.atelier.work;

import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A scope of work that nobody ends; {@code said} hears how far it is. */
public record UnendedScope(Path path, Consumer<String> said) implements Scope {

  @Override
  public void describe(Supplier<Doing> doing) {
    said.accept(doing.get().toString());
  }

  @Override
  public boolean stops() {
    return false;
  }

  @Override
  public void stopIfAsked() {}

  @Override
  public void stopIfCanceled() {}
}
