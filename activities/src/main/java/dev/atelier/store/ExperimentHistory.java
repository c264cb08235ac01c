package dev.atelier.store;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonRawValue;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.report.ExperimentReport;
import dev.atelier.spec.AssignmentSpec;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.RetentionSpec;
import dev.atelier.spec.SpecFault;
import dev.atelier.spec.SpecRules;
import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingOverrides;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.Estimator;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.Stage;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import javax.sql.DataSource;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.HandleCallback;
import org.jdbi.v3.core.statement.PreparedBatch;

/**
 * The rows that workers write. Each method is one transaction and can be repeated without harm; a
 * failure of the database is a {@link StoreUnavailableException}.
 */
public final class ExperimentHistory {

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .registerModule(new Jdk8Module())
          .setDefaultPropertyInclusion(JsonInclude.Include.NON_ABSENT);

  private final Database database;

  public ExperimentHistory(DataSource dataSource) {
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

  /** A file that users can download. */
  public record Artifact(
      String name, String kind, String objectKey, String contentType, long bytes, String sha256) {

    /** Name of the sample grid of a subject. */
    public static String samplesOf(String subject) {
      return "samples-%s.png".formatted(subject);
    }

    /** Name of a file of the trajectory of a subject. */
    public static String trajectoryOf(String subject, String extension) {
      return "trajectory-%s.%s".formatted(subject, extension);
    }

    /** Names of the pictures that are made of an evaluated subject. */
    static List<String> picturesOf(String subject) {
      return List.of(
          samplesOf(subject), trajectoryOf(subject, "png"), trajectoryOf(subject, "json"));
    }
  }

  /**
   * The figures of one subject.
   *
   * @param macsPerStep multiply-accumulates, mean over the sampler's steps, where known
   * @param peakMemoryBytes largest resident set of a process that only loads the models and samples
   *     a batch; 0: not measured
   * @param protocol JSON: how the figures were measured
   * @param metrics every figure that compares images, by name
   * @param weightsBytes of all models as libtorch holds them, where measured
   */
  public record Evaluation(
      String subject,
      String metric,
      double distance,
      Optional<Double> macsPerStep,
      long parameters,
      double imagesPerSecond,
      long peakMemoryBytes,
      @JsonRawValue String protocol,
      Map<String, Double> metrics,
      Optional<Long> weightsBytes) {}

  /** What a search is for. */
  public enum Search {
    MERGE,
    SCHEDULE
  }

  /**
   * An ensemble that a search tried.
   *
   * @param name tells it from the others of its search
   * @param position in the order of trying, from 0
   * @param owners JSON: which model owns which range
   * @param estimator what the distance is
   */
  public record Candidate(
      String name,
      int position,
      double distance,
      Optional<Double> macsPerStep,
      String owners,
      Estimator estimator) {}

  /** Enters a stage; a final one also ends what was still running. Repeating changes nothing. */
  public void recordStage(String experimentId, Stage stage, String errorType, String errorMessage) {
    inTransaction(
        handle -> {
          int changed =
              handle
                  .createUpdate(
                      """
                      update experiment
                      set stage = :stage, updated_at = now(),
                          error_type = nullif(:errorType, ''),
                          error_message = nullif(:errorMessage, ''),
                          finished_at = case when :terminal then now() end,
                          paused_at = case when not :terminal then paused_at end
                      where id = :id and stage <> :stage
                      """)
                  .bind("id", experimentId)
                  .bind("stage", stage.name())
                  .bind("errorType", errorType)
                  .bind("errorMessage", errorMessage)
                  .bind("terminal", stage.terminal())
                  .execute();
          if (changed == 0) {
            return null;
          }
          if (stage.terminal() && stage != Stage.DONE) {
            handle
                .createUpdate(
                    """
                    update model set state = :canceled, finished_at = now(), fence = fence + 1
                    where experiment_id = :id and state in (:pending, :running)
                    """)
                .bind("id", experimentId)
                .bind("canceled", ModelState.CANCELED.name())
                .bind("pending", ModelState.PENDING.name())
                .bind("running", ModelState.RUNNING.name())
                .execute();
          }
          String detail = errorMessage.isEmpty() ? stage.name() : stage + ": " + errorMessage;
          return event(handle, experimentId, "stage", Optional.empty(), detail);
        });
  }

  public void recordDataset(String experimentId, DatasetRef dataset) {
    inTransaction(
        handle ->
            handle
                .createUpdate(
                    "update experiment set dataset = cast(:dataset as jsonb) where id = :id")
                .bind("id", experimentId)
                .bind("dataset", json(dataset))
                .execute());
  }

  /** Begins an attempt and makes every earlier one of this model powerless. */
  public Attempt startAttempt(
      String experimentId,
      ModelKey key,
      int totalSteps,
      long parameters,
      Optional<Long> macs,
      String worker) {
    return inTransaction(
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
          handle
              .createUpdate(
                  "insert into attempt (model_id, fence, worker) values (:model, :fence, :worker)")
              .bind("model", attempt.modelId())
              .bind("fence", attempt.fence())
              .bind("worker", worker)
              .execute();
          event(handle, experimentId, "model-started", Optional.of(key), "on " + worker);
          return attempt;
        });
  }

