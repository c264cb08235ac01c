package dev.atelier.network;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.graph.Graph;
import dev.atelier.graph.Operation;
import dev.atelier.graph.Value;
import dev.atelier.graph.Weight;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.ScalarType;
import dev.atelier.network.torchscript.TorchScriptArchive;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.network.torchscript.TorchScriptModule.MemoryFormat;
import dev.atelier.spec.Architectures;
import dev.atelier.spec.FeatureLossSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.stream.Collectors;

/**
 * A network that predicts noise, {@code eps(x_t [N, C, H, W], t [N])}, with {@code y [N]} after t
 * if it is conditioned on classes, and {@code context [N, L, D]} last if on texts: the graph that
 * its spec's architecture makes, written as a program.
 */
public final class Network {

  private final NetworkSpec spec;
  private final Graph graph;
  private final List<Weight> weights;

  /** The network of {@code graph}, which {@code spec} asks for. */
  Network(NetworkSpec spec, Graph graph) {
    this.spec = spec;
    this.graph = graph;
    this.weights = graph.weights();
  }

  /** Lays an unconditional network out: {@link #of(NetworkSpec, int, int, int)} of 0 classes. */
  public static Network of(NetworkSpec spec, int resolution, int imageChannels) {
    return of(spec, resolution, imageChannels, 0);
  }

  /**
   * Lays the network out.
   *
   * @param resolution pixels per side
   * @param imageChannels channels of the images, 3 for RGB
   * @param classes that it is conditioned on; 0: unconditional
   * @throws IllegalArgumentException if the spec can't be built; the message names its field
   */
  public static Network of(NetworkSpec spec, int resolution, int imageChannels, int classes) {
    return new Network(spec, Architectures.of(spec).graph(resolution, imageChannels, classes));
  }

  public NetworkSpec spec() {
    return spec;
  }

  /** What it computes. */
  public Graph graph() {
    return graph;
  }

  /** Pixels per side. */
  public int resolution() {
    return graph.image().side();
  }

  /** Pixels per side of the dataset's images, of which it may see latents. */
  public int imageResolution() {
    return resolution() * spec.latents().map(NetworkSpec.LatentsSpec::reduction).orElse(1);
  }

  /** Channels of the images. */
  public int imageChannels() {
    return graph.image().width();
  }

  /** Classes that it is conditioned on; 0: unconditional. */
  public int classes() {
    return graph.classes();
  }

  /** Whether it is asked for eps of (x, t, y), not of (x, t) alone. */
  public boolean conditional() {
    return classes() > 0;
  }

  /** The texts that it reads, a sequence of tokens; empty: none. */
  public Optional<Value> context() {
    return graph.told().context();
  }

  /** Elements of one image. */
  public int imageElements() {
    return Math.toIntExact(graph.image().elements());
  }

  /** Every learned tensor, in a fixed order. */
  public List<Weight> weights() {
    return weights;
  }

  /**
   * The features that a loss can compare, by place: in a U-Net {@code mid}, what the middle block
   * makes, and {@code up.0} (the coarsest), {@code up.1}, …, what the last block of each decoder
   * level makes before its upsampling; {@code eps}, the predicted noise, in every network.
   */
  public Map<String, Value> features() {
    return graph.features();
  }

  /** Number of learned numbers. */
  public long parameters() {
    return graph.parameters();
  }

  /**
   * Multiply-accumulates of one forward pass of one image in convolutions and linear layers, as the
   * literature counts them: 6.1 G for the CIFAR-10 network of Ho et al. 2020.
   */
  public long macs() {
    return graph.macs();
  }

  /**
   * Multiply-accumulates of the two matrix products of every attention, which that count leaves
   * out.
   */
  public long attentionMacs() {
    return graph.attentionMacs();
  }

  /**
   * Estimate of the bytes that inference of one more image of a batch needs: twice the most that
   * tensors hold at once, as the allocators keep freed blocks.
   */
  public long activationBytes() {
    return 2 * graph.peakElements() * Float.BYTES;
  }

  /** The form that it is written in where {@code wanted} is: portable if it has no other. */
  NetworkForm form(NetworkForm wanted) {
    return switch (wanted) {
      case PORTABLE -> NetworkForm.PORTABLE;
      case CPU -> ChannelsLastText.supports(graph) ? NetworkForm.CPU : NetworkForm.PORTABLE;
    };
  }

  // Large ones read texts: weights that are lent are read where they lie, and not laid out anew.
  NetworkForm inferenceForm(NetworkForm wanted) {
    return context().isPresent() ? NetworkForm.PORTABLE : form(wanted);
  }

  /**
   * TorchScript of a method {@code name(self, x, t) -> eps}, with {@code y} after t if the network
   * is conditional; {@code dropout} switches it on, in the portable form only. For {@code BF16}
   * convolutions, linear layers and attention run in bfloat16, and weights, input, norms and output
   * stay float32.
   */
  String method(String name, NetworkForm form, boolean dropout, Precision precision) {
    return signature(name, "Tensor")
        + body(form, dropout, precision)
            .append("return " + eps(form, precision) + "\n")
            .toString()
            .indent(2);
  }

