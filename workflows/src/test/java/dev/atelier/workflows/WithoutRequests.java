package dev.atelier.workflows;

import java.util.List;
import java.util.Optional;

/** A workflow that takes no requests, for tests of other things. */
abstract class WithoutRequests implements DistillationWorkflow {

  @Override
  public Accepted retry(RetryRequest request) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void validateRetry(RetryRequest request) {}

  @Override
  public Accepted extend(ExtendRequest request) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void validateExtend(ExtendRequest request) {}

  @Override
  public Accepted replace(ReplaceRequest request) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void validateReplace(ReplaceRequest request) {}

  @Override
  public Accepted cancelModel(CancelModelRequest request) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void validateCancelModel(CancelModelRequest request) {}

  @Override
  public Accepted pause() {
    throw new UnsupportedOperationException();
  }

  @Override
  public void validatePause() {}

  @Override
  public Accepted resume() {
    throw new UnsupportedOperationException();
  }

  @Override
  public void validateResume() {}

  @Override
  public Accepted rerunEvaluation() {
    throw new UnsupportedOperationException();
  }

  @Override
  public void validateRerunEvaluation() {}

  @Override
  public Progress progress() {
    return new Progress(Stage.QUEUED, List.of(), false, Optional.empty());
  }
}
