package dev.atelier.api.experiment;

import dev.atelier.api.access.Audit;
import dev.atelier.api.access.Caller;
import dev.atelier.api.access.Projects;
import dev.atelier.api.experiment.ExperimentRepository.Launch;
import dev.atelier.api.experiment.ExperimentRepository.LockedExperiment;
import dev.atelier.api.history.Condition;
import dev.atelier.api.history.Cursor;
import dev.atelier.api.history.HistoryQuery;
import dev.atelier.api.history.Operator;
import dev.atelier.api.history.QueryField;
import dev.atelier.api.history.Sort;
import dev.atelier.api.maintenance.Deletions;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.spec.SpecReader;
import dev.atelier.api.store.ObjectStore;
import dev.atelier.api.temporal.DistillationRuns;
import dev.atelier.api.temporal.DistillationRuns.Answer;
import dev.atelier.api.temporal.TemporalBusyException;
import dev.atelier.api.temporal.TemporalUnavailableException;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.DistillationWorkflow;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.Protocol;
import dev.atelier.workflows.Stage;
import dev.atelier.workflows.vocabulary.EventKind;
import io.smallrye.mutiny.Multi;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.ws.rs.sse.OutboundSseEvent;
import jakarta.ws.rs.sse.Sse;
import java.io.InputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jboss.logging.Logger;

/** What users can do with experiments. */
@ApplicationScoped
public class ExperimentService {

  private static final Logger LOG = Logger.getLogger(ExperimentService.class);

  private final ExperimentRepository repository;
  private final DistillationRuns runs;
  private final ObjectStore store;
  private final ExperimentList lists;
  private final ProgressStream stream;
  private final Deletions deletions;
  private final Caller caller;
  private final Projects projects;
  private final Audit audit;

  ExperimentService(
      ExperimentRepository repository,
      DistillationRuns runs,
      ObjectStore store,
      ExperimentList lists,
      ProgressStream stream,
      Deletions deletions,
      Caller caller,
      Projects projects,
      Audit audit) {
    this.caller = caller;
    this.projects = projects;
    this.audit = audit;
    this.deletions = deletions;
    this.repository = repository;
    this.stream = stream;
    this.lists = lists;
    this.runs = runs;
    this.store = store;
  }

  /** Stores an experiment and starts its workflow; a repeated request gets the same answer. */
  Accepted launch(ExperimentSpec spec, Optional<String> idempotencyKey) {
    Launch launch =
        repository.launch(ExperimentId.next(Instant.now()), spec, caller.project(), idempotencyKey);
    if (launch instanceof Launch.KeyTaken taken) {
      throw new ProblemException(
          ProblemType.IDEMPOTENCY_KEY_REUSED,
          "The Idempotency-Key was used for another spec: it launched experiment %s."
              .formatted(taken.id()));
    }
    if (launch instanceof Launch.Repeated repeated) {
      return launched(repeated.id(), spec);
    }
    String id = ((Launch.Created) launch).id();
    try {
      runs.start(id, spec);
    } catch (TemporalUnavailableException e) {
      LOG.warnf("%s Experiment %s waits in QUEUED.", e.getMessage(), id);
    }
    return launched(id, spec);
  }

  /** What the experiment would take, without launching it. */
  Estimate estimate(ExperimentSpec spec) {
    return Estimate.of(spec, repository.macsPerSecond(spec.compute()));
  }

  private boolean startUnlessEnded(LockedExperiment experiment) {
    StoredExperiment row = experiment.row();
    if (row.stage().terminal()) {
      return false;
    }
    runs.start(row.id(), row.spec());
    return true;
  }

  ExperimentPage list(HistoryQuery query, Sort sort, Optional<Cursor> after, int limit) {
    List<ExperimentList.Row> rows =
        lists.list(query, sort, after, limit + 1, id -> Links.of(id, runs.page(id)));
    boolean more = rows.size() > limit;
    List<ExperimentSummary> page =
        rows.stream().limit(limit).map(ExperimentList.Row::experiment).toList();
    return new ExperimentPage(
        page,
        more ? Optional.of(rows.get(limit - 1).cursor().encode()) : Optional.empty(),
        warnings(page));
  }

