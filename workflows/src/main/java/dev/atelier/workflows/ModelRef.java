package dev.atelier.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.TimestepRange;
import java.util.Optional;

/**
 * A trained model in the store.
 *
 * @param key its name within the experiment
 * @param network its architecture; absent: the TorchScript archive of a user, of which nothing is
 *     known
 * @param range the timesteps it owns
 * @param manifestKey object key of its last checkpoint's manifest
 * @param manifestSha256 of that manifest
 * @param step of that checkpoint
 * @param start the weights that its training began with; absent: not trained here, or of no matter
 * @param diffusion the forward process of an imported teacher, which the spec has left to it
 */
public record ModelRef(
    ModelKey key,
    Optional<NetworkSpec> network,
    TimestepRange range,
    String manifestKey,
    String manifestSha256,
    int step,
    Optional<StartRef> start,
    @JsonInclude(JsonInclude.Include.NON_ABSENT) Optional<DiffusionSpec> diffusion) {

  /** Without the weights that its training began with. */
  public ModelRef(
      ModelKey key,
      Optional<NetworkSpec> network,
      TimestepRange range,
      String manifestKey,
      String manifestSha256,
      int step) {
    this(key, network, range, manifestKey, manifestSha256, step, Optional.empty());
  }

  /** Of an experiment whose spec has its forward process. */
  public ModelRef(
      ModelKey key,
      Optional<NetworkSpec> network,
      TimestepRange range,
      String manifestKey,
      String manifestSha256,
      int step,
      Optional<StartRef> start) {
    this(key, network, range, manifestKey, manifestSha256, step, start, Optional.empty());
  }

  public ModelRef {
    start = start == null ? Optional.empty() : start; // as Jackson leaves it
    diffusion = diffusion == null ? Optional.empty() : diffusion;
  }

  /** The same model with the weights that its training began with. */
  public ModelRef startedFrom(StartRef weights) {
    return new ModelRef(
        key, network, range, manifestKey, manifestSha256, step, Optional.of(weights), diffusion);
  }

  /** The same model as the owner of {@code other}. */
  public ModelRef owning(TimestepRange other) {
    return new ModelRef(key, network, other, manifestKey, manifestSha256, step, start, diffusion);
  }

  /** What it predicts under the experiment's forward process. */
  public Prediction predicts(DiffusionSpec process) {
    return key.equals(ModelKey.TEACHER) ? process.teacherPredicts() : process.studentsPredict();
  }

  /**
   * How far its predictions are led on in sampling; 1: they are taken as they are.
   *
   * @param distilled whether students have learned guided predictions
   */
  public double guidance(EvaluationSpec evaluation, boolean distilled) {
    return distilled && !key.equals(ModelKey.TEACHER) ? 1 : evaluation.guidance().orElse(1.0);
  }

  /** The same teacher, which brings the experiment's forward process. */
  public ModelRef bringing(DiffusionSpec process) {
    return new ModelRef(
        key, network, range, manifestKey, manifestSha256, step, start, Optional.of(process));
  }
}
