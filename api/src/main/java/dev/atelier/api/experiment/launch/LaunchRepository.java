package dev.atelier.api.experiment.launch;

import dev.atelier.api.access.Audit;
import dev.atelier.api.experiment.ExperimentRepository;
import dev.atelier.api.project.Quotas;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.store.Columns;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.Stage;
import dev.atelier.workflows.vocabulary.EventKind;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.PreparedBatch;

/** New experiments in Postgres, and how fast earlier ones were trained. */
@ApplicationScoped
public class LaunchRepository {

  /** What became of a launch. */
  sealed interface Launch {

    /** A new experiment was stored. */
    record Created(String id) implements Launch {}

    /** The same request was stored before. */
    record Repeated(String id) implements Launch {}

    /** The key was used before, for another request. */
    record KeyTaken(String id) implements Launch {}
  }

  private final Jdbi jdbi;
  private final Audit audit;
  private final Quotas quotas;

  LaunchRepository(Jdbi jdbi, Audit audit, Quotas quotas) {
    this.jdbi = jdbi;
    this.audit = audit;
    this.quotas = quotas;
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
          quotas.require(handle, project, Set.of(spec.compute()), 1);
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
    ExperimentRepository.insertEvent(handle, id, EventKind.LAUNCHED, spec.name());
    Estimate.warnings(spec)
        .forEach(
            warning -> ExperimentRepository.insertEvent(handle, id, EventKind.WARNING, warning));
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
                .map((row, context) -> Columns.finite(row, "rate"))
                .one()
                .map(OptionalDouble::of)
                .orElseGet(OptionalDouble::empty));
  }
}