  private List<String> warnings(List<ExperimentSummary> page) {
    return Protocol.warning(repository.protocols(page.stream().map(ExperimentSummary::id).toList()))
        .stream()
        .toList();
  }

  ExperimentView show(String id) {
    StoredExperiment row = find(id);
    List<ModelView> models = repository.models(row);
    return ExperimentViewBuilder.builder()
        .id(id)
        .name(row.name())
        .stage(row.stage())
        .error(row.error())
        .labels(row.labels())
        .dataset(row.dataset())
        .createdAt(row.createdAt())
        .updatedAt(row.updatedAt())
        .finishedAt(row.finishedAt())
        .models(models)
        .evaluations(repository.evaluations(id))
        .artifacts(repository.artifacts(id))
        .spec(row.spec())
        .links(Links.of(id, runs.page(id)))
        .warnings(
            Stream.concat(
                    Stream.concat(
                        row.dataset().flatMap(DatasetRef::loss).map(loss -> loss + ".").stream(),
                        Protocol.warning(repository.protocols(List.of(id))).stream()),
                    unasked(row.spec(), models).stream())
                .toList())
        .schedules(repository.schedules(id))
        .paused(row.paused())
        .project(row.project())
        .build();
  }

  /** The students that no step of the sampler asks, in a sentence, once their ranges are known. */
  private static Optional<String> unasked(ExperimentSpec spec, List<ModelView> models) {
    List<ModelView> students = models.stream().filter(m -> m.key().student().isPresent()).toList();
    return students.stream().allMatch(m -> m.visits().isPresent())
        ? spec.visits(students.stream().map(ModelView::range).toList()).warning()
        : Optional.empty();
  }

  /** Experiments beside one another. */
  Comparison compare(List<String> ids) {
    List<String> seen = projects.visibleExperiments(ids);
    ids.stream()
        .filter(id -> !seen.contains(id))
        .findFirst()
        .ifPresent(
            id -> {
              throw unknown(id);
            });
    List<StoredExperiment> rows = ids.stream().map(this::find).toList();
    List<Map<String, Double>> figures = ids.stream().map(this::figures).toList();
    return new Comparison(
        ids.stream().map(id -> summary(id)).toList(),
        Comparison.differences(rows.stream().map(StoredExperiment::spec).toList()),
        Comparison.rows(figures),
        Protocol.warning(repository.protocols(ids)).stream().toList());
  }

  private ExperimentSummary summary(String id) {
    HistoryQuery one = HistoryQuery.of(new Condition.OfText(QueryField.Own.ID, Operator.EQUAL, id));
    return lists
        .list(one, Sort.NEWEST, Optional.empty(), 1, i -> Links.of(i, runs.page(i)))
        .get(0)
        .experiment();
  }

  /** Every figure of every subject, by name. */
  private Map<String, Double> figures(String id) {
    Map<String, Double> figures = new TreeMap<>();
    for (EvaluationView evaluation : repository.evaluations(id)) {
      String subject = evaluation.subject() + ".";
      evaluation.distance().ifPresent(d -> figures.put(subject + "distance", d));
      evaluation.macsPerStep().ifPresent(m -> figures.put(subject + "macsPerStep", m));
      figures.put(subject + "parameters", (double) evaluation.parameters());
      figures.put(subject + "imagesPerSecond", evaluation.imagesPerSecond());
      evaluation.weightsBytes().ifPresent(w -> figures.put(subject + "weightsBytes", (double) w));
      evaluation.metrics().forEach((name, value) -> figures.put(subject + name, value));
    }
    return figures;
  }

