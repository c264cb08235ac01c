package dev.atelier.api.experiment;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.api.access.Audit;
import dev.atelier.api.maintenance.Deletions;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.Estimator;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.Protocol;
import dev.atelier.workflows.Stage;
import dev.atelier.workflows.vocabulary.EventKind;
import dev.atelier.workflows.vocabulary.Series;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.URI;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.function.Function;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.PreparedBatch;

/** Experiments and what belongs to them, in Postgres. */
@ApplicationScoped
public class ExperimentRepository {

  /** What became of a launch. */
  sealed interface Launch {

    /** A new experiment was stored. */
    record Created(String id) implements Launch {}

    /** The same request was stored before. */
    record Repeated(String id) implements Launch {}

    /** The key was used before, for another request. */
    record KeyTaken(String id) implements Launch {}
  }

  private static final int POINTS_AT_ONCE = 250_000; // about 12 MB

  private final Jdbi jdbi;
  private final Audit audit;

  ExperimentRepository(Jdbi jdbi, Audit audit) {
    this.jdbi = jdbi;
    this.audit = audit;
  }

  /** Stores an experiment with its models, once per project and idempotency key. */
  Launch launch(String id, ExperimentSpec spec, String project, Optional<String> idempotencyKey) {
    return jdbi.inTransaction(
        handle -> {
          String sha256 = SpecJson.sha256(spec);
          if (idempotencyKey.isPresent()) {
            Optional<Launch> earlier = earlierLaunch(handle, project, idempotencyKey.get(), sha256);
            if (earlier.isPresent()) {
              return earlier.get();
            }
          }
          insert(handle, id, spec, project);
          audit.done(handle, Audit.Kind.EXPERIMENT, id, spec.name());
          idempotencyKey.ifPresent(
              key ->
                  handle
                      .createUpdate(
                          """
                          insert into idempotency_key
                            (project, key, request_sha256, experiment_id)
                          values (:project, :key, :sha256, :id)
                          """)
                      .bind("project", project)
                      .bind("key", key)
                      .bind("sha256", sha256)
                      .bind("id", id)
                      .execute());
          return new Launch.Created(id);
        });
  }

  /** Stores a new experiment with its models, as part of a transaction. */
  public static void insert(Handle handle, String id, ExperimentSpec spec, String project) {
    insertExperiment(handle, id, spec, project);
    insertModels(handle, id, spec);
    insertEvent(handle, id, EventKind.LAUNCHED, spec.name());
    Estimate.warnings(spec).forEach(warning -> insertEvent(handle, id, EventKind.WARNING, warning));
  }

  private static Optional<Launch> earlierLaunch(
      Handle handle, String project, String key, String sha256) {
    // Launches with the same key wait here for one another until the transaction ends.
    handle
        .createQuery("select 1 from pg_advisory_xact_lock(hashtextextended(:key, 0))")
        .bind("key", key)
        .mapTo(Integer.class)
        .one();
    return handle
        .createQuery(
            """
            select request_sha256, experiment_id from idempotency_key
            where project = :project and key = :key
            """)
        .bind("project", project)
        .bind("key", key)
        .<Launch>map(
            (row, context) ->
                row.getString("request_sha256").equals(sha256)
                    ? new Launch.Repeated(row.getString("experiment_id"))
                    : new Launch.KeyTaken(row.getString("experiment_id")))
        .findOne();
  }

  private static void insertExperiment(
      Handle handle, String id, ExperimentSpec spec, String project) {
    handle
        .createUpdate(
            """
            insert into experiment (id, name, spec, labels, stage, project)
            values (:id, :name, cast(:spec as jsonb), cast(:labels as jsonb), :stage, :project)
            """)
        .bind("project", project)
        .bind("id", id)
        .bind("name", spec.name())
        .bind("spec", SpecJson.write(spec))
        .bind("labels", SpecJson.write(spec.labels()))
        .bind("stage", Stage.QUEUED)
        .execute();
  }

