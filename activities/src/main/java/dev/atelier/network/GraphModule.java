package dev.atelier.network;

import dev.atelier.graph.Graph;
import dev.atelier.graph.Value;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.spec.TrainingSpec.Precision;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A graph as a module with {@code forward}: its arguments are x and what the graph is told, in that
 * order. Sequences are [N, L, C] outside, and maps of one row [N, C, 1, L] inside.
 */
public final class GraphModule {

  private GraphModule() {}

  /**
   * A module in the portable form.
   *
   * @param tensors the weights by name; their data is not copied
   * @param origin what the tensors are, for the message
   * @throws IllegalArgumentException if they are not the graph's
   */
  public static TorchScriptModule of(
      String className, Graph graph, Map<String, HostTensor> tensors, String origin) {
    return new TorchScriptModule(
        className,
        "def forward(self, %s) -> Tensor:\n".formatted(parameters(graph))
            + (opening(graph)
                    + PortableText.forward(graph.operations(), false, Precision.FP32)
                    + "return %s\n".formatted(answer(graph.eps())))
                .indent(2),
        WeightTensors.attributes(
            graph.weights(),
            "",
            tensors,
            origin,
            NetworkForm.PORTABLE,
            TorchScriptModule.Parameter::new));
  }

  /**
   * Checks that {@code tensors} are those of {@code graphs}, all of them and nothing else.
   *
   * @param origin what the tensors are, for the message
   * @throws IllegalArgumentException with the first ten differences, and how many more there are
   */
  public static void check(List<Graph> graphs, Map<String, HostTensor> tensors, String origin) {
    WeightTensors.check(
        graphs.stream().flatMap(graph -> graph.weights().stream()).toList(), tensors, origin);
  }

  /** Such as {@code x, t, y}. */
  static String arguments(Graph graph) {
    return String.join(", ", names(graph).toList());
  }

  /** Such as {@code x: Tensor, t: Tensor, y: Tensor}. */
  static String parameters(Graph graph) {
    return names(graph).map(name -> name + ": Tensor").collect(Collectors.joining(", "));
  }

  /** What the graph is told beside x, each name in {@code pattern}, one after the other. */
  static String told(Graph graph, String pattern) {
    return graph.told().names().stream().map(pattern::formatted).collect(Collectors.joining());
  }

  /** Its arguments. */
  static Stream<String> names(Graph graph) {
    return Stream.concat(Stream.of(graph.image().name()), graph.told().names().stream());
  }

  /** Lines that make the graph's values of its arguments. */
  static String opening(Graph graph) {
    return graph
        .told()
        .context()
        .map(Value::name)
        .map(name -> "%1$s = torch.unsqueeze(torch.transpose(%1$s, 1, 2), 2)\n".formatted(name))
        .orElse("");
  }

  private static String answer(Value value) {
    return value.rows() == 1
        ? "torch.transpose(torch.squeeze(%s, 2), 1, 2)".formatted(value.name())
        : value.name();
  }
}
