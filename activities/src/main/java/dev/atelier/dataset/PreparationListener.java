package dev.atelier.dataset;

/** Hears how far a preparation is; called on the preparing thread. */
@FunctionalInterface
public interface PreparationListener {
  /** About once a second. */
  void onProgress(String sentence);

  /** Something that whoever uses the result should know. */
  default void onNotice(String sentence) {
    onProgress(sentence);
  }

  /** Hears which file comes next; called on the preparing thread, for each. */
  default void onRead(String name) {}

  /** Hears which file the calling thread decodes; empty: it has decoded it. */
  default void onDecode(String name) {}
}