  private static void insertModels(Handle handle, String id, ExperimentSpec spec) {
    TimestepRange all = new TimestepRange(0, spec.diffusion().timesteps());
    Map<ModelKey, TimestepRange> ranges = new LinkedHashMap<>();
    Map<ModelKey, Integer> steps = new LinkedHashMap<>();
    ranges.put(ModelKey.TEACHER, all);
    steps.put(
        ModelKey.TEACHER,
        spec.teacher().source().isPresent() ? 0 : spec.teacher().training().steps());
    StudentsSpec students = spec.students();
    // Ranges that are planned later are all of [0, T) until then.
    List<TimestepRange> cuts =
        students.assignment().plannedLater()
            ? Collections.nCopies(students.count(), all)
            : spec.ranges();
    for (int student = 1; student <= students.count(); student++) {
      ModelKey key = ModelKey.student(student);
      ranges.put(key, cuts.get(student - 1));
      steps.put(
          key,
          students.ownedByTeacher(student)
              ? 0
              : students.overridesOf(student).applyTo(students.training()).steps());
    }
    if (students.trainsOneToOne()) {
      ranges.put(ModelKey.ONE_TO_ONE, all);
      steps.put(ModelKey.ONE_TO_ONE, students.training().steps());
    }
    PreparedBatch batch =
        handle.prepareBatch(
            """
            insert into model
              (experiment_id, key, position, range_low, range_high, state, total_steps)
            values (:id, :key, :position, :low, :high, :state, :steps)
            """);
    int position = 0;
    for (Map.Entry<ModelKey, TimestepRange> model : ranges.entrySet()) {
      batch
          .bind("id", id)
          .bind("key", model.getKey().value())
          .bind("position", position++)
          .bind("low", model.getValue().low())
          .bind("high", model.getValue().high())
          .bind("state", ModelState.PENDING)
          .bind("steps", steps.get(model.getKey()))
          .add();
    }
    batch.execute();
  }

  private static void insertEvent(Handle handle, String id, EventKind kind, String detail) {
    handle
        .createUpdate(
            "insert into event (experiment_id, kind, detail) values (:id, :kind, :detail)")
        .bind("id", id)
        .bind("kind", kind.word())
        .bind("detail", detail)
        .execute();
  }

  Optional<StoredExperiment> find(String id) {
    return jdbi.withHandle(handle -> find(handle, id, ""));
  }

  private static Optional<StoredExperiment> find(Handle handle, String id, String locking) {
    return handle
        .createQuery(
            """
            select id, name, spec, labels, stage, dataset, error_type, error_message,
              created_at, updated_at, finished_at, paused_at, project
            from experiment where id = :id
            """
                + locking)
        .bind("id", id)
        .map(
            (row, context) ->
                StoredExperimentBuilder.builder()
                    .id(row.getString("id"))
                    .name(row.getString("name"))
                    .spec(SpecJson.read(row.getString("spec"), ExperimentSpec.class))
                    .labels(labels(row.getString("labels")))
                    .stage(Stage.valueOf(row.getString("stage")))
                    .dataset(
                        Optional.ofNullable(row.getString("dataset"))
                            .map(json -> SpecJson.read(json, DatasetRef.class)))
                    .error(failure(row))
                    .createdAt(instant(row, "created_at").orElseThrow())
                    .updatedAt(instant(row, "updated_at").orElseThrow())
                    .finishedAt(instant(row, "finished_at"))
                    .paused(instant(row, "paused_at").isPresent())
                    .project(row.getString("project"))
                    .build())
        .findOne();
  }

