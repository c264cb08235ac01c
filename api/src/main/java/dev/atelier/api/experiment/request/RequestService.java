package dev.atelier.api.experiment.request;

import dev.atelier.api.access.Audit;
import dev.atelier.api.experiment.Accepted;
import dev.atelier.api.experiment.ExperimentRepository;
import dev.atelier.api.experiment.Links;
import dev.atelier.api.experiment.model.ModelRepository;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.spec.SpecReader;
import dev.atelier.api.temporal.DistillationRuns;
import dev.atelier.api.temporal.DistillationRuns.Answer;
import dev.atelier.api.temporal.TemporalBusyException;
import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.workflows.DistillationWorkflow;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.Stage;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.Optional;

/** Asks the workflows of running experiments for what users want, and keeps what they answered. */
@ApplicationScoped
class RequestService {

  private final ExperimentRepository experiments;
  private final ModelRepository models;
  private final DistillationRuns runs;
  private final Audit audit;

  RequestService(
      ExperimentRepository experiments,
      ModelRepository models,
      DistillationRuns runs,
      Audit audit) {
    this.experiments = experiments;
    this.models = models;
    this.runs = runs;
    this.audit = audit;
  }

  /** Trains a failed model again, with some settings changed. */
  Accepted retry(
      String id, String key, TrainingOverrides overrides, Optional<String> idempotencyKey) {
    ModelKey model = models.existing(id, key);
    return ask(
        id,
        "retry",
        Optional.of(new DistillationWorkflow.RetryRequest(model, overrides)),
        idempotencyKey,
        ProblemType.RETRY_REFUSED,
        "retry " + model);
  }

  /** Trains a model to more steps in all. */
  Accepted extend(String id, String key, int steps, Optional<String> idempotencyKey) {
    ModelKey model = models.existing(id, key);
    return ask(
        id,
        "extend",
        Optional.of(new DistillationWorkflow.ExtendRequest(model, steps)),
        idempotencyKey,
        ProblemType.REQUEST_REFUSED,
        "extend " + model);
  }

  /** Trains a student anew with other settings, which are checked as those of a spec are. */
  Accepted replace(
      String id,
      String key,
      StudentReplacement replacement,
      SpecReader reader,
      Optional<String> idempotencyKey) {
    ModelKey model = models.existing(id, key);
    StudentReplacement checked =
        reader.checked(replacement, experiments.existing(id).spec(), model);
    return ask(
        id,
        "replace",
        Optional.of(new DistillationWorkflow.ReplaceRequest(model, checked)),
        idempotencyKey,
        ProblemType.REQUEST_REFUSED,
        "replace " + model);
  }

  /** Lets the experiment go on without a model. */
  Accepted cancelModel(String id, String key, Optional<String> idempotencyKey) {
    ModelKey model = models.existing(id, key);
    return ask(
        id,
        "cancelModel",
        Optional.of(new DistillationWorkflow.CancelModelRequest(model)),
        idempotencyKey,
        ProblemType.REQUEST_REFUSED,
        "cancel " + model);
  }

  /** Hands back what is running, and starts nothing until it is resumed. */
  Accepted pause(String id, Optional<String> idempotencyKey) {
    return ask(id, "pause", "pause the experiment", idempotencyKey);
  }

  Accepted resume(String id, Optional<String> idempotencyKey) {
    return ask(id, "resume", "resume the experiment", idempotencyKey);
  }

  /** Does the evaluation that is under way, or has failed, again. */
  Accepted rerunEvaluation(String id, Optional<String> idempotencyKey) {
    return ask(id, "rerunEvaluation", "evaluate again", idempotencyKey);
  }

  private Accepted ask(String id, String update, String what, Optional<String> idempotencyKey) {
    experiments.existing(id);
    return ask(id, update, Optional.empty(), idempotencyKey, ProblemType.REQUEST_REFUSED, what);
  }

  private Accepted ask(
      String id,
      String update,
      Optional<Record> request,
      Optional<String> idempotencyKey,
      ProblemType refusal,
      String what) {
    long asked = audit.asked(Audit.Kind.EXPERIMENT, id, what);
    Answer answer = answered(asked, id, update, request, idempotencyKey, what);
    audit.answered(
        asked,
        Audit.Kind.EXPERIMENT,
        id,
        answer instanceof Answer.Accepted ? Audit.Outcome.DONE : Audit.Outcome.REFUSED,
        what);
    if (answer instanceof Answer.Refused refused) {
      throw new ProblemException(refusal, refused.reason());
    }
    if (answer instanceof Answer.KeyTaken) {
      throw new ProblemException(
          ProblemType.IDEMPOTENCY_KEY_REUSED,
          "The Idempotency-Key was used for another request to experiment %s.".formatted(id));
    }
    if (answer instanceof Answer.NotRunning) {
      Stage stage = experiments.existing(id).stage();
      throw new ProblemException(
          refusal,
          stage.terminal()
              ? "Cannot %s: experiment %s is %s. Launch its spec again to go on: models that are trained in the same way are taken over."
                  .formatted(what, id, stage)
              : "Cannot %s: experiment %s is %s and has no running workflow."
                  .formatted(what, id, stage));
    }
    return new Accepted(id, Links.of(id, runs.page(id)), List.of());
  }

  private Answer answered(
      long asked,
      String id,
      String update,
      Optional<Record> request,
      Optional<String> idempotencyKey,
      String what) {
    try {
      return runs.ask(id, update, request, idempotencyKey);
    } catch (RuntimeException e) {
      audit.answered(
          asked,
          Audit.Kind.EXPERIMENT,
          id,
          e instanceof TemporalBusyException ? Audit.Outcome.REFUSED : Audit.Outcome.UNKNOWN,
          what);
      throw e;
    }
  }
}
