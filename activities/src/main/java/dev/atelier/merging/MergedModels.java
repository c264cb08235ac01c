package dev.atelier.merging;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.spec.MergeSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TimestepRange;
import dev.atelier.workflows.ModelRef;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Where merged models are kept. */
@FunctionalInterface
public interface MergedModels {

  /**
   * A merged model.
   *
   * @param step the latest of the students that it is made of
   * @param how it was merged
   */
  record Merged(
      Optional<NetworkSpec> network,
      TimestepRange range,
      int step,
      Map<String, HostTensor> weights,
      MergeSpec how) {}

  /**
   * Keeps a merged model as a checkpoint of EMA weights alone.
   *
   * @param m its number, from 1
   * @param directory for files on their way
   */
  ModelRef keep(String experimentId, int m, Merged model, Path directory) throws IOException;
}