  /** The models of an experiment in order: teacher, students, one-to-one. */
  List<ModelView> models(StoredExperiment experiment) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select key, range_low, range_high, state, step, total_steps, loss,
                      images_per_second, parameters, macs, attempts, worker, overrides,
                      error_type, error_message, started_at, finished_at,
                      (select experiment_id from model s where s.id = m.reused_from) as reused_from,
                      a.executed, a.cpu_seconds, a.gpu_seconds
                    from model m
                    left join lateral (
                      select sum(last_step - first_step) as executed,
                        sum(cpu_seconds) as cpu_seconds, sum(gpu_seconds) as gpu_seconds
                      from attempt where model_id = m.id) a on true
                    where experiment_id = :id order by position
                    """)
                .bind("id", experiment.id())
                .map((row, context) -> model(row, experiment.spec()))
                .list());
  }

  private static ModelView model(ResultSet row, ExperimentSpec spec) throws SQLException {
    ModelKey key = new ModelKey(row.getString("key"));
    ModelState state = ModelState.valueOf(row.getString("state"));
    int step = row.getInt("step");
    int totalSteps = row.getInt("total_steps");
    Optional<Double> rate = finite(row, "images_per_second");
    TrainingOverrides overrides =
        SpecJson.read(row.getString("overrides"), TrainingOverrides.class);
    TimestepRange range = new TimestepRange(row.getInt("range_low"), row.getInt("range_high"));
    return ModelViewBuilder.builder()
        .key(key)
        .range(range)
        .state(state)
        .step(step)
        .totalSteps(totalSteps)
        .loss(finite(row, "loss"))
        .imagesPerSecond(rate)
        .etaSeconds(ModelView.eta(state, totalSteps - step, rate, key, spec, overrides))
        .attempts(row.getInt("attempts"))
        .parameters(whole(row, "parameters"))
        .macs(whole(row, "macs"))
        .error(failure(row))
        .overrides(overrides)
        .worker(Optional.ofNullable(row.getString("worker")))
        .startedAt(instant(row, "started_at"))
        .finishedAt(instant(row, "finished_at"))
        .reusedFrom(Optional.ofNullable(row.getString("reused_from")))
        .repeatedSteps(whole(row, "executed").map(executed -> Math.max(0, executed - step)))
        .cpuSeconds(finite(row, "cpu_seconds"))
        .gpuSeconds(finite(row, "gpu_seconds"))
        .visits(ModelView.visits(key, range, spec))
        .build();
  }

  List<EvaluationView> evaluations(String id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select subject, metric, distance, macs_per_step, parameters,
                      images_per_second, peak_memory_bytes, protocol, metrics, weights_bytes,
                      reused_from
                    from evaluation where experiment_id = :id order by created_at, subject
                    """)
                .bind("id", id)
                .map(
                    (row, context) ->
                        new EvaluationView(
                            row.getString("subject"),
                            row.getString("metric"),
                            finite(row, "distance"),
                            finite(row, "macs_per_step"),
                            row.getLong("parameters"),
                            row.getDouble("images_per_second"),
                            row.getLong("peak_memory_bytes"),
                            SpecJson.read(row.getString("protocol"), JsonNode.class),
                            numbers(row.getString("metrics")),
                            whole(row, "weights_bytes"),
                            Optional.ofNullable(row.getString("reused_from"))))
                .list());
  }

  /** What the search for schedules has tried, in order. */
  List<ScheduleView> schedules(String id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select owners, distance, macs_per_step, frontier, estimator
                    from candidate where experiment_id = :id and search = 'SCHEDULE'
                    order by position, name
                    """)
                .bind("id", id)
                .map(
                    (row, context) ->
                        new ScheduleView(
                            List.of(
                                SpecJson.read(row.getString("owners"), ScheduleView.Owner[].class)),
                            finite(row, "distance"),
                            finite(row, "macs_per_step"),
                            row.getBoolean("frontier"),
                            Estimator.valueOf(row.getString("estimator"))))
                .list());
  }

  /** How the figures of these experiments were measured. */
  List<Protocol> protocols(List<String> ids) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select protocol from evaluation
                    where experiment_id = any(:ids) and distance < 'Infinity'
                    order by created_at, experiment_id, subject
                    """)
                .bindArray("ids", String.class, ids)
                .map((row, context) -> SpecJson.read(row.getString("protocol"), Protocol.class))
                .list());
  }

  List<ArtifactView> artifacts(String id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select name, kind, content_type, bytes, sha256
                    from artifact where experiment_id = :id order by kind, name
                    """)
                .bind("id", id)
                .map(
                    (row, context) ->
                        new ArtifactView(
                            row.getString("name"),
                            row.getString("kind"),
                            row.getString("content_type"),
                            row.getLong("bytes"),
                            row.getString("sha256"),
                            URI.create(Links.pathOf(id) + "/artifacts/" + row.getString("name"))))
                .list());
  }

  Optional<Artifact> artifact(String id, String name) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select name, kind, object_key, content_type, bytes, sha256
                    from artifact where experiment_id = :id and name = :name
                    """)
                .bind("id", id)
                .bind("name", name)
                .map(
                    (row, context) ->
                        new Artifact(
                            row.getString("name"),
                            row.getString("kind"),
                            row.getString("object_key"),
                            row.getString("content_type"),
                            row.getLong("bytes"),
                            row.getString("sha256")))
                .findOne());
  }

  /** Up to {@code limit} events with an id above {@code after}, oldest first. */
  List<EventPage.Event> events(String id, long after, int limit) {
    return events(id, after, limit, "");
  }

  /** The same without the last second, of which an event with a lower id may still come. */
  List<EventPage.Event> settledEvents(String id, long after, int limit) {
    return events(id, after, limit, "and at < now() - interval '1 s'");
  }

  private List<EventPage.Event> events(String id, long after, int limit, String condition) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select id, at, kind, model_key, detail
                    from event where experiment_id = :id and id > :after %s
                    order by id limit :limit
                    """
                        .formatted(condition))
                .bind("id", id)
                .bind("after", after)
                .bind("limit", limit)
                .map(
                    (row, context) ->
                        new EventPage.Event(
                            row.getLong("id"),
                            instant(row, "at").orElseThrow(),
                            row.getString("kind"),
                            Optional.ofNullable(row.getString("model_key")),
                            row.getString("detail")))
                .list());
  }

  /**
   * A few values of the loss of the model that was last started and has any, by experiment: as many
   * as there are, {@code points} at most.
   */
  Map<String, List<Double>> losses(List<String> ids, int points) {
    Map<String, List<Double>> losses = new TreeMap<>();
    jdbi.useHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select e.id, p.step, p.value
                    from unnest(:ids) e (id)
                    join lateral (
                      select coalesce(reused_from, id) as id from model
                      where experiment_id = e.id and started_at is not null and exists (
                        select 1 from metric_point
                        where model_id = coalesce(reused_from, model.id) and series = :loss)
                      order by started_at desc, position limit 1) m on true
                    join lateral (
                      select min(step) as low, max(step) as high from metric_point
                      where model_id = m.id and series = :loss) b on b.low is not null
                    cross join generate_series(0, :last) g (i)
                    join lateral (
                      select step, value from metric_point
                      where model_id = m.id and series = :loss
                        and step >= b.low + cast(b.high - b.low as bigint) * g.i / :last
                      order by step limit 1) p on true
                    group by e.id, p.step, p.value
                    order by e.id, p.step
                    """)
                .bindArray("ids", String.class, ids)
                .bind("last", points - 1)
                .bind("loss", Series.LOSS.word())
                .map((row, context) -> Map.entry(row.getString("id"), row.getDouble("value")))
                .forEach(
                    point -> {
                      if (Double.isFinite(point.getValue())) {
                        losses
                            .computeIfAbsent(point.getKey(), id -> new ArrayList<>())
                            .add(point.getValue());
                      }
                    }));
    return losses;
  }

  /**
   * Multiply-accumulates per second of the last trainings on a class of device: three forward
   * passes a step, and one of the teacher where it teaches. Empty: there was none.
   */
  OptionalDouble macsPerSecond(String compute) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select percentile_cont(0.5) within group (order by rate) as rate from (
                      select m.images_per_second * (3 * m.macs + case
                        when m.key = 'teacher'
                          or cast(coalesce(e.spec #>> '{students,loss,distillation}',
                            e.spec #>> '{students,loss,prediction}') as double precision) = 0
                        then 0 else coalesce(t.macs, 0) end) as rate
                      from model m
                      join experiment e on e.id = m.experiment_id
                      join model t on t.experiment_id = e.id and t.key = 'teacher'
                      where m.state = 'DONE' and m.macs is not null and m.images_per_second > 0
                        and m.reused_from is null and e.spec ->> 'compute' = :compute
                      order by m.finished_at desc nulls last limit 30) trained
                    """)
                .bind("compute", compute)
                .map((row, context) -> finite(row, "rate"))
                .one()
                .map(OptionalDouble::of)
                .orElseGet(OptionalDouble::empty));
  }

  boolean hasModel(String id, ModelKey key) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery("select 1 from model where experiment_id = :id and key = :key")
                .bind("id", id)
                .bind("key", key.value())
                .mapTo(Integer.class)
                .findOne()
                .isPresent());
  }

  /** The curves of a model by name: those that are wanted, or all that have points. */
  Map<String, Curve> metrics(String id, ModelKey key, MetricSeries.Wanted wanted) {
    Map<String, Curve> curves = new LinkedHashMap<>();
    wanted.names().forEach(name -> curves.put(name, new Curve()));
    jdbi.useHandle(
        handle -> {
          for (long model : trainedModel(handle, id, key)) {
            List<String> names =
                wanted.names().isEmpty() ? seriesOf(handle, model) : wanted.names();
            for (String name : names) {
              Curve curve = curve(handle, model, name, wanted);
              if (curve.size() > 0) {
                curves.put(name, curve);
              }
            }
          }
        });
    return curves;
  }

  /** The model, or that of another experiment which it was taken over from; at most one. */
  private static List<Long> trainedModel(Handle handle, String id, ModelKey key) {
    return handle
        .createQuery(
            """
            select case when m.reused_from is null
                or exists (select 1 from metric_point where model_id = m.id)
              then m.id else m.reused_from end
            from model m where m.experiment_id = :id and m.key = :key
            """)
        .bind("id", id)
        .bind("key", key.value())
        .mapTo(Long.class)
        .list();
  }

  /** Names of a model's series; looks one up after the other, as "distinct" reads every point. */
  private static List<String> seriesOf(Handle handle, long model) {
    return handle
        .createQuery(
            """
            with recursive name as (
              (select series from metric_point where model_id = :model order by series limit 1)
              union all
              select (select series from metric_point where model_id = :model
                and series > name.series order by series limit 1)
              from name where name.series is not null)
            select series from name where series is not null
            """)
        .bind("model", model)
        .mapTo(String.class)
        .list();
  }

  /** Points come as arrays, which cost a third of as many rows, and in parts, to bound memory. */
  private static Curve curve(Handle handle, long model, String series, MetricSeries.Wanted wanted) {
    Curve curve = new Curve();
    long from = wanted.from();
    int found;
    do {
      found =
          handle
              .createQuery(
                  """
                  select coalesce(array_agg(step order by step), '{}') as steps,
                    coalesce(array_agg(value order by step), '{}') as values
                  from (select step, value from metric_point
                    where model_id = :model and series = :series and step between :from and :to
                    order by step limit :limit) p
                  """)
              .bind("model", model)
              .bind("series", series)
              .bind("from", from)
              .bind("to", wanted.to())
              .bind("limit", POINTS_AT_ONCE)
              .map(
                  (row, context) ->
                      curve.addAll(
                          (Integer[]) row.getArray("steps").getArray(),
                          (Double[]) row.getArray("values").getArray()))
              .one();
      from = curve.lastStep() + 1L;
    } while (found == POINTS_AT_ONCE);
    return curve;
  }

  /** Whether the experiment belongs to a study that has not ended, which starts its workflow. */
  boolean hasStudy(String id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select 1 from study_member m join study s on s.id = m.study_id
                    where m.experiment_id = :id and s.stage not in ('DONE', 'FAILED', 'CANCELED')
                    """)
                .bind("id", id)
                .mapTo(Integer.class)
                .findOne()
                .isPresent());
  }

  /** Ids of the experiments at least {@code age} old that have not ended, oldest first. */
  List<String> unfinished(Duration age) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select id from experiment
                    where stage not in ('DONE', 'PARTIAL', 'FAILED', 'CANCELED')
                      and created_at <= now() - cast(:age as interval)
                    order by created_at, id
                    """)
                .bind("age", age.toMillis() + " ms")
                .mapTo(String.class)
                .list());
  }

  /**
   * Gives {@code work} an experiment that no one else may change until it returns; empty: there is
   * none.
   */
  <T> Optional<T> withLocked(String id, Function<LockedExperiment, T> work) {
    return jdbi.inTransaction(
        handle ->
            find(handle, id, " for update")
                .map(experiment -> work.apply(new LockedExperiment(handle, experiment))));
  }

  /** An experiment that no one else may change now. */
  static final class LockedExperiment {

    private final Handle handle;
    private final StoredExperiment row;

    private LockedExperiment(Handle handle, StoredExperiment row) {
      this.handle = handle;
      this.row = row;
    }

    StoredExperiment row() {
      return row;
    }

    /** Writes down in the same transaction that the caller has done it. */
    void audit(Audit audit) {
      audit.done(handle, Audit.Kind.EXPERIMENT, row.id(), row.name());
    }

    void event(EventKind kind, String detail) {
      insertEvent(handle, row.id(), kind, detail);
    }

    /** Deletes the experiment with all that belongs to it. */
    void delete() {
      Deletions.deleteRows(handle, row.id());
    }

    /** Ends the experiment and those of its models that have not ended. */
    void end(Stage stage, Optional<Failure> error) {
      handle
          .createUpdate(
              """
              update experiment
              set stage = :stage, error_type = :type, error_message = :message, paused_at = null,
                updated_at = now(), finished_at = now()
              where id = :id
              """)
          .bind("stage", stage)
          .bind("type", error.map(Failure::type).orElse(null))
          .bind("message", error.map(Failure::message).orElse(null))
          .bind("id", row.id())
          .execute();
      handle
          .createUpdate(
              """
              update model set state = 'CANCELED', finished_at = now(), fence = fence + 1
              where experiment_id = :id and state in ('PENDING', 'RUNNING')
              """)
          .bind("id", row.id())
          .execute();
      event(EventKind.STAGE, stage.name());
    }
  }

  private static Map<String, String> labels(String json) {
    Map<String, String> labels = new TreeMap<>();
    SpecJson.read(json, JsonNode.class)
        .properties()
        .forEach(label -> labels.put(label.getKey(), label.getValue().asText()));
    return labels;
  }

  private static Map<String, Double> numbers(String json) {
    Map<String, Double> numbers = new TreeMap<>();
    SpecJson.read(json, JsonNode.class)
        .properties()
        .forEach(entry -> numbers.put(entry.getKey(), entry.getValue().asDouble()));
    return numbers;
  }

  private static Optional<Failure> failure(ResultSet row) throws SQLException {
    String type = row.getString("error_type");
    String message = row.getString("error_message");
    return Optional.ofNullable(type).map(t -> new Failure(t, message == null ? "" : message));
  }

  private static Optional<Double> finite(ResultSet row, String column) throws SQLException {
    double value = row.getDouble(column);
    return row.wasNull() || !Double.isFinite(value) ? Optional.empty() : Optional.of(value);
  }

  private static Optional<Long> whole(ResultSet row, String column) throws SQLException {
    long value = row.getLong(column);
    return row.wasNull() ? Optional.empty() : Optional.of(value);
  }

  private static Optional<Instant> instant(ResultSet row, String column) throws SQLException {
    return Optional.ofNullable(row.getObject(column, OffsetDateTime.class))
        .map(OffsetDateTime::toInstant);
  }
}
