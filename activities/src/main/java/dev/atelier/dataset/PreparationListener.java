package dev.atelier.dataset;

/** Hears how far a preparation is; called on the preparing thread, about once a second. */
@FunctionalInterface
public interface PreparationListener {
  void onProgress(String sentence);

  /** Hears which file comes next; called on the preparing thread, for each. */
  default void onRead(String name) {}

  /** Hears which file the calling thread decodes; empty: it has decoded it. */
  default void onDecode(String name) {}
}
