package dev.atelier.worker;

import dev.atelier.intake.DatasetIntake;
import dev.atelier.workflows.DatasetActivities;
import dev.atelier.workflows.DatasetRef;

/** Prepares datasets. */
record DatasetActivitiesImpl(Scopes scopes, DatasetIntake intake) implements DatasetActivities {

  @Override
  public DatasetRef prepare(PrepareDataset task) {
    return scopes.call("dataset-", scope -> intake.prepare(task, scope));
  }
}
