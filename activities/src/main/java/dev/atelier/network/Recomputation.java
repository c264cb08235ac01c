package dev.atelier.network;

import dev.atelier.graph.Graph;
import dev.atelier.graph.Operation;
import dev.atelier.graph.Value;
import dev.atelier.graph.Weight;
import dev.atelier.network.torchscript.ScalarType;
import dev.atelier.network.torchscript.TorchScriptModule.MemoryFormat;
import dev.atelier.spec.TrainingSpec.Precision;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A network's gradients in the portable form, with activations that are computed a second time in
 * the backward pass in place of being kept. Chen et al. 2016, "Training Deep Nets with Sublinear
 * Memory Cost".
 *
 * <p>A segment ends with each residual sum. Only what a later segment reads is kept, and which
 * units dropout kept, a byte each. The numbers are bit for bit those of autograd over the whole
 * network: where several segments read a value, what the later ones gave enters the earlier one's
 * tape first, as it would there.
 */
final class Recomputation {

  private final Graph graph;
  private final Precision precision;
  private final List<Segment> segments = new ArrayList<>();
  private final Set<Value> learned = new HashSet<>(); // values that depend on weights
  private final StringBuilder text = new StringBuilder();

  /** Operations that are computed again together. */
  private record Segment(
      int number,
      List<Operation> operations,
      Set<Value> reads, // made by earlier ones
      List<Value> makes) { // read by later ones, or as a feature

    List<String> masks() {
      return operations.stream()
          .filter(Operation.Dropout.class::isInstance)
          .map(o -> o.out().name() + "_kept")
          .toList();
    }

    List<Weight> weights() {
      return operations.stream().flatMap(o -> o.weights().stream()).toList();
    }

    String method() {
      return "segment_" + number;
    }
  }

  /**
   * @param features read by the loss, beside eps
   */
  Recomputation(Graph graph, Precision precision, Collection<Value> features) {
    this.graph = graph;
    this.precision = precision;
    List<List<Operation>> cut = graph.branches();
    Map<Value, Integer> madeIn = new HashMap<>();
    List<Set<Value>> makes = new ArrayList<>();
    List<Set<Value>> reads = new ArrayList<>();
    for (int i = 0; i < cut.size(); i++) {
      reads.add(new LinkedHashSet<>());
      makes.add(new LinkedHashSet<>());
      for (Operation operation : cut.get(i)) {
        for (Value read : operation.reads()) {
          Integer maker = madeIn.get(read);
          if (maker != null && maker != i) { // no argument of the network
            reads.get(i).add(read);
            makes.get(maker).add(read);
          }
        }
        madeIn.put(operation.out(), i);
        if (!operation.weights().isEmpty()
            || operation.reads().stream().anyMatch(learned::contains)) {
          learned.add(operation.out());
        }
      }
    }
    Stream.concat(Stream.of(graph.eps()), features.stream())
        .forEach(value -> makes.get(madeIn.get(value)).add(value));
    for (int i = 0; i < cut.size(); i++) {
      segments.add(new Segment(i, cut.get(i), reads.get(i), List.copyOf(makes.get(i))));
    }
  }

  /** A method for each segment, and one more that is told what dropout kept where it has some. */
  String methods() {
    StringBuilder methods = new StringBuilder();
    for (Segment segment : segments) {
      boolean drops = !segment.masks().isEmpty();
      methods.append(
          method(
              segment,
              segment.method(),
              List.of(),
              segment.masks(),
              drops ? PortableText.Dropout.REMEMBERED : PortableText.Dropout.NONE));
      if (drops) {
        methods.append(
            method(
                segment,
                segment.method() + "_again",
                segment.masks(),
                List.of(),
                PortableText.Dropout.REPEATED));
      }
    }
    return methods.toString();
  }

  private String method(
      Segment segment,
      String name,
      List<String> told,
      List<String> remembered,
      PortableText.Dropout dropout) {
    String parameters =
        Stream.of(arguments(segment).stream(), told.stream())
            .flatMap(s -> s)
            .map(", %s: Tensor"::formatted)
            .collect(Collectors.joining());
    return "def %s(self%s) -> List[Tensor]:\n".formatted(name, parameters)
        + (PortableText.forward(segment.operations(), dropout, precision)
                + "return [%s]\n"
                    .formatted(
                        Stream.concat(names(segment.makes()), remembered.stream())
                            .collect(Collectors.joining(", "))))
            .indent(2);
  }