  /** As {@link #method}, {@code -> (eps, features)} with the float32 features at {@code places}. */
  String featureMethod(
      String name,
      NetworkForm form,
      boolean dropout,
      Precision precision,
      Collection<String> places) {
    return signature(name, "Tuple[Tensor, List[Tensor]]")
        + body(form, dropout, precision)
            .append("return (%s, %s)\n".formatted(eps(form, precision), featureList(places)))
            .toString()
            .indent(2);
  }

  private String signature(String name, String result) {
    return "def %s(self, %s) -> %s:\n".formatted(name, GraphModule.parameters(graph), result);
  }

  private StringBuilder body(NetworkForm form, boolean dropout, Precision precision) {
    StringBuilder body = new StringBuilder(GraphModule.opening(graph));
    return body.append(
        switch (form) {
          case PORTABLE -> PortableText.forward(graph.operations(), dropout, precision);
          case CPU -> ChannelsLastText.forward(graph, precision);
        });
  }

  private String eps(NetworkForm form, Precision precision) {
    String eps = graph.eps().name();
    return switch (form) {
      case PORTABLE -> precision == Precision.BF16 ? ScalarType.FLOAT.of(eps) : eps;
      case CPU -> MemoryFormat.CONTIGUOUS.of(eps);
    };
  }

  /** A TorchScript list of the values at {@code places}, in float32. */
  String featureList(Collection<String> places) {
    return places.stream()
        .map(place -> ScalarType.FLOAT.of(features().get(place).name()))
        .collect(Collectors.joining(", ", "annotate(List[Tensor], [", "])"));
  }

  /**
   * Lines that make the gradients of a loss, see {@link ChannelsLastText#gradients}.
   *
   * @param places whose gradients {@code loss} makes too, as {@code g_feature_0}, …
   */
  String gradientLines(Precision precision, String loss, List<String> places) {
    return GraphModule.opening(graph)
        + ChannelsLastText.gradients(
            graph, precision, loss, places.stream().map(place -> features().get(place)).toList());
  }

  /** Whether both give the same eps for the same weights: equal but for dropout. */
  public boolean computesAs(Network other) {
    return withoutDropout().graph.equals(other.withoutDropout().graph);
  }

  /** The same network, for measurements that must not depend on luck. */
  public Network withoutDropout() {
    return of(spec.withoutDropout(), imageResolution(), imageChannels(), classes());
  }

  /** Starting weights by name: a pure function of the seed. */
  public Map<String, HostTensor> initialise(SeededRandom random) {
    return WeightTensors.initialise(weights, 0, random);
  }

  /**
   * Checks that {@code tensors} are this network's, all of them and nothing else.
   *
   * @param origin what the tensors are, for the message
   * @throws IllegalArgumentException with the first ten differences, and how many more there are
   */
  public void check(Map<String, HostTensor> tensors, String origin) {
    WeightTensors.check(weights, tensors, origin);
  }

  /**
   * A module with {@code forward(x [N, C, H, W] float, t [N] int64) -> eps}, with {@code y [N]
   * int64} after t if the network is conditional, ready for {@link TorchScriptArchive}: for any
   * device, and for files that users get.
   *
   * @param className networks of different shape in one archive need different ones
   * @param tensors the weights by name; their data is not copied
   */
  public TorchScriptModule inferenceModule(String className, Map<String, HostTensor> tensors) {
    return inferenceModule(className, tensors, NetworkForm.PORTABLE, Precision.FP32);
  }

  /** The same in a form for one kind of device, as far as the network has it. */
  public TorchScriptModule inferenceModule(
      String className, Map<String, HostTensor> tensors, NetworkForm form, Precision precision) {
    NetworkForm written = inferenceForm(form);
    return new TorchScriptModule(
        className,
        method("forward", written, false, precision),
        attributes("", tensors, "The set of weights", written, TorchScriptModule.Parameter::new));
  }

  /**
   * A module with {@code mid_block(x, t) -> [N, D]}, {@code y} after t if the network is
   * conditional: the means over the pixels of what the encoder and the middle block make of x,
   * before the decoder joins the first skip connection. D is the width of the last level.
   */
  public TorchScriptModule midBlockModule(String className, Map<String, HostTensor> tensors) {
    Value middle = features().get(FeatureLossSpec.MID);
    String typed = GraphModule.parameters(graph);
    List<Operation> encoder = graph.until(middle);
    String methods =
        "def encode(self, %s) -> Tensor:\n".formatted(typed)
            + GraphModule.opening(graph).indent(2)
            + PortableText.forward(encoder, false, Precision.FP32).indent(2)
            + "  return %s\n".formatted(middle.name())
            + """
            def mid_block(self, %s) -> Tensor:
              return torch.mean((self).encode(%s), [2, 3])
            """
                .formatted(typed, GraphModule.arguments(graph));
    return new TorchScriptModule(
        className,
        methods,
        attributes(
            "",
            tensors,
            "The set of weights",
            NetworkForm.PORTABLE,
            TorchScriptModule.Parameter::new));
  }

  /** The weights as attributes whose names start with {@code prefix}, after a check. */
  Map<String, TorchScriptModule.Attribute> attributes(
      String prefix,
      Map<String, HostTensor> tensors,
      String origin,
      NetworkForm form,
      BiFunction<HostTensor, MemoryFormat, TorchScriptModule.Attribute> kind) {
    return WeightTensors.attributes(weights, prefix, tensors, origin, form, kind);
  }
}
