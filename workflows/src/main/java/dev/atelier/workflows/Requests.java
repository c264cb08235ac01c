package dev.atelier.workflows;

import dev.atelier.spec.StudentsSpec.StartFrom;
import dev.atelier.spec.TrainingSpec;
import dev.atelier.workflows.DistillationWorkflow.CancelModelRequest;
import dev.atelier.workflows.DistillationWorkflow.ExtendRequest;
import dev.atelier.workflows.DistillationWorkflow.ReplaceRequest;
import dev.atelier.workflows.DistillationWorkflow.RetryRequest;
import io.temporal.workflow.Workflow;

/**
 * What users ask of a running experiment. For each request one method refuses what makes no sense
 * now, with an {@link IllegalArgumentException} whose sentence is for the user, and another does it
 * at once.
 */
final class Requests {

  private final long mostEvents; // of a history in which the rest of the story has room
  private final Experiment experiment;
  private final Cohort cohort;
  private final CohortTraining training;
  private final Judging judging;
  private final Standing standing;
  private final ExperimentJournal journal;

  Requests(
      long mostEvents,
      Experiment experiment,
      Cohort cohort,
      CohortTraining training,
      Judging judging,
      Standing standing,
      ExperimentJournal journal) {
    this.mostEvents = mostEvents;
    this.experiment = experiment;
    this.cohort = cohort;
    this.training = training;
    this.judging = judging;
    this.standing = standing;
    this.journal = journal;
  }

  void validate(RetryRequest request) {
    ModelTraining model = changeable("retry", request.key());
    if (!model.is(ModelState.FAILED) && !model.is(ModelState.CANCELED)) {
      throw refused(
          "Cannot retry %s: it is %s, and only a failed or canceled model can be retried.%s"
              .formatted(
                  model.key(),
                  model.state(),
                  judging.failure().isPresent()
                      ? " What has failed is the evaluation, which can be done again."
                      : ""));
    }
    TrainingSpec wanted = request.overrides().applyTo(model.training());
    if (request.overrides().weightingGamma().isPresent() && wanted.weighting().isEmpty()) {
      throw refused(
          "Cannot retry %s with weightingGamma %s: its training has no weighting."
              .formatted(model.key(), request.overrides().weightingGamma().get()));
    }
    requireRoomInHistory();
  }

  void retry(RetryRequest request) {
    ModelTraining model = model(request.key());
    model.trainAgain(request.overrides().applyTo(model.training()));
    journal.retry(request.key(), request.overrides(), model.training().steps());
    judging.callOff();
  }

  void validate(ExtendRequest request) {
    ModelTraining model = changeable("extend", request.key());
    int steps = cohort.steps(model);
    if (steps == 0) {
      throw refused("Cannot extend %s: it is imported, not trained.".formatted(model.key()));
    }
    if (model.is(ModelState.CANCELED)) {
      throw refused(
          "Cannot extend %s: it is CANCELED; retry it, with more steps if it needs them."
              .formatted(model.key()));
    }
    if (request.steps() <= steps) {
      throw refused(
          "Cannot extend %s to %d steps: it is to have %d already; expected more."
              .formatted(model.key(), request.steps(), steps));
    }
    requireRoomInHistory();
  }

  void extend(ExtendRequest request) {
    ModelTraining model = model(request.key());
    model.trainAgain(model.training().extendedTo(request.steps()));
    journal.extension(request.key(), request.steps());
    judging.callOff();
  }

  void validate(ReplaceRequest request) {
    ModelTraining model = changeable("replace", request.key());
    if (model == cohort.teacher()) {
      throw refused("Cannot replace the teacher: only students can be replaced.");
    }
    boolean fromOneToOne =
        request.replacement().appliedTo(cohort.design(model.key())).startFrom()
            == StartFrom.ONE_TO_ONE;
    if (fromOneToOne && model.key().equals(ModelKey.ONE_TO_ONE)) {
      throw refused("Cannot replace one-to-one: it cannot start from itself.");
    }
    if (fromOneToOne && !othersStartFromOneToOne()) {
      throw refused(
          "Cannot replace %s by one that starts from one-to-one: the experiment trains no such student first."
              .formatted(model.key()));
    }
    requireRoomInHistory();
  }

