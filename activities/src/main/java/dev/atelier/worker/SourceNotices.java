package dev.atelier.worker;

import dev.atelier.dataset.PreparationListener;
import dev.atelier.store.ExperimentHistory;

/** Keeps what is noticed about the sources of an experiment among its events. */
record SourceNotices(ExperimentHistory history, String experimentId)
    implements PreparationListener {

  @Override
  public void onProgress(String sentence) {}

  @Override
  public void onNotice(String sentence) {
    history.recordEvent(experimentId, "source-kept", sentence);
  }
}
