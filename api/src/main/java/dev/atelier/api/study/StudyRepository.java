package dev.atelier.api.study;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.api.access.Audit;
import dev.atelier.api.experiment.Links;
import dev.atelier.api.experiment.artifact.Artifact;
import dev.atelier.api.experiment.artifact.ArtifactView;
import dev.atelier.api.experiment.launch.LaunchRepository;
import dev.atelier.api.maintenance.Deletions;
import dev.atelier.api.parameter.IdBeginning;
import dev.atelier.api.project.Quotas;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.spec.StudyDocument;
import dev.atelier.api.store.Columns;
import dev.atelier.api.study.StudyMember.AxisValue;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.StudySpec;
import dev.atelier.workflows.Stage;
import dev.atelier.workflows.StudyStage;
import dev.atelier.workflows.scorecard.MeasuredExperiment;
import dev.atelier.workflows.scorecard.MeasuredExperiment.Figures;
import dev.atelier.workflows.vocabulary.ArtifactKind;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.PreparedBatch;

/** Studies and what belongs to them, in Postgres. */
@ApplicationScoped
class StudyRepository {

  /** What became of a launch. */
  sealed interface Launch {

    /** A new study was stored with its experiments. */
    record Created(String id) implements Launch {}

    /** The same request was stored before. */
    record Repeated(String id) implements Launch {}

    /** The key was used before, for another study. */
    record KeyTaken(String id) implements Launch {}
  }

  /** A study's row. */
  record StoredStudy(
      String id,
      StudySpec spec,
      StudyStage stage,
      Optional<String> error,
      Map<String, String> labels,
      Instant createdAt,
      Instant updatedAt,
      Optional<Instant> finishedAt) {}

  private final Jdbi jdbi;
  private final Audit audit;
  private final Quotas quotas;

  StudyRepository(Jdbi jdbi, Audit audit, Quotas quotas) {
    this.jdbi = jdbi;
    this.audit = audit;
    this.quotas = quotas;
  }

  /**
   * Stores a study and its experiments, once per project and idempotency key.
   *
   * @param experimentIds one for each member
   */
  Launch launch(
      String id,
      StudyDocument document,
      List<StudyMember> members,
      List<String> experimentIds,
      String project,
      Optional<String> idempotencyKey) {
    StudySpec spec = document.spec();
    String sha256 = SpecJson.sha256(spec);
    return jdbi.inTransaction(
        handle -> {
          if (idempotencyKey.isPresent()) {
            Optional<Launch> earlier = earlier(handle, project, idempotencyKey.get(), sha256);
            if (earlier.isPresent()) {
              return earlier.get();
            }
          }
          Set<String> computes =
              members.stream().map(member -> member.spec().compute()).collect(Collectors.toSet());
          quotas.require(handle, project, computes, members.size());
          handle
              .createUpdate(
                  """
                  insert into study
                    (id, name, question, spec, labels, stage, idempotency_key, request_sha256,
                      project, document)
                  values (:id, :name, :question, cast(:spec as jsonb), cast(:labels as jsonb),
                    :stage, :key, :sha256, :project, cast(:document as json))
                  """)
              .bind("id", id)
              .bind("name", spec.name())
              .bind("question", spec.question())
              .bind("spec", SpecJson.write(spec))
              .bind("labels", SpecJson.write(spec.labels()))
              .bind("stage", StudyStage.QUEUED)
              .bind("key", idempotencyKey)
              .bind("sha256", sha256)
              .bind("project", project)
              .bind("document", SpecJson.write(document.whole()))
              .execute();
          insertMembers(handle, id, members, experimentIds, project);
          audit.done(handle, Audit.Kind.STUDY, id, spec.name());
          return new Launch.Created(id);
        });
  }

  private static Optional<Launch> earlier(
      Handle handle, String project, String key, String sha256) {
    // Launches with the same key wait here for one another until the transaction ends.
    handle
        .createQuery("select 1 from pg_advisory_xact_lock(hashtextextended(:key, 2))")
        .bind("key", key)
        .mapTo(Integer.class)
        .one();
    return handle
        .createQuery(
            """
            select id, request_sha256 from study
            where project = :project and idempotency_key = :key
            """)
        .bind("project", project)
        .bind("key", key)
        .<Launch>map(
            (row, context) ->
                row.getString("request_sha256").equals(sha256)
                    ? new Launch.Repeated(row.getString("id"))
                    : new Launch.KeyTaken(row.getString("id")))
        .findOne();
  }

  private static void insertMembers(
      Handle handle,
      String id,
      List<StudyMember> members,
      List<String> experimentIds,
      String project) {
    PreparedBatch batch =
        handle.prepareBatch(
            """
            insert into study_member (study_id, position, experiment_id, axes, seed)
            values (:study, :position, :experiment, cast(:axes as jsonb), :seed)
            """);
    for (int i = 0; i < members.size(); i++) {
      StudyMember member = members.get(i);
      LaunchRepository.insert(handle, experimentIds.get(i), member.spec(), project);
      batch
          .bind("study", id)
          .bind("position", i)
          .bind("experiment", experimentIds.get(i))
          .bind("axes", SpecJson.write(member.axes()))
          .bind("seed", member.spec().seed())
          .add();
    }
    batch.execute();
  }

