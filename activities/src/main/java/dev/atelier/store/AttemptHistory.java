package dev.atelier.store;

import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelOrigin;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.vocabulary.EventKind;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;

/**
 * Attempts at models: what each has reached and cost, with the curves. Methods are as those of
 * {@link ExperimentHistory}.
 */
public final class AttemptHistory {

  private final Database database;

  public AttemptHistory(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  /**
   * One attempt at one model. {@code fence} is its turn: writes of an attempt whose turn has passed
   * are refused. {@code place} is where its objects lie: a model that was replaced, or trained on
   * after it was done, gets a new one.
   */
  public record Attempt(long modelId, long fence, int place) {

    /** In the model's first place. */
    public Attempt(long modelId, long fence) {
      this(modelId, fence, 0);
    }
  }

  /** One value of a series at a step. */
  public record MetricPoint(String series, int step, double value) {}

  /**
   * What an attempt has cost so far.
   *
   * @param firstStep steps done when it began
   * @param cpuSeconds of its process, all threads
   * @param gpuSeconds during which it held a GPU; 0 on a CPU
   */
  public record Usage(int firstStep, double cpuSeconds, double gpuSeconds) {}

  /** Begins an attempt and makes every earlier one of this model powerless. */
  public Attempt start(
      String experimentId,
      ModelKey key,
      int totalSteps,
      long parameters,
      Optional<Long> macs,
      String worker) {
    return database.inTransaction(
        handle -> {
          Attempt attempt =
              handle
                  .createQuery(
                      """
                      update model
                      set state = :running, fence = fence + 1, attempts = attempts + 1,
                          total_steps = :totalSteps, parameters = :parameters, macs = :macs,
                          worker = :worker, error_type = null, error_message = null,
                          started_at = coalesce(started_at, now()), finished_at = null
                      where experiment_id = :id and key = :key
                      returning id, fence, place
                      """)
                  .bind("id", experimentId)
                  .bind("key", key.value())
                  .bind("running", ModelState.RUNNING.name())
                  .bind("totalSteps", totalSteps)
                  .bind("parameters", parameters)
                  .bind("macs", macs)
                  .bind("worker", worker)
                  .map(
                      (row, context) ->
                          new Attempt(row.getLong("id"), row.getLong("fence"), row.getInt("place")))
                  .findOne()
                  .orElseThrow(
                      () ->
                          new SupersededException(
                              "Experiment %s has no model '%s' any more."
                                  .formatted(experimentId, key)));
          Curves.own(handle, attempt.modelId());
          handle
              .createUpdate(
                  "insert into attempt (model_id, fence, worker) values (:model, :fence, :worker)")
              .bind("model", attempt.modelId())
              .bind("fence", attempt.fence())
              .bind("worker", worker)
              .execute();
          EventHistory.add(
              handle, experimentId, EventKind.MODEL_STARTED, Optional.of(key), "on " + worker);
          return attempt;
        });
  }

  /**
   * Shows how far an attempt is and what it cost, and keeps its metric points.
   *
   * @throws SupersededException if a newer attempt owns the model
   */
  public void recordProgress(
      Attempt attempt,
      int step,
      double loss,
      double imagesPerSecond,
      List<MetricPoint> points,
      Usage usage) {
    database.inTransaction(
        handle -> {
          int changed =
              handle
                  .createUpdate(
                      """
                      update model
                      set step = :step, loss = :loss, images_per_second = :imagesPerSecond
                      where id = :model and fence = :fence
                      """)
                  .bind("model", attempt.modelId())
                  .bind("fence", attempt.fence())
                  .bind("step", step)
                  .bind("loss", loss)
                  .bind("imagesPerSecond", imagesPerSecond)
                  .execute();
          requireOwner(changed, attempt);
          handle
              .createUpdate(
                  """
                  update attempt
                  set first_step = :firstStep, last_step = :step, cpu_seconds = :cpuSeconds,
                      gpu_seconds = :gpuSeconds, updated_at = now()
                  where model_id = :model and fence = :fence
                  """)
              .bind("model", attempt.modelId())
              .bind("fence", attempt.fence())
              .bind("step", step)
              .bindMethods(usage)
              .execute();
          if (points.isEmpty()) {
            return null;
          }
          Curves.add(handle, attempt.modelId(), points);
          return null;
        });
  }

  /**
   * Ends an attempt well.
   *
   * @throws SupersededException if a newer attempt owns the model
   */
  public void recordDone(String experimentId, ModelKey key, Attempt attempt) {
    database.inTransaction(
        handle -> {
          int changed =
              handle
                  .createUpdate(
                      """
                      update model
                      set state = :done, step = total_steps, finished_at = now()
                      where id = :model and fence = :fence
                      """)
                  .bind("model", attempt.modelId())
                  .bind("fence", attempt.fence())
                  .bind("done", ModelState.DONE.name())
                  .execute();
          requireOwner(changed, attempt);
          return EventHistory.add(handle, experimentId, EventKind.MODEL_DONE, Optional.of(key), "");
        });
  }

  /**
   * Keeps what an imported model was made of.
   *
   * @throws SupersededException if a newer attempt owns the model
   */
  public void recordOrigin(Attempt attempt, ModelOrigin origin) {
    database.inTransaction(
        handle ->
            requireOwner(
                handle
                    .createUpdate(
                        """
                        update model set origin = cast(:origin as jsonb)
                        where id = :model and fence = :fence
                        """)
                    .bind("model", attempt.modelId())
                    .bind("fence", attempt.fence())
                    .bind("origin", JsonColumn.write(origin))
                    .execute(),
                attempt));
  }

  static Object requireOwner(int rowsChanged, Attempt attempt) {
    if (rowsChanged == 0) {
      throw new SupersededException(
          "Attempt %d of this model is no longer its owner; a newer attempt has taken over."
              .formatted(attempt.fence()));
    }
    return rowsChanged;
  }
}
