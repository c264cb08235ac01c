package dev.atelier.intake;

import dev.atelier.dataset.PreparationListener;
import dev.atelier.store.EventHistory;
import dev.atelier.workflows.vocabulary.EventKind;

/** Keeps what is noticed about the sources of an experiment among its events. */
public record SourceNotices(EventHistory events, String experimentId)
    implements PreparationListener {

  @Override
  public void onProgress(String sentence) {}

  @Override
  public void onNotice(String sentence) {
    events.record(experimentId, EventKind.SOURCE_KEPT, sentence);
  }
}
