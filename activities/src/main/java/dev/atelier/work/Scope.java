package dev.atelier.work;

import java.nio.file.Path;
import java.util.function.Supplier;

/** What a piece of work has while it lasts: a directory, a voice, and word that it shall stop. */
public interface Scope {

  /** A directory that nobody else sees; it goes with the work. */
  Path path();

  /** Says from now on how far the work is, for people who look at it; asked every few seconds. */
  void describe(Supplier<Doing> doing);

  /** Says what is done now, which is not counted. */
  default void describe(String what) {
    Doing doing = Doing.of(what);
    describe(() -> doing);
  }

  /** Says what is done now, and how far it is. */
  default void describe(String what, long done, long total) {
    Doing doing = new Doing(what, done, total);
    describe(() -> doing);
  }

  /** Whether the work shall stop: it was canceled, or its worker ends. */
  boolean stops();

  /** Ends the work by an exception if it shall stop. */
  void stopIfAsked();

  /** The same if it was canceled; work whose worker ends may say itself how far it came. */
  void stopIfCanceled();
}
