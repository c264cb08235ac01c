package dev.atelier.dataset;

/** Hears how far a preparation is; called on the preparing thread, about once a second. */
@FunctionalInterface
public interface PreparationListener {
  void onProgress(String sentence);
}