  Map<String, List<Double>> losses(List<String> ids, int points) {
    return repository.losses(projects.visibleExperiments(ids), points);
  }

  Multi<OutboundSseEvent> stream(String id, long after, Sse sse) {
    find(id);
    return stream.open(caller.counted(), id, after, sse);
  }

  EventPage events(String id, long after, int limit) {
    find(id);
    List<EventPage.Event> events = repository.events(id, after, limit + 1);
    if (events.size() <= limit) {
      return new EventPage(events, Optional.empty());
    }
    return new EventPage(
        List.copyOf(events.subList(0, limit)),
        Optional.of(Long.toString(events.get(limit - 1).id())));
  }

  MetricSeries metrics(String id, String key, MetricSeries.Wanted wanted) {
    ModelKey model = model(id, key);
    return new MetricSeries(
        repository.metrics(id, model, wanted).entrySet().stream()
            .map(
                curve ->
                    new MetricSeries.Series(
                        curve.getKey(),
                        curve.getValue().thinned(wanted.points()),
                        curve.getValue().size()))
            .toList());
  }

  /** Trains a failed model again, with some settings changed. */
  Accepted retry(
      String id, String key, TrainingOverrides overrides, Optional<String> idempotencyKey) {
    ModelKey model = model(id, key);
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
    ModelKey model = model(id, key);
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
    ModelKey model = model(id, key);
    reader.check(replacement, find(id).spec(), model);
    return ask(
        id,
        "replace",
        Optional.of(new DistillationWorkflow.ReplaceRequest(model, replacement)),
        idempotencyKey,
        ProblemType.REQUEST_REFUSED,
        "replace " + model);
  }

  /** Lets the experiment go on without a model. */
  Accepted cancelModel(String id, String key, Optional<String> idempotencyKey) {
    ModelKey model = model(id, key);
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
    find(id);
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
      Stage stage = find(id).stage();
      throw new ProblemException(
          refusal,
          stage.terminal()
              ? "Cannot %s: experiment %s is %s. Launch its spec again to go on: models that are trained in the same way are taken over."
                  .formatted(what, id, stage)
              : "Cannot %s: experiment %s is %s and has no running workflow."
                  .formatted(what, id, stage));
    }
    return accepted(id);
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

  /** Stops an experiment; one that was canceled before is left as it is. */
  Accepted cancel(String id) {
    find(id);
    repository.withLocked(id, this::cancelUnlessEnded);
    return accepted(id);
  }

  private boolean cancelUnlessEnded(LockedExperiment experiment) {
    StoredExperiment row = experiment.row();
    if (row.stage() == Stage.CANCELED) {
      return false;
    }
    if (row.stage().terminal()) {
      throw new ProblemException(
          ProblemType.EXPERIMENT_ENDED,
          "Cannot cancel experiment %s: it is %s.".formatted(row.id(), row.stage()));
    }
    experiment.audit(audit);
    experiment.event(EventKind.CANCEL, "");
    if (!runs.cancel(row.id())) {
      experiment.end(Stage.CANCELED, Optional.empty());
    }
    return true;
  }

  /** Deletes an ended experiment; its objects go at once, or later if the store is away. */
  void delete(String id) {
    find(id);
    boolean deleted =
        repository
            .withLocked(
                id,
                experiment -> {
                  if (!experiment.row().stage().terminal()) {
                    throw new ProblemException(
                        ProblemType.EXPERIMENT_RUNNING,
                        "Cannot delete experiment %s: it is %s; cancel it first."
                            .formatted(id, experiment.row().stage()));
                  }
                  if (repository.hasStudy(id)) {
                    throw new ProblemException(
                        ProblemType.STUDY_RUNNING,
                        "Cannot delete experiment %s: its study has not ended.".formatted(id));
                  }
                  experiment.audit(audit);
                  experiment.delete();
                  return true;
                })
            .orElse(false);
    if (deleted) {
      deletions.removeObjects();
    }
  }

