package dev.atelier.attempt;

import dev.atelier.store.AttemptHistory;
import dev.atelier.store.AttemptHistory.Attempt;
import dev.atelier.store.CheckpointHistory;
import dev.atelier.store.CheckpointHistory.CheckpointRow;
import dev.atelier.store.EventHistory;
import dev.atelier.store.S3CheckpointStore;
import dev.atelier.store.TrainingEnvironment;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.training.Device;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.ModelOrigin;
import java.nio.file.Path;
import java.util.Optional;
import javax.sql.DataSource;

/** The attempts of this worker at models: their rows, their checkpoints, what is said of them. */
public final class Attempts {

  private final ObjectStore store;
  private final AttemptHistory attempts;
  private final CheckpointHistory checkpoints;
  private final EventHistory events;
  private final Device device;
  private final String worker;

  /**
   * @param worker the name of this one
   */
  public Attempts(ObjectStore store, DataSource database, Device device, String worker) {
    this.store = store;
    this.attempts = new AttemptHistory(database);
    this.checkpoints = new CheckpointHistory(database);
    this.events = new EventHistory(database);
    this.device = device;
    this.worker = worker;
  }

  Device device() {
    return device;
  }

  /** Begins an attempt, which owns the model from now on. */
  Attempt start(
      String experimentId, ModelKey key, int steps, long parameters, Optional<Long> macs) {
    return attempts.start(experimentId, key, steps, parameters, macs, worker);
  }

  /**
   * Where the checkpoints of an attempt go.
   *
   * @param directory for files on their way
   */
  S3CheckpointStore checkpoints(
      String experimentId, ModelKey key, Attempt attempt, int threads, Path directory) {
    return new S3CheckpointStore(
        store,
        checkpoints,
        events,
        experimentId,
        key,
        attempt,
        TrainingEnvironment.here(device.name(), threads),
        directory);
  }

  ProgressReporter progress(Attempt attempt) {
    return new ProgressReporter(attempts, attempt, device.isGpu());
  }

  /** Keeps what a model that an attempt has imported was made of. */
  void keepOrigin(Attempt attempt, ModelOrigin origin) {
    attempts.recordOrigin(attempt, origin);
  }

  /** Ends an attempt that has done all of its steps: its last checkpoint is the model. */
  CheckpointRow finish(String experimentId, ModelKey key, Attempt attempt) {
    attempts.recordDone(experimentId, key, attempt);
    return checkpoints.of(attempt).get(0);
  }
}
