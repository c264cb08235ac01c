package dev.atelier.workflows;

import dev.atelier.spec.NetworkSpec;
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
 */
public record ModelRef(
    ModelKey key,
    Optional<NetworkSpec> network,
    TimestepRange range,
    String manifestKey,
    String manifestSha256,
    int step,
    Optional<StartRef> start) {

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

  public ModelRef {
    start = start == null ? Optional.empty() : start; // as Jackson leaves it
  }

  /** The same model with the weights that its training began with. */
  public ModelRef startedFrom(StartRef weights) {
    return new ModelRef(
        key, network, range, manifestKey, manifestSha256, step, Optional.of(weights));
  }

  /** The same model as the owner of {@code other}. */
  public ModelRef owning(TimestepRange other) {
    return new ModelRef(key, network, other, manifestKey, manifestSha256, step, start);
  }
}
