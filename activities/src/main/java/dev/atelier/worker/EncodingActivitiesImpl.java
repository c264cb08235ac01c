package dev.atelier.worker;

import dev.atelier.intake.DatasetEncoder;
import dev.atelier.workflows.EncodedRef;
import dev.atelier.workflows.EncodingActivities;

/** Encodes datasets. */
record EncodingActivitiesImpl(Scopes scopes, DatasetEncoder encoder) implements EncodingActivities {

  @Override
  public EncodedRef encodeDataset(EncodeDataset task) {
    return scopes.call("encode-", scope -> encoder.encode(task, scope));
  }
}
