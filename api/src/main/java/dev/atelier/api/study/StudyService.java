package dev.atelier.api.study;

import dev.atelier.api.access.Audit;
import dev.atelier.api.access.Caller;
import dev.atelier.api.access.Projects;
import dev.atelier.api.experiment.ExperimentId;
import dev.atelier.api.experiment.artifact.Artifact;
import dev.atelier.api.maintenance.Deletions;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.spec.RefusedDocumentException;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.spec.SpecReader;
import dev.atelier.api.spec.StudyDocument;
import dev.atelier.api.study.StudyRepository.Launch;
import dev.atelier.api.study.StudyRepository.LockedStudy;
import dev.atelier.api.study.StudyRepository.StoredStudy;
import dev.atelier.api.temporal.StudyRuns;
import dev.atelier.api.temporal.TemporalUnavailableException;
import dev.atelier.spec.ClaimSpec;
import dev.atelier.spec.ScorecardRules;
import dev.atelier.spec.SpecFault;
import dev.atelier.spec.StudySpec;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.workflows.StudyStage;
import dev.atelier.workflows.scorecard.Scorecard;
import dev.atelier.workflows.scorecard.ScorecardRow;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.InputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jboss.logging.Logger;

/** What users can do with studies. */
@ApplicationScoped
class StudyService {

  private static final Logger LOG = Logger.getLogger(StudyService.class);

  private final StudyRepository repository;
  private final StudyRuns runs;
  private final SpecReader reader;
  private final ObjectStore store;
  private final Deletions deletions;
  private final Caller caller;
  private final Projects projects;
  private final Audit audit;

  StudyService(
      StudyRepository repository,
      StudyRuns runs,
      SpecReader reader,
      ObjectStore store,
      Deletions deletions,
      Caller caller,
      Projects projects,
      Audit audit) {
    this.caller = caller;
    this.projects = projects;
    this.audit = audit;
    this.deletions = deletions;
    this.repository = repository;
    this.runs = runs;
    this.reader = reader;
    this.store = store;
  }

  /** Checks every experiment, stores them with the study and starts its workflow. */
  StudyAccepted launch(StudyDocument document, Optional<String> idempotencyKey) {
    List<StudyMember> members = members(document);
    Set<String> ids = new LinkedHashSet<>();
    while (ids.size() < members.size()) {
      ids.add(ExperimentId.next(Instant.now()));
    }
    Launch launch =
        repository.launch(
            ExperimentId.next(Instant.now()),
            document,
            members,
            List.copyOf(ids),
            caller.project(),
            idempotencyKey);
    if (launch instanceof Launch.KeyTaken taken) {
      throw new ProblemException(
          ProblemType.IDEMPOTENCY_KEY_REUSED,
          "The Idempotency-Key was used for another spec: it launched study %s."
              .formatted(taken.id()));
    }
    if (launch instanceof Launch.Repeated repeated) {
      return accepted(repeated.id());
    }
    String id = ((Launch.Created) launch).id();
    try {
      runs.start(id, document.spec(), List.copyOf(ids));
    } catch (TemporalUnavailableException e) {
      LOG.warnf("%s Study %s waits in QUEUED.", e.getMessage(), id);
    }
    return accepted(id);
  }

  /** Every experiment of a study; throws {@link RefusedDocumentException} if one can't be. */
  private List<StudyMember> members(StudyDocument document) {
    List<SpecFault> faults = new ArrayList<>(StudyGrid.faults(document.spec()));
    List<StudyMember> members = new ArrayList<>();
    if (faults.isEmpty()) {
      for (StudyGrid.Point point : StudyGrid.points(document)) {
        try {
          members.add(new StudyMember(point.axes(), reader.spec(point.document())));
        } catch (RefusedDocumentException e) {
          String where = String.join(" with ", point.fields());
          e.faults().forEach(fault -> faults.add(fault(where, fault)));
        }
      }
    }
    if (faults.isEmpty()) {
      List<ScorecardRules.Point> points =
          members.stream().map(m -> new ScorecardRules.Point(m.at(), m.spec())).toList();
      faults.addAll(ScorecardRules.check(document.spec().scorecard(), points));
    }
    long bytes = members.stream().mapToLong(member -> SpecJson.bytes(member.spec())).sum();
    if (bytes > StudySpec.MAX_MEMBER_BYTES) {
      faults.add(
          new SpecFault(
              "axes",
              "make specs of %d bytes as JSON with their defaults, all experiments together: expected at most %d."
                  .formatted(bytes, StudySpec.MAX_MEMBER_BYTES)));
    }
    if (!faults.isEmpty()) {
      throw new RefusedDocumentException(
          RefusedDocumentException.Reason.INVALID, faults.stream().distinct().toList());
    }
    return members;
  }

  private static SpecFault fault(String where, SpecFault fault) {
    return where.isEmpty()
        ? new SpecFault("base." + fault.field(), fault.message())
        : new SpecFault(
            where, "makes an experiment whose %s %s".formatted(fault.field(), fault.message()));
  }

