package dev.atelier.api.experiment;

import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.store.Columns;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.Stage;
import dev.atelier.workflows.vocabulary.EventKind;
import jakarta.enterprise.context.ApplicationScoped;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/** Experiments in Postgres, without what belongs to them. */
@ApplicationScoped
public class ExperimentRepository {

  private final Jdbi jdbi;

  ExperimentRepository(Jdbi jdbi) {
    this.jdbi = jdbi;
  }

  public Optional<StoredExperiment> find(String id) {
    return jdbi.withHandle(handle -> find(handle, id, ""));
  }

  /**
   * An experiment that a request names.
   *
   * @throws ProblemException 404 if there is none
   */
  public StoredExperiment existing(String id) {
    return Optional.of(id)
        .filter(text -> text.indexOf('\0') < 0) // Postgres has no such text, and looks for none
        .flatMap(this::find)
        .orElseThrow(() -> unknown(id));
  }

  /** That there is no such experiment. */
  public static ProblemException unknown(String id) {
    return new ProblemException(
        ProblemType.EXPERIMENT_NOT_FOUND, "There is no experiment '%s'.".formatted(id));
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
                    .labels(Columns.namedTexts(row, "labels"))
                    .stage(Stage.valueOf(row.getString("stage")))
                    .dataset(
                        Optional.ofNullable(row.getString("dataset"))
                            .map(json -> SpecJson.read(json, DatasetRef.class)))
                    .error(failure(row))
                    .createdAt(Columns.instant(row, "created_at").orElseThrow())
                    .updatedAt(Columns.instant(row, "updated_at").orElseThrow())
                    .finishedAt(Columns.instant(row, "finished_at"))
                    .paused(Columns.instant(row, "paused_at").isPresent())
                    .project(row.getString("project"))
                    .build())
        .findOne();
  }

  /** Whether the experiment belongs to a study that has not ended, which starts its workflow. */
  public boolean hasStudy(String id) {
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
  public List<String> unfinished(Duration age) {
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
  public <T> Optional<T> withLocked(String id, Function<LockedExperiment, T> work) {
    return jdbi.inTransaction(
        handle ->
            find(handle, id, " for update")
                .map(experiment -> work.apply(new LockedExperiment(handle, experiment))));
  }

  /** Writes down what happened to an experiment, as part of a transaction. */
  public static void insertEvent(Handle handle, String id, EventKind kind, String detail) {
    handle
        .createUpdate(
            "insert into event (experiment_id, kind, detail) values (:id, :kind, :detail)")
        .bind("id", id)
        .bind("kind", kind.word())
        .bind("detail", detail)
        .execute();
  }

  /** Why the experiment or model of a row failed, if it did. */
  public static Optional<Failure> failure(ResultSet row) throws SQLException {
    String type = row.getString("error_type");
    String message = row.getString("error_message");
    return Optional.ofNullable(type).map(t -> new Failure(t, message == null ? "" : message));
  }
}
