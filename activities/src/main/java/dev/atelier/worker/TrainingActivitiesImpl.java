package dev.atelier.worker;

import dev.atelier.attempt.ModelTrainer;
import dev.atelier.attempt.TeacherImporter;
import dev.atelier.workflows.ModelRef;
import dev.atelier.workflows.TrainingActivities;

/** Trains or imports one model. */
record TrainingActivitiesImpl(Scopes scopes, ModelTrainer trainer, TeacherImporter importer)
    implements TrainingActivities {

  @Override
  public ModelRef trainTeacher(TrainTeacher task) {
    return scopes.call("teacher-", scope -> trainer.train(task, scope));
  }

  @Override
  public ModelRef importTeacher(ImportTeacher task) {
    return scopes.call("import-", scope -> importer.importTeacher(task, scope));
  }

  @Override
  public ModelRef trainStudent(TrainStudent task) {
    return scopes.call(task.key() + "-", scope -> trainer.train(task, scope));
  }
}
