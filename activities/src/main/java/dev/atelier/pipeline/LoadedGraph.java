package dev.atelier.pipeline;

import dev.atelier.graph.Graph;
import dev.atelier.graph.Weight;
import dev.atelier.network.GraphModule;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.MemoryRanOutException;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** A graph with its weights in libtorch's memory. Not safe for use by several threads at once. */
final class LoadedGraph implements AutoCloseable {
  private final String what;
  private final TorchModule module;

  private LoadedGraph(String what, TorchModule module) {
    this.what = what;
    this.module = module;
  }

  /**
   * Loads it.
   *
   * @param what messages call it, such as "The text encoder"
   * @param tensors its weights by name, and perhaps others
   * @param device {@code cpu} or {@code cuda:<n>}
   * @param work a directory for temporary files, small but for weights of half precision
   */
  static LoadedGraph load(
      String what, Graph graph, Map<String, HostTensor> tensors, String device, Path work)
      throws IOException {
    Map<String, HostTensor> own = new LinkedHashMap<>();
    for (Weight weight : graph.weights()) {
      own.put(weight.name(), tensors.get(weight.name()));
    }
    return new LoadedGraph(
        what,
        Libtorch.load(GraphModule.of("Network", graph, own, "The set of weights"), device, work));
  }

  HostTensor forward(HostTensor... arguments) {
    return MemoryRanOutException.naming(
        what, samples(arguments[0].shape()), () -> module.forward(arguments));
  }

  private static String samples(long[] shape) {
    return shape.length == 4 // [N, C, H, W], else [N, tokens]
        ? "%d samples of %d×%d".formatted(shape[0], shape[2], shape[3])
        : "%d texts of %d tokens".formatted(shape[0], shape[1]);
  }

  @Override
  public void close() {
    module.close();
  }
}