  void replace(ReplaceRequest request) {
    ModelTraining model = model(request.key());
    TrainingSpec settings = request.replacement().training().applyTo(model.training());
    cohort.redesign(request.key(), request.replacement());
    model.trainAgain(settings);
    journal.replacement(request.key(), request.replacement(), settings.steps());
    judging.callOff();
  }

  void validate(CancelModelRequest request) {
    ModelTraining model = changeable("cancel", request.key());
    if (model == cohort.teacher()) {
      throw refused(
          "Cannot cancel the teacher alone: nothing can be done without it. Cancel the experiment.");
    }
    if (model.key().equals(ModelKey.ONE_TO_ONE) && othersStartFromOneToOne()) {
      throw refused(
          "Cannot cancel one-to-one alone: the students start from it. Cancel the experiment.");
    }
    if (model.is(ModelState.DONE) || model.is(ModelState.CANCELED) || model.isUnwanted()) {
      throw refused(
          "Cannot cancel %s: it is %s."
              .formatted(
                  model.key(), model.is(ModelState.RUNNING) ? "being canceled" : model.state()));
    }
  }

  void cancelModel(CancelModelRequest request) {
    ModelTraining model = model(request.key());
    model.cancel();
    journal.cancelRequest(request.key());
    judging.callOff();
    if (model.is(ModelState.CANCELED)) {
      journal.modelCanceled(request.key());
    }
  }

  void validatePause() {
    requireChangeable("pause the experiment");
    if (training.isPaused()) {
      throw refused("Cannot pause the experiment: it is paused.");
    }
    requireRoomInHistory();
  }

  void pause() {
    training.pause();
    judging.callOff();
    journal.pause();
  }

  void validateResume() {
    requireChangeable("resume the experiment");
    if (!training.isPaused()) {
      throw refused("Cannot resume the experiment: it is not paused.");
    }
  }

  void resume() {
    training.resume();
    journal.resume();
  }

  void validateRerunEvaluation() {
    requireChangeable("evaluate again");
    Stage stage = standing.stage();
    boolean judges =
        stage == Stage.EVALUATING || stage == Stage.MERGING || stage == Stage.SEARCHING;
    if (!judges && judging.failure().isEmpty()) {
      throw refused(
          "Cannot evaluate again: the experiment is %s, and its models have not been evaluated as they are."
              .formatted(stage));
    }
    requireRoomInHistory();
  }

  void rerunEvaluation() {
    judging.rerun();
  }

  /** The model, if the workflow still can do with it what {@code verb} says; else throws. */
  private ModelTraining changeable(String verb, ModelKey key) {
    ModelTraining model =
        cohort
            .find(key)
            .orElseThrow(
                () ->
                    refused(
                        "Experiment %s has no model '%s' that it trains; it has %s."
                            .formatted(
                                experiment.id(),
                                key,
                                cohort.models().map(ModelTraining::key).toList())));
    requireChangeable("%s %s".formatted(verb, key));
    if (model.closed().isPresent()) {
      throw refused("Cannot %s %s: %s.".formatted(verb, key, model.closed().get()));
    }
    return model;
  }

  private void requireChangeable(String what) {
    if (standing.stage() == Stage.PUBLISHING || standing.stage().terminal()) {
      throw refused("Cannot %s: the experiment is %s.".formatted(what, standing.stage()));
    }
    if (standing.isBeingCanceled()) {
      throw refused("Cannot %s: the experiment is being canceled.".formatted(what));
    }
  }

  /** Refuses what would make the history too long to evaluate and publish in the end. */
  private void requireRoomInHistory() {
    if (Workflow.getInfo().getHistoryLength() > mostEvents) {
      throw refused(
          "The history of experiment %s is full: cancel it and launch its spec again, which takes over every model that is trained."
              .formatted(experiment.id()));
    }
  }

  private boolean othersStartFromOneToOne() {
    return experiment.spec().students().startFrom() == StartFrom.ONE_TO_ONE;
  }

  private ModelTraining model(ModelKey key) {
    return cohort.find(key).orElseThrow();
  }

  private static IllegalArgumentException refused(String sentence) {
    return new IllegalArgumentException(sentence);
  }
}