  /**
   * What an attempt has cost so far.
   *
   * @param firstStep steps done when it began
   * @param cpuSeconds of its process, all threads
   * @param gpuSeconds during which it held a GPU; 0 on a CPU
   */
  public record Usage(int firstStep, double cpuSeconds, double gpuSeconds) {}

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
    inTransaction(
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
          PreparedBatch batch =
              handle.prepareBatch(
                  """
                  insert into metric_point (model_id, series, step, value)
                  values (:model, :series, :step, :value)
                  on conflict (model_id, series, step) do update set value = excluded.value
                  """);
          for (MetricPoint point : points) {
            batch
                .bind("model", attempt.modelId())
                .bind("series", point.series())
                .bind("step", point.step())
                .bind("value", point.value())
                .add();
          }
          return batch.execute();
        });
  }

  /**
   * Commits a checkpoint whose objects are already stored.
   *
   * @throws SupersededException if a newer attempt owns the model
   */
  public void recordCheckpoint(
      Attempt attempt, int step, String manifestKey, String manifestSha256, long bytes) {
    inTransaction(
        handle -> {
          int changed =
              handle
                  .createUpdate(
                      """
                      insert into checkpoint
                        (model_id, step, manifest_key, manifest_sha256, bytes, loss)
                      select id, :step, :key, :sha256, :bytes,
                        (select avg(value) from metric_point
                         where model_id = :model and series = 'loss' and step <= :step
                           and step > coalesce((select max(step) from checkpoint
                             where model_id = :model and step < :step), 0))
                      from model
                      where id = :model and fence = :fence
                      for update
                      on conflict (model_id, step) do update
                      set manifest_key = excluded.manifest_key, bytes = excluded.bytes,
                          manifest_sha256 = excluded.manifest_sha256, loss = excluded.loss,
                          created_at = now()
                      """)
                  .bind("model", attempt.modelId())
                  .bind("fence", attempt.fence())
                  .bind("step", step)
                  .bind("key", manifestKey)
                  .bind("sha256", manifestSha256)
                  .bind("bytes", bytes)
                  .execute();
          return requireOwner(changed, attempt);
        });
  }

  /**
   * A checkpoint as the database knows it.
   *
   * @param loss mean of the training loss since the checkpoint before, where it is known
   */
  public record CheckpointRow(
      int step, String manifestKey, String manifestSha256, OptionalDouble loss) {

    /** One whose loss doesn't matter. */
    public CheckpointRow(int step, String manifestKey, String manifestSha256) {
      this(step, manifestKey, manifestSha256, OptionalDouble.empty());
    }
  }

  /** Those of the manifests that checkpoints of other models refer to as well. */
  public Set<String> sharedManifests(Attempt attempt, Collection<String> manifestKeys) {
    return inTransaction(
        handle ->
            handle
                .createQuery(
                    """
                    select distinct manifest_key from checkpoint
                    where manifest_key = any(:keys) and model_id <> :model
                    """)
                .bindArray("keys", String.class, manifestKeys.toArray())
                .bind("model", attempt.modelId())
                .mapTo(String.class)
                .set());
  }

  /** Which checkpoints of the experiment's models stay. */
  public RetentionSpec retention(String experimentId) {
    return inTransaction(
        handle ->
            handle
                .createQuery(
                    "select spec ->> 'retention' as retention from experiment where id = :id")
                .bind("id", experimentId)
                .map((row, context) -> Optional.ofNullable(row.getString("retention")))
                .findOne()
                .flatMap(found -> found)
                .map(ExperimentHistory::retentionOf)
                .orElse(RetentionSpec.DEFAULTS));
  }

  /** Checkpoints of a model, newest first. */
  public List<CheckpointRow> checkpoints(Attempt attempt) {
    return inTransaction(
        handle ->
            handle
                .createQuery(
                    """
                    select step, manifest_key, manifest_sha256, loss from checkpoint
                    where model_id = :model order by step desc
                    """)
                .bind("model", attempt.modelId())
                .map(
                    (row, context) ->
                        new CheckpointRow(
                            row.getInt("step"),
                            row.getString("manifest_key"),
                            row.getString("manifest_sha256"),
                            Optional.ofNullable((Double) row.getObject("loss"))
                                .filter(Double::isFinite)
                                .map(OptionalDouble::of)
                                .orElseGet(OptionalDouble::empty)))
                .list());
  }

  /** Forgets one checkpoint; another one of the same step that has come since is left alone. */
  public void forgetCheckpoint(Attempt attempt, CheckpointRow row) {
    inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    delete from checkpoint
                    where model_id = :model and step = :step and manifest_key = :key
                    """)
                .bind("model", attempt.modelId())
                .bind("step", row.step())
                .bind("key", row.manifestKey())
                .execute());
  }

  /**
   * Ends an attempt well.
   *
   * @throws SupersededException if a newer attempt owns the model
   */
  public void recordModelDone(String experimentId, ModelKey key, Attempt attempt) {
    inTransaction(
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
          return event(handle, experimentId, "model-done", Optional.of(key), "");
        });
  }

  public void recordModelFailed(
      String experimentId, ModelKey key, String errorType, String errorMessage) {
    inTransaction(
        handle -> {
          int changed =
              handle
                  .createUpdate(
                      """
                      update model
                      set state = :failed, error_type = :errorType, error_message = :errorMessage,
                          finished_at = now(), fence = fence + 1
                      where experiment_id = :id and key = :key and state <> :failed
                      """)
                  .bind("id", experimentId)
                  .bind("key", key.value())
                  .bind("failed", ModelState.FAILED.name())
                  .bind("errorType", errorType)
                  .bind("errorMessage", errorMessage)
                  .execute();
          return changed == 0
              ? null
              : event(handle, experimentId, "model-failed", Optional.of(key), errorMessage);
        });
  }

  /** Sets the ranges of the students, in order, where they were not known at launch. */
  public void recordRanges(String experimentId, List<TimestepRange> ranges, String detail) {
    inTransaction(
        handle -> {
          PreparedBatch batch =
              handle.prepareBatch(
                  """
                  update model set range_low = :low, range_high = :high
                  where experiment_id = :id and key = :key
                  """);
          for (int k = 1; k <= ranges.size(); k++) {
            batch
                .bind("id", experimentId)
                .bind("key", ModelKey.student(k).value())
                .bind("low", ranges.get(k - 1).low())
                .bind("high", ranges.get(k - 1).high())
                .add();
          }
          batch.execute();
          return handle
              .createUpdate(
                  """
                  insert into event (experiment_id, kind, detail)
                  select id, 'ranges-planned', :detail from experiment
                  where id = :id and not exists (select 1 from event where experiment_id = :id
                    and kind = 'ranges-planned' and detail = :detail)
                  """)
              .bind("id", experimentId)
              .bind("detail", detail)
              .execute();
        });
  }

  /**
   * Makes an imported teacher's forward process that of its experiment, whose spec has left it out:
   * in the spec, and in the ranges of models that are known without the teacher.
   *
   * @return which rules of specs that breaks; nothing is changed then
   */
  public List<SpecFault> recordDiffusion(String experimentId, DiffusionSpec diffusion) {
    return inTransaction(
        handle -> {
          ExperimentSpec spec =
              handle
                  .createQuery("select spec from experiment where id = :id for update")
                  .bind("id", experimentId)
                  .map((row, context) -> specOf(row.getString("spec")))
                  .one()
                  .with(diffusion);
          List<SpecFault> faults = SpecRules.check(spec);
          if (!faults.isEmpty()) {
            return faults;
          }
          handle
              .createUpdate(
                  """
                  update experiment
                  set spec = jsonb_set(spec, '{diffusion}', cast(:diffusion as jsonb))
                  where id = :id
                  """)
              .bind("id", experimentId)
              .bind("diffusion", json(diffusion))
              .execute();
          PreparedBatch ranges =
              handle.prepareBatch(
                  """
                  update model set range_low = :low, range_high = :high
                  where experiment_id = :id and key = :key
                  """);
          rangesOf(spec)
              .forEach(
                  (key, range) ->
                      ranges
                          .bind("id", experimentId)
                          .bind("key", key.value())
                          .bind("low", range.low())
                          .bind("high", range.high())
                          .add());
          ranges.execute();
          return List.of();
        });
  }

  /** As far as they are known at launch; those that are planned later are all of [0, T). */
  private static Map<ModelKey, TimestepRange> rangesOf(ExperimentSpec spec) {
    int timesteps = spec.diffusion().timesteps();
    TimestepRange all = new TimestepRange(0, timesteps);
    Map<ModelKey, TimestepRange> ranges = new LinkedHashMap<>();
    ranges.put(ModelKey.TEACHER, all);
    ranges.put(ModelKey.ONE_TO_ONE, all);
    AssignmentSpec assignment = spec.students().assignment();
    int count = spec.students().count();
    List<TimestepRange> cuts =
        assignment.plannedLater() ? Collections.nCopies(count, all) : spec.ranges();
    for (int k = 1; k <= count; k++) {
      ranges.put(ModelKey.student(k), cuts.get(k - 1));
    }
    return ranges;
  }

  private static ExperimentSpec specOf(String json) {
    try {
      return JSON.readValue(json, ExperimentSpec.class);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("The experiment's spec can't be read.", e);
    }
  }

  /** Ends a student whose range the teacher owns: it has the teacher's size, and no steps. */
  public void recordTeacherRange(String experimentId, ModelKey key, TimestepRange range) {
    inTransaction(
        handle -> {
          int changed =
              handle
                  .createUpdate(
                      """
                      update model
                      set state = :done, range_low = :low, range_high = :high, total_steps = 0,
                          parameters = teacher.parameters, macs = teacher.macs,
                          started_at = now(), finished_at = now()
                      from (select parameters, macs from model
                            where experiment_id = :id and key = :teacher) as teacher
                      where experiment_id = :id and key = :key and state <> :done
                      """)
                  .bind("id", experimentId)
                  .bind("key", key.value())
                  .bind("teacher", ModelKey.TEACHER.value())
                  .bind("low", range.low())
                  .bind("high", range.high())
                  .bind("done", ModelState.DONE.name())
                  .execute();
          return changed == 0
              ? null
              : event(
                  handle,
                  experimentId,
                  "teacher-range",
                  Optional.of(key),
                  "the teacher owns " + range);
        });
  }

  public void recordRetry(
      String experimentId, ModelKey key, TrainingOverrides overrides, int steps) {
    inTransaction(
        handle -> {
          handle
              .createUpdate(
                  """
                  update model
                  set state = :pending, overrides = cast(:overrides as jsonb), fingerprint = null,
                      total_steps = case when total_steps = 0 then 0 else :steps end,
                      error_type = null, error_message = null, finished_at = null
                  where experiment_id = :id and key = :key
                  """)
              .bind("id", experimentId)
              .bind("key", key.value())
              .bind("steps", steps)
              .bind("pending", ModelState.PENDING.name())
              .bind("overrides", json(overrides))
              .execute();
          return request(handle, experimentId, "retry", Optional.of(key), json(overrides));
        });
  }

  /**
   * A model that is to be trained to more steps. One that is done goes on in a place of its own, so
   * that experiments that took it over keep it as it was.
   */
  public void recordExtension(String experimentId, ModelKey key, int steps) {
    inTransaction(
        handle -> {
          keepMetricsOfReusers(handle, experimentId, key);
          handle
              .createUpdate(
                  """
                  insert into metric_point (model_id, series, step, value)
                  select m.id, p.series, p.step, p.value
                  from model m join metric_point p on p.model_id = m.reused_from
                  where m.experiment_id = :id and m.key = :key
                  on conflict (model_id, series, step) do nothing
                  """)
              .bind("id", experimentId)
              .bind("key", key.value())
              .execute();
          handle
              .createUpdate(
                  """
                  update model
                  set state = case when state = :running then state else :pending end,
                      place = case when state = :done and total_steps < :steps
                        then place + 1 else place end,
                      total_steps = :steps, fingerprint = null, reused_from = null,
                      error_type = null, error_message = null, finished_at = null
                  where experiment_id = :id and key = :key
                  """)
              .bind("id", experimentId)
              .bind("key", key.value())
              .bind("steps", steps)
              .bind("running", ModelState.RUNNING.name())
              .bind("pending", ModelState.PENDING.name())
              .bind("done", ModelState.DONE.name())
              .execute();
          return request(
              handle, experimentId, "extend", Optional.of(key), "to %d steps".formatted(steps));
        });
  }

  /**
   * A model that begins anew at step 0 in a place of its own: its checkpoints and curves so far are
   * forgotten, and an attempt that still runs has lost its power. The objects stay for experiments
   * that took the model over.
   */
  public void recordReplacement(
      String experimentId, ModelKey key, StudentReplacement replacement, int steps) {
    inTransaction(
        handle -> {
          keepMetricsOfReusers(handle, experimentId, key);
          for (String table : List.of("checkpoint", "metric_point")) {
            handle
                .createUpdate(
                    """
                    delete from <table> where model_id =
                      (select id from model where experiment_id = :id and key = :key)
                    """)
                .define("table", table)
                .bind("id", experimentId)
                .bind("key", key.value())
                .execute();
          }
          handle
              .createUpdate(
                  """
                  update model
                  set state = :pending, place = place + 1, fence = fence + 1, step = 0,
                      total_steps = :steps, overrides = cast(:overrides as jsonb), loss = null,
                      images_per_second = null, parameters = null, macs = null,
                      fingerprint = null, reused_from = null, start_key = null,
                      start_sha256 = null, error_type = null, error_message = null,
                      started_at = null, finished_at = null
                  where experiment_id = :id and key = :key
                  """)
              .bind("id", experimentId)
              .bind("key", key.value())
              .bind("steps", steps)
              .bind("pending", ModelState.PENDING.name())
              .bind("overrides", json(replacement.training()))
              .execute();
          return request(handle, experimentId, "replace", Optional.of(key), json(replacement));
        });
  }

  /** Gives those that took a model over its curves as they are now. */
  private static void keepMetricsOfReusers(Handle handle, String experimentId, ModelKey key) {
    handle
        .createUpdate(
            """
            insert into metric_point (model_id, series, step, value)
            select r.id, p.series, p.step, p.value
            from model m
            join model r on r.reused_from = m.id
            join metric_point p on p.model_id = m.id
            where m.experiment_id = :id and m.key = :key
            on conflict (model_id, series, step) do nothing
            """)
        .bind("id", experimentId)
        .bind("key", key.value())
        .execute();
  }

  public void recordCancelRequest(String experimentId, ModelKey key) {
    inTransaction(handle -> request(handle, experimentId, "cancel-model", Optional.of(key), ""));
  }

  /** Ends a model that is no longer wanted; an attempt that still runs has lost its power. */
  public void recordModelCanceled(String experimentId, ModelKey key) {
    inTransaction(
        handle -> {
          int changed =
              handle
                  .createUpdate(
                      """
                      update model
                      set state = :canceled, fingerprint = null, error_type = null,
                          place = case when state = :done then place + 1 else place end,
                          error_message = null, finished_at = now(), fence = fence + 1
                      where experiment_id = :id and key = :key and state <> :canceled
                      """)
                  .bind("id", experimentId)
                  .bind("key", key.value())
                  .bind("canceled", ModelState.CANCELED.name())
                  .bind("done", ModelState.DONE.name())
                  .execute();
          return changed == 0
              ? null
              : event(handle, experimentId, "model-canceled", Optional.of(key), "");
        });
  }

  /** Says that a user has paused the experiment, or that it goes on. */
  public void recordPause(String experimentId, boolean paused) {
    inTransaction(
        handle -> {
          int changed =
              handle
                  .createUpdate(
                      """
                      update experiment
                      set paused_at = case when :paused then now() end, updated_at = now()
                      where id = :id and (paused_at is null) = :paused
                      """)
                  .bind("id", experimentId)
                  .bind("paused", paused)
                  .execute();
          return changed == 0
              ? null
              : event(handle, experimentId, paused ? "pause" : "resume", Optional.empty(), "");
        });
  }

  /** Models whose attempts have been handed back wait to go on; writes of those are refused. */
  public void recordHandedBack(String experimentId) {
    inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    update model set state = :pending, fence = fence + 1
                    where experiment_id = :id and state = :running
                    """)
                .bind("id", experimentId)
                .bind("pending", ModelState.PENDING.name())
                .bind("running", ModelState.RUNNING.name())
                .execute());
  }

  /** Forgets the figures of some subjects, and what searches have tried; both no longer hold. */
  public void forgetFigures(String experimentId, List<String> subjects, String eventKind) {
    inTransaction(
        handle -> {
          handle
              .createUpdate(
                  """
                  delete from evaluation where experiment_id = :id and subject = any(:subjects)
                  """)
              .bind("id", experimentId)
              .bindArray("subjects", String.class, subjects)
              .execute();
          handle
              .createUpdate("delete from candidate where experiment_id = :id")
              .bind("id", experimentId)
              .execute();
          return request(
              handle, experimentId, eventKind, Optional.empty(), String.join(", ", subjects));
        });
  }

  public void recordEvaluation(String experimentId, Evaluation evaluation) {
    inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    insert into evaluation (experiment_id, subject, metric, distance, macs_per_step,
                        parameters, images_per_second, peak_memory_bytes, protocol, metrics,
                        weights_bytes)
                    values (:id, :subject, :metric, :distance, :macsPerStep,
                        :parameters, :imagesPerSecond, :peakMemoryBytes, cast(:protocol as jsonb),
                        cast(:metricsJson as jsonb), :weightsBytes)
                    on conflict (experiment_id, subject) do update
                    set metric = excluded.metric, distance = excluded.distance,
                        macs_per_step = excluded.macs_per_step, parameters = excluded.parameters,
                        images_per_second = excluded.images_per_second,
                        peak_memory_bytes = excluded.peak_memory_bytes,
                        protocol = excluded.protocol, metrics = excluded.metrics,
                        weights_bytes = excluded.weights_bytes, reused_from = null,
                        created_at = now()
                    """)
                .bind("id", experimentId)
                .bind("metricsJson", json(evaluation.metrics()))
                .bindMethods(evaluation)
                .execute());
  }

  /** The figures of an experiment, by subject. */
  public List<Evaluation> evaluations(String experimentId) {
    return inTransaction(
        handle ->
            handle
                .createQuery("select * from evaluation where experiment_id = :id order by subject")
                .bind("id", experimentId)
                .map(
                    (row, context) ->
                        new Evaluation(
                            row.getString("subject"),
                            row.getString("metric"),
                            row.getDouble("distance"),
                            Optional.ofNullable((Double) row.getObject("macs_per_step")),
                            row.getLong("parameters"),
                            row.getDouble("images_per_second"),
                            row.getLong("peak_memory_bytes"),
                            row.getString("protocol"),
                            figures(row.getString("metrics")),
                            Optional.ofNullable((Long) row.getObject("weights_bytes"))))
                .list());
  }

  /** Keeps a candidate that is known now, so that no later attempt measures it again. */
  public void recordCandidate(String experimentId, Search search, Candidate candidate) {
    inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    insert into candidate (experiment_id, search, name, position, distance,
                        macs_per_step, owners, estimator)
                    values (:id, :search, :name, :position, :distance,
                        :macsPerStep, cast(:owners as jsonb), :estimator)
                    on conflict (experiment_id, search, name) do update
                    set position = excluded.position, distance = excluded.distance,
                        macs_per_step = excluded.macs_per_step, owners = excluded.owners,
                        estimator = excluded.estimator
                    """)
                .bind("id", experimentId)
                .bind("search", search.name())
                .bindMethods(candidate)
                .execute());
  }

  /**
   * Goes on with a search: forgets the candidates that another estimator ranked, which compare with
   * none of its own, and gives the distances that are known, by the candidates' names.
   */
  public Map<String, Double> resumeSearch(String experimentId, Search search, Estimator estimator) {
    return inTransaction(
        handle -> {
          handle
              .createUpdate(
                  """
                  delete from candidate
                  where experiment_id = :id and search = :search and estimator <> :estimator
                  """)
              .bind("id", experimentId)
              .bind("search", search.name())
              .bind("estimator", estimator.name())
              .execute();
          return handle
              .createQuery(
                  """
                  select name, distance from candidate
                  where experiment_id = :id and search = :search
                  """)
              .bind("id", experimentId)
              .bind("search", search.name())
              .map((row, context) -> Map.entry(row.getString("name"), row.getDouble("distance")))
              .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
        });
  }

  /** Says which candidates of a search are on the frontier: those named, and no others. */
  public void recordFrontier(String experimentId, Search search, List<String> names) {
    inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    update candidate set frontier = name = any(:names)
                    where experiment_id = :id and search = :search
                    """)
                .bind("id", experimentId)
                .bind("search", search.name())
                .bindArray("names", String.class, names)
                .execute());
  }

  static DatasetRef dataset(String json) {
    try {
      return JSON.readValue(json, DatasetRef.class);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static RetentionSpec retentionOf(String json) {
    try {
      return JSON.readValue(json, RetentionSpec.class);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Map<String, Double> figures(String json) {
    try {
      return JSON.readValue(json, new TypeReference<TreeMap<String, Double>>() {});
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  public void recordArtifact(String experimentId, Artifact artifact) {
    inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    insert into artifact
                        (experiment_id, name, kind, object_key, content_type, bytes, sha256)
                    values (:id, :name, :kind, :objectKey, :contentType, :bytes, :sha256)
                    on conflict (experiment_id, name) do update
                    set kind = excluded.kind, object_key = excluded.object_key,
                        content_type = excluded.content_type, bytes = excluded.bytes,
                        sha256 = excluded.sha256, created_at = now()
                    """)
                .bind("id", experimentId)
                .bindMethods(artifact)
                .execute());
  }

  /**
   * Where the object of a file is, if the experiment has it; another experiment may have made it.
   */
  public Optional<String> artifactKey(String experimentId, String name) {
    return inTransaction(
        handle ->
            handle
                .createQuery(
                    "select object_key from artifact where experiment_id = :id and name = :name")
                .bind("id", experimentId)
                .bind("name", name)
                .mapTo(String.class)
                .findOne());
  }

  /** Adds a line to the experiment's audit trail. */
  public void recordEvent(String experimentId, String kind, String detail) {
    inTransaction(handle -> event(handle, experimentId, kind, Optional.empty(), detail));
  }

  /**
   * The event of a request, once: an activity whose answer was lost comes again before anything
   * else happens to the model, or to the experiment where it is about no model.
   */
  private static Object request(
      Handle handle, String experimentId, String kind, Optional<ModelKey> key, String detail) {
    boolean known =
        handle
            .createQuery(
                """
                select kind = :kind and detail = :detail as known from event
                where experiment_id = :id and model_key is not distinct from :key
                order by id desc limit 1
                """)
            .bind("id", experimentId)
            .bind("kind", kind)
            .bind("key", key.map(ModelKey::value))
            .bind("detail", detail)
            .mapTo(Boolean.class)
            .findOne()
            .orElse(false);
    return known ? null : event(handle, experimentId, kind, key, detail);
  }

  private static Object event(
      Handle handle, String experimentId, String kind, Optional<ModelKey> key, String detail) {
    return handle
        .createUpdate(
            """
            insert into event (experiment_id, kind, model_key, detail)
            select id, :kind, :key, :detail from experiment where id = :id
            """)
        .bind("id", experimentId)
        .bind("kind", kind)
        .bind("key", key.map(ModelKey::value))
        .bind("detail", detail)
        .execute();
  }

  /** The models of an experiment, with their loss curves; a reused one has those of its source. */
  public List<ExperimentReport.Model> reportedModels(String experimentId) {
    return inTransaction(
        handle ->
            handle
                .createQuery(
                    """
                    select m.key, m.range_low, m.range_high, m.state, m.step, m.attempts,
                      coalesce(m.parameters, s.parameters, 0) as parameters,
                      coalesce(s.id, m.id) as trained,
                      cast(extract(epoch from m.finished_at - m.started_at) as double precision)
                        as seconds
                    from model m left join model s on s.id = m.reused_from
                    where m.experiment_id = :id order by m.position
                    """)
                .bind("id", experimentId)
                .map(
                    (row, context) ->
                        new ExperimentReport.Model(
                            row.getString("key"),
                            row.getInt("range_low"),
                            row.getInt("range_high"),
                            row.getString("state"),
                            row.getInt("step"),
                            row.getLong("parameters"),
                            row.getInt("attempts"),
                            Optional.ofNullable((Double) row.getObject("seconds")),
                            lossCurve(handle, row.getLong("trained"))))
                .list());
  }

  private static List<ExperimentReport.LossPoint> lossCurve(Handle handle, long modelId) {
    return handle
        .createQuery(
            """
            select step, value from metric_point
            where model_id = :model and series = 'loss' order by step
            """)
        .bind("model", modelId)
        .map(
            (row, context) ->
                new ExperimentReport.LossPoint(row.getInt("step"), row.getDouble("value")))
        .list();
  }

  /** The audit trail, oldest first, with times in UTC. */
  public List<ExperimentReport.Event> reportedEvents(String experimentId) {
    return inTransaction(
        handle ->
            handle
                .createQuery(
                    """
                    select to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC' as time,
                      kind, coalesce(model_key, '') as model, detail
                    from event where experiment_id = :id order by id
                    """)
                .bind("id", experimentId)
                .map(
                    (row, context) ->
                        new ExperimentReport.Event(
                            row.getString("time"),
                            row.getString("kind"),
                            row.getString("model"),
                            row.getString("detail")))
                .list());
  }

  private static Object requireOwner(int rowsChanged, Attempt attempt) {
    if (rowsChanged == 0) {
      throw new SupersededException(
          "Attempt %d of this model is no longer its owner; a newer attempt has taken over."
              .formatted(attempt.fence()));
    }
    return rowsChanged;
  }

  private <T> T inTransaction(HandleCallback<T, RuntimeException> work) {
    return database.inTransaction(work);
  }

  private static String json(Object value) {
    try {
      return JSON.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("Cannot write %s as JSON.".formatted(value), e);
    }
  }
}