  Optional<StoredStudy> find(String id) {
    return jdbi.withHandle(handle -> find(handle, id, ""));
  }

  private static Optional<StoredStudy> find(Handle handle, String id, String locking) {
    return handle
        .createQuery(
            """
            select id, spec, stage, error_message, labels, created_at, updated_at, finished_at
            from study where id = :id
            """
                + locking)
        .bind("id", id)
        .map(
            (row, context) ->
                new StoredStudy(
                    row.getString("id"),
                    SpecJson.read(row.getString("spec"), StudySpec.class),
                    StudyStage.valueOf(row.getString("stage")),
                    Columns.text(row, "error_message"),
                    Columns.namedTexts(row, "labels"),
                    Columns.instant(row, "created_at").orElseThrow(),
                    Columns.instant(row, "updated_at").orElseThrow(),
                    Columns.instant(row, "finished_at")))
        .findOne();
  }

  /**
   * Up to {@code limit} studies that come after the study {@code after}, newest first.
   *
   * @param idBeginning only those whose ids begin so
   */
  List<StudySummary> list(
      Optional<String> idBeginning,
      Optional<String> after,
      int limit,
      Optional<Set<String>> projects,
      Function<String, StudyLinks> linksOf) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select s.id, s.name, s.question, s.stage, s.labels, s.created_at, s.updated_at,
                      s.finished_at, m.experiments, m.ended
                    from study s
                    join lateral (
                      select count(*) as experiments,
                        count(*) filter (where e.stage in ('DONE', 'PARTIAL', 'FAILED', 'CANCELED')) as ended
                      from study_member m join experiment e on e.id = m.experiment_id
                      where m.study_id = s.id) m on true
                    where (:everyProject or s.project = any(:projects))
                      and s.id collate "C" >= :beginning and s.id collate "C" < :beyond
                      and (cast(:after as text) is null
                        or (s.created_at, s.id) <
                          (select created_at, id from study
                            where id = :after and (:everyProject or project = any(:projects))))
                    order by s.created_at desc, s.id desc limit :limit
                    """)
                .bind("beginning", idBeginning.orElse(""))
                .bind("beyond", idBeginning.orElse("") + IdBeginning.BEYOND)
                .bind("after", after)
                .bind("everyProject", projects.isEmpty())
                .bindArray("projects", String.class, projects.orElse(Set.of()))
                .bind("limit", limit)
                .map(
                    (row, context) ->
                        new StudySummary(
                            row.getString("id"),
                            row.getString("name"),
                            row.getString("question"),
                            StudyStage.valueOf(row.getString("stage")),
                            Columns.namedTexts(row, "labels"),
                            row.getInt("experiments"),
                            row.getInt("ended"),
                            Columns.instant(row, "created_at").orElseThrow(),
                            Columns.instant(row, "updated_at").orElseThrow(),
                            Columns.instant(row, "finished_at"),
                            linksOf.apply(row.getString("id"))))
                .list());
  }

  List<StudyView.Member> members(String id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select s.experiment_id, s.axes, s.seed, e.stage, m.step, m.total_steps,
                      m.reused, coalesce(v.distances, '{}') as distances
                    from study_member s
                    join experiment e on e.id = s.experiment_id
                    join lateral (
                      select sum(step) as step, sum(total_steps) as total_steps,
                        count(reused_from) as reused
                      from model where experiment_id = e.id) m on true
                    join lateral (
                      select jsonb_object_agg(subject, distance) as distances
                      from evaluation where experiment_id = e.id and distance < 'Infinity'
                    ) v on true
                    where s.study_id = :id order by s.position
                    """)
                .bind("id", id)
                .map(
                    (row, context) ->
                        new StudyView.Member(
                            row.getString("experiment_id"),
                            axes(row.getString("axes")),
                            row.getLong("seed"),
                            Stage.valueOf(row.getString("stage")),
                            row.getLong("step"),
                            row.getLong("total_steps"),
                            row.getInt("reused"),
                            Columns.namedNumbers(row, "distances"),
                            URI.create(Links.pathOf(row.getString("experiment_id")))))
                .list());
  }

  /** What the experiments of a study were asked for and have measured, for its scorecard. */
  List<MeasuredExperiment> measured(String id) {
    return jdbi.withHandle(
        handle -> {
          Map<String, List<Figures>> figures = figures(handle, id);
          return handle
              .createQuery(
                  """
                  select s.experiment_id, s.axes, s.seed, e.spec
                  from study_member s join experiment e on e.id = s.experiment_id
                  where s.study_id = :id order by s.position
                  """)
              .bind("id", id)
              .map(
                  (row, context) ->
                      new MeasuredExperiment(
                          StudyMember.at(axes(row.getString("axes"))),
                          row.getLong("seed"),
                          SpecJson.read(row.getString("spec"), ExperimentSpec.class),
                          figures.getOrDefault(row.getString("experiment_id"), List.of())))
              .list();
        });
  }

  private static Map<String, List<Figures>> figures(Handle handle, String id) {
    Map<String, List<Figures>> figures = new HashMap<>();
    handle
        .createQuery(
            """
            select v.experiment_id, v.subject, v.metric, v.distance, v.macs_per_step, v.parameters,
              v.images_per_second, v.peak_memory_bytes, v.metrics
            from study_member s join evaluation v on v.experiment_id = s.experiment_id
            where s.study_id = :id
            """)
        .bind("id", id)
        .map(
            (row, context) ->
                Map.entry(
                    row.getString("experiment_id"),
                    new Figures(
                        row.getString("subject"),
                        row.getString("metric"),
                        row.getDouble("distance"),
                        Columns.finite(row, "macs_per_step"),
                        row.getLong("parameters"),
                        row.getDouble("images_per_second"),
                        row.getLong("peak_memory_bytes"),
                        Columns.namedNumbers(row, "metrics"))))
        .forEach(
            e -> figures.computeIfAbsent(e.getKey(), k -> new ArrayList<>()).add(e.getValue()));
    return figures;
  }

  /** Ids of the experiments of a study, in the order in which they start. */
  List<String> experimentIds(String id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    "select experiment_id from study_member where study_id = :id order by position")
                .bind("id", id)
                .mapTo(String.class)
                .list());
  }

  List<ArtifactView> artifacts(String id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select name, content_type, bytes, sha256
                    from study_artifact where study_id = :id order by name
                    """)
                .bind("id", id)
                .map(
                    (row, context) ->
                        new ArtifactView(
                            row.getString("name"),
                            ArtifactKind.REPORT.word(),
                            row.getString("content_type"),
                            row.getLong("bytes"),
                            row.getString("sha256"),
                            URI.create(
                                StudyLinks.pathOf(id) + "/artifacts/" + row.getString("name"))))
                .list());
  }

  Optional<Artifact> artifact(String id, String name) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select name, object_key, content_type, bytes, sha256
                    from study_artifact where study_id = :id and name = :name
                    """)
                .bind("id", id)
                .bind("name", name)
                .map(
                    (row, context) ->
                        new Artifact(
                            row.getString("name"),
                            ArtifactKind.REPORT.word(),
                            row.getString("object_key"),
                            row.getString("content_type"),
                            row.getLong("bytes"),
                            row.getString("sha256")))
                .findOne());
  }

  /** Ids of the studies at least {@code age} old that have not ended, oldest first. */
  List<String> unfinished(Duration age) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select id from study where stage not in ('DONE', 'FAILED', 'CANCELED')
                      and created_at <= now() - cast(:age as interval)
                    order by created_at, id
                    """)
                .bind("age", age.toMillis() + " ms")
                .mapTo(String.class)
                .list());
  }

  /** Gives {@code work} a study that no one else may change until it returns. */
  <T> Optional<T> withLocked(String id, Function<LockedStudy, T> work) {
    return jdbi.inTransaction(
        handle ->
            find(handle, id, " for update")
                .map(study -> work.apply(new LockedStudy(handle, study))));
  }

  /** A study that no one else may change now. */
  static final class LockedStudy {

    private final Handle handle;
    private final StoredStudy row;

    private LockedStudy(Handle handle, StoredStudy row) {
      this.handle = handle;
      this.row = row;
    }

    StoredStudy row() {
      return row;
    }

    /** An experiment of the study that has not ended, if there is one. */
    Optional<String> unfinishedMember() {
      return handle
          .createQuery(
              """
              select e.id from study_member m join experiment e on e.id = m.experiment_id
              where m.study_id = :id and not e.stage = any(:ended) limit 1
              """)
          .bind("id", row.id())
          .bindArray(
              "ended",
              String.class,
              Arrays.stream(Stage.values()).filter(Stage::terminal).map(Stage::name).toArray())
          .mapTo(String.class)
          .findOne();
    }

    /** Writes down in the same transaction that the caller has done it. */
    void audit(Audit audit) {
      audit.done(handle, Audit.Kind.STUDY, row.id(), row.spec().name());
    }

    /** Deletes the study and its experiments, with all that belongs to them. */
    void delete() {
      handle
          .createQuery(
              "select experiment_id from study_member where study_id = :id order by position")
          .bind("id", row.id())
          .mapTo(String.class)
          .list()
          .forEach(experiment -> Deletions.deleteRows(handle, experiment));
      Deletions.deleteStudyRows(handle, row.id());
    }

    void end(StudyStage stage, Optional<String> error) {
      handle
          .createUpdate(
              """
              update study
              set stage = :stage, error_message = :error, updated_at = now(), finished_at = now()
              where id = :id
              """)
          .bind("stage", stage)
          .bind("error", error)
          .bind("id", row.id())
          .execute();
    }
  }

  private static List<AxisValue> axes(String json) {
    List<AxisValue> axes = new ArrayList<>();
    for (JsonNode axis : SpecJson.read(json, JsonNode.class)) {
      axes.add(new AxisValue(axis.path("axis").asText(), axis.path("value").asText()));
    }
    return axes;
  }
}