  /** What a segment is given: the network's arguments, and values of earlier ones. */
  private List<String> arguments(Segment segment) {
    return Stream.concat(GraphModule.names(graph), names(segment.reads())).toList();
  }

  private static Stream<String> names(Collection<Value> values) {
    return values.stream().map(Value::name);
  }

  private void line(String format, Object... arguments) {
    text.append(PortableText.format(format, arguments));
  }

  /**
   * Lines that make the answer and each feature, by their names, without gradients, and forget the
   * rest.
   */
  String forward() {
    text.setLength(0);
    text.append(GraphModule.opening(graph));
    for (Segment segment : segments) {
      call(segment, segment.method(), List.of(), segment.masks());
    }
    return text.toString();
  }

  private void call(Segment segment, String method, List<String> told, List<String> remembered) {
    String made = "made_" + segment.number();
    line(
        "%s = (self).%s(%s)",
        made,
        method,
        Stream.concat(arguments(segment).stream(), told.stream())
            .collect(Collectors.joining(", ")));
    List<String> all = Stream.concat(names(segment.makes()), remembered.stream()).toList();
    for (int i = 0; i < all.size(); i++) {
      line("%s = %s[%d]", all.get(i), made, i);
    }
  }

  /**
   * Lines that make {@code gradients}, one for each weight of the network.
   *
   * @param given gradients by the answer and the features
   */
  String backward(Map<Value, String> given) {
    text.setLength(0);
    Map<Value, String> gradients = new HashMap<>(given);
    Map<String, Integer> places = new HashMap<>(); // of a weight's gradient
    line("found = annotate(List[Tensor], [])");
    for (int i = segments.size() - 1; i >= 0; i--) {
      backward(segments.get(i), gradients, places);
    }
    line(
        "gradients = [%s]",
        graph.weights().stream()
            .map(w -> MemoryFormat.CONTIGUOUS.of("found[%d]".formatted(places.get(w.name()))))
            .collect(Collectors.joining(", ")));
    return text.toString();
  }

  private void backward(
      Segment segment, Map<Value, String> gradients, Map<String, Integer> places) {
    List<Value> inputs = segment.reads().stream().filter(learned::contains).toList();
    List<Value> outputs = segment.makes().stream().filter(learned::contains).toList();
    if (outputs.isEmpty()) {
      return;
    }
    for (Value input : inputs) {
      line("%1$s = torch.requires_grad_(torch.detach(%1$s), True)", input.name());
    }
    String again = segment.method() + (segment.masks().isEmpty() ? "" : "_again");
    call(segment, again, segment.masks(), List.of());
    List<Value> roots = // a value that later segments read, too, has their part already
        Stream.concat(outputs.stream(), inputs.stream().filter(gradients::containsKey)).toList();
    String g = "g_" + segment.number();
    line("%s = annotate(List[Tensor], [])", g);
    line(
        "for g in torch.grad([%s], [%s], annotate(List[Optional[Tensor]], [%s])):",
        names(roots).collect(Collectors.joining(", ")),
        Stream.concat(
                names(inputs),
                segment.weights().stream().map(w -> "self." + WeightTensors.attribute(w)))
            .collect(Collectors.joining(", ")),
        roots.stream().map(gradients::get).collect(Collectors.joining(", ")));
    line("  if g is not None:");
    line("    torch.append(%s, g)", g);
    outputs.forEach(gradients::remove);
    for (int i = 0; i < inputs.size(); i++) {
      String name = g + "_" + i;
      line("%s = %s[%d]", name, g, i);
      gradients.put(inputs.get(i), name);
    }
    for (Weight weight : segment.weights()) {
      places.put(weight.name(), places.size());
    }
    line("torch.extend(found, torch.slice(%s, %d, None, 1))", g, inputs.size());
  }

  /** A value as a leaf of a tape. */
  static String leaf(Value value) {
    return "torch.requires_grad_(torch.detach(%s), True)".formatted(value.name());
  }

  /** A value in float32, as the losses read it. */
  String float32(Value value) {
    return precision == Precision.BF16 ? ScalarType.FLOAT.of(value.name()) : value.name();
  }
}