  StudyPage list(Optional<String> idBeginning, Optional<String> after, int limit) {
    after.ifPresent(this::find);
    after
        .filter(id -> !projects.seesStudy(id))
        .ifPresent(
            id -> {
              throw unknown(id);
            });
    List<StudySummary> rows =
        repository.list(
            idBeginning,
            after,
            limit + 1,
            projects.visible(),
            id -> StudyLinks.of(id, runs.page(id)));
    return rows.size() <= limit
        ? new StudyPage(rows, Optional.empty())
        : new StudyPage(List.copyOf(rows.subList(0, limit)), Optional.of(rows.get(limit - 1).id()));
  }

  StudyView show(String id) {
    StoredStudy row = find(id);
    return StudyViewBuilder.builder()
        .id(id)
        .name(row.spec().name())
        .question(row.spec().question())
        .stage(row.stage())
        .error(row.error())
        .labels(row.labels())
        .createdAt(row.createdAt())
        .updatedAt(row.updatedAt())
        .finishedAt(row.finishedAt())
        .members(repository.members(id))
        .scorecard(scorecard(row))
        .artifacts(repository.artifacts(id))
        .spec(row.spec())
        .links(StudyLinks.of(id, runs.page(id)))
        .build();
  }

  private List<ScorecardRow> scorecard(StoredStudy row) {
    List<ClaimSpec> claims = row.spec().scorecard();
    return claims.isEmpty() ? List.of() : Scorecard.of(claims, repository.measured(row.id()));
  }

  /** Stops a study and its experiments; one that was canceled before is left as it is. */
  StudyAccepted cancel(String id) {
    find(id);
    repository.withLocked(id, this::cancelUnlessEnded);
    return accepted(id);
  }

  private boolean cancelUnlessEnded(LockedStudy study) {
    StoredStudy row = study.row();
    if (row.stage() == StudyStage.CANCELED) {
      return false;
    }
    if (row.stage().terminal()) {
      throw new ProblemException(
          ProblemType.STUDY_ENDED,
          "Cannot cancel study %s: it is %s.".formatted(row.id(), row.stage()));
    }
    study.audit(audit);
    if (!runs.cancel(row.id())) {
      study.end(StudyStage.CANCELED, Optional.empty());
    }
    return true;
  }

  /** Deletes an ended study with its experiments. */
  void delete(String id) {
    find(id);
    repository.withLocked(
        id,
        study -> {
          if (!study.row().stage().terminal()) {
            throw new ProblemException(
                ProblemType.STUDY_RUNNING,
                "Cannot delete study %s: it is %s; cancel it first."
                    .formatted(id, study.row().stage()));
          }
          study
              .unfinishedMember()
              .ifPresent(
                  member -> {
                    throw new ProblemException(
                        ProblemType.EXPERIMENT_RUNNING,
                        "Cannot delete study %s: its experiment %s goes on; cancel it first."
                            .formatted(id, member));
                  });
          study.audit(audit);
          study.delete();
          return true;
        });
    deletions.removeObjects();
  }

  Artifact artifact(String id, String name) {
    find(id);
    return Optional.of(name)
        .filter(StudyService::storable)
        .flatMap(n -> repository.artifact(id, n))
        .orElseThrow(
            () ->
                new ProblemException(
                    ProblemType.ARTIFACT_NOT_FOUND,
                    "Study %s has no file '%s'.".formatted(id, name)));
  }

  InputStream open(Artifact artifact) {
    return store
        .open(artifact.objectKey())
        .orElseThrow(
            () ->
                new ProblemException(
                    ProblemType.ARTIFACT_NOT_FOUND,
                    "The file '%s' is no longer in the store.".formatted(artifact.name())));
  }

  /** Brings a study that has not ended and its workflow together again. */
  void reconcile(String id) {
    switch (runs.state(id)) {
      case OPEN -> {}
      case ABSENT -> {
        if (repository.withLocked(id, this::startUnlessEnded).orElse(false)) {
          LOG.infof("Started the missing workflow of study %s.", id);
        }
      }
      case CLOSED -> repository.withLocked(id, this::endUnlessEnded);
    }
  }

  private boolean startUnlessEnded(LockedStudy study) {
    StoredStudy row = study.row();
    if (row.stage().terminal()) {
      return false;
    }
    runs.start(row.id(), row.spec(), repository.experimentIds(row.id()));
    return true;
  }

  /** A workflow that was terminated from outside had no chance to say so. */
  private boolean endUnlessEnded(LockedStudy study) {
    if (study.row().stage().terminal()) {
      return false;
    }
    study.end(
        StudyStage.FAILED, Optional.of("The workflow ended without a result; it was terminated."));
    return true;
  }

  List<String> doubtful(Duration age) {
    return runs.doubtful(repository.unfinished(age));
  }

  private StudyAccepted accepted(String id) {
    return new StudyAccepted(
        id, repository.experimentIds(id).size(), StudyLinks.of(id, runs.page(id)));
  }

  private StoredStudy find(String id) {
    return Optional.of(id)
        .filter(StudyService::storable)
        .flatMap(repository::find)
        .orElseThrow(() -> unknown(id));
  }

  private static ProblemException unknown(String id) {
    return new ProblemException(
        ProblemType.STUDY_NOT_FOUND, "There is no study '%s'.".formatted(id));
  }

  /** Postgres has no text with NUL in it, and refuses to look for it. */
  private static boolean storable(String text) {
    return text.indexOf('\0') < 0;
  }
}
