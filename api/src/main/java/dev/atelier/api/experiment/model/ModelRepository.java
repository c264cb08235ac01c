package dev.atelier.api.experiment.model;

import dev.atelier.api.experiment.ExperimentRepository;
import dev.atelier.api.experiment.StoredExperiment;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.store.Columns;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelOrigin;
import dev.atelier.workflows.ModelState;
import jakarta.enterprise.context.ApplicationScoped;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import org.jdbi.v3.core.Jdbi;

/** Models of experiments in Postgres. */
@ApplicationScoped
public class ModelRepository {

  private final Jdbi jdbi;
  private final ExperimentRepository experiments;

  ModelRepository(Jdbi jdbi, ExperimentRepository experiments) {
    this.jdbi = jdbi;
    this.experiments = experiments;
  }

  /** The models of an experiment in order: teacher, students, one-to-one. */
  public List<ModelView> models(StoredExperiment experiment) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select key, range_low, range_high, state, step, total_steps, loss,
                      images_per_second, parameters, macs, attempts, worker, overrides,
                      error_type, error_message, started_at, finished_at, m.origin,
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
    Optional<Double> rate = Columns.finite(row, "images_per_second");
    TrainingOverrides overrides =
        SpecJson.read(row.getString("overrides"), TrainingOverrides.class);
    TimestepRange range = new TimestepRange(row.getInt("range_low"), row.getInt("range_high"));
    return ModelViewBuilder.builder()
        .key(key)
        .range(range)
        .state(state)
        .step(step)
        .totalSteps(totalSteps)
        .loss(Columns.finite(row, "loss"))
        .imagesPerSecond(rate)
        .etaSeconds(ModelView.eta(state, totalSteps - step, rate, key, spec, overrides))
        .attempts(row.getInt("attempts"))
        .parameters(Columns.whole(row, "parameters"))
        .macs(Columns.whole(row, "macs"))
        .error(ExperimentRepository.failure(row))
        .overrides(overrides)
        .worker(Columns.text(row, "worker"))
        .startedAt(Columns.instant(row, "started_at"))
        .finishedAt(Columns.instant(row, "finished_at"))
        .reusedFrom(Columns.text(row, "reused_from"))
        .repeatedSteps(Columns.whole(row, "executed").map(executed -> Math.max(0, executed - step)))
        .cpuSeconds(Columns.finite(row, "cpu_seconds"))
        .gpuSeconds(Columns.finite(row, "gpu_seconds"))
        .visits(ModelView.visits(key, range, spec))
        .origin(Columns.text(row, "origin").map(json -> SpecJson.read(json, ModelOrigin.class)))
        .build();
  }

  /**
   * A model that a request names.
   *
   * @throws ProblemException 404 if there is no such experiment, or none of its models has this key
   */
  public ModelKey existing(String id, String key) {
    experiments.existing(id);
    ModelKey model;
    try {
      model = new ModelKey(key);
    } catch (IllegalArgumentException e) {
      throw new ProblemException(ProblemType.MODEL_NOT_FOUND, e.getMessage());
    }
    if (!has(id, model)) {
      throw new ProblemException(
          ProblemType.MODEL_NOT_FOUND, "Experiment %s has no model '%s'.".formatted(id, model));
    }
    return model;
  }

  private boolean has(String id, ModelKey key) {
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
}