  Artifact artifact(String id, String name) {
    find(id);
    return Optional.of(name)
        .filter(ExperimentService::storable)
        .flatMap(n -> repository.artifact(id, n))
        .orElseThrow(
            () ->
                new ProblemException(
                    ProblemType.ARTIFACT_NOT_FOUND,
                    "Experiment %s has no artifact '%s'.".formatted(id, name)));
  }

  EvaluationList evaluations(String id) {
    return new EvaluationList(repository.evaluations(find(id).id()));
  }

  ArtifactList artifacts(String id) {
    return new ArtifactList(repository.artifacts(find(id).id()));
  }

  ModelView showModel(String id, String key) {
    ModelKey model = model(id, key);
    return repository.models(find(id)).stream()
        .filter(view -> view.key().equals(model))
        .findFirst()
        .orElseThrow(() -> unknown(id)); // deleted a moment ago
  }

  /** Where anyone can get the file for a while. */
  ArtifactLink link(String id, String name) {
    Artifact artifact = artifact(id, name);
    ObjectStore.Link link = store.link(artifact.objectKey());
    return new ArtifactLink(
        artifact.name(), artifact.bytes(), artifact.sha256(), link.href(), link.expiresAt());
  }

  InputStream open(Artifact artifact) {
    return store
        .open(artifact.objectKey())
        .orElseThrow(
            () ->
                new ProblemException(
                    ProblemType.ARTIFACT_NOT_FOUND,
                    "The file of artifact '%s' is no longer in the store."
                        .formatted(artifact.name())));
  }

  /** Brings an experiment that has not ended and its workflow together again. */
  void reconcile(String id) {
    switch (runs.state(id)) {
      case OPEN -> {}
      case ABSENT -> {
        if (!repository.hasStudy(id)
            && repository.withLocked(id, this::startUnlessEnded).orElse(false)) {
          LOG.infof("Started the missing workflow of experiment %s.", id);
        }
      }
      case CLOSED -> repository.withLocked(id, this::endUnlessEnded);
    }
  }

  /** A workflow that was terminated from outside had no chance to say so. */
  private boolean endUnlessEnded(LockedExperiment experiment) {
    if (experiment.row().stage().terminal()) {
      return false;
    }
    LOG.warnf("The workflow of experiment %s ended without a result.", experiment.row().id());
    experiment.end(
        Stage.FAILED,
        Optional.of(
            new Failure("INTERNAL", "The workflow ended without a result; it was terminated.")));
    return true;
  }

  List<String> unfinished(Duration age) {
    return repository.unfinished(age);
  }

  private Accepted launched(String id, ExperimentSpec spec) {
    return new Accepted(id, Links.of(id, runs.page(id)), Estimate.warnings(spec));
  }

  private Accepted accepted(String id) {
    return new Accepted(id, Links.of(id, runs.page(id)), List.of());
  }

  private StoredExperiment find(String id) {
    return Optional.of(id)
        .filter(ExperimentService::storable)
        .flatMap(repository::find)
        .orElseThrow(() -> unknown(id));
  }

  /** Postgres has no text with NUL in it, and refuses to look for it. */
  private static boolean storable(String text) {
    return text.indexOf('\0') < 0;
  }

  private ModelKey model(String id, String key) {
    find(id);
    ModelKey model;
    try {
      model = new ModelKey(key);
    } catch (IllegalArgumentException e) {
      throw new ProblemException(ProblemType.MODEL_NOT_FOUND, e.getMessage());
    }
    if (!repository.hasModel(id, model)) {
      throw new ProblemException(
          ProblemType.MODEL_NOT_FOUND, "Experiment %s has no model '%s'.".formatted(id, model));
    }
    return model;
  }

  private static ProblemException unknown(String id) {
    return new ProblemException(
        ProblemType.EXPERIMENT_NOT_FOUND, "There is no experiment '%s'.".formatted(id));
  }
}
