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
}
