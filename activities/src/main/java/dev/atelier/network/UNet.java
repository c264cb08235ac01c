package dev.atelier.network;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.network.TorchScriptModule.MemoryFormat;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TrainingSpec.Precision;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.stream.Collectors;

/**
 * The DDPM U-Net {@code eps(x_t [N, C, H, W], t [N])}, or {@code eps(x_t, t, y [N])} of a network
 * that is conditioned on classes. Ho et al. 2020, appendix B. Structure, order of operations and
 * tensor names are those of {@code UNet2DModel} in diffusers as {@code google/ddpm-cifar10-32}
 * configures it; the class embedding joins the time embedding as with its {@code num_class_embeds}.
 */
public final class UNet {

  /** One learned tensor. */
  public record Weight(String name, List<Long> shape, Initialiser initialiser) {

    /** Its name as a TorchScript attribute: without dots. */
    public String attribute() {
      return name.replace(".", "__");
    }

    /** In channels-last networks a kernel that looks at neighbours has the same order. */
    MemoryFormat format(NetworkForm form) {
      return form == NetworkForm.CPU && shape.size() == 4 && shape.get(2) > 1
          ? MemoryFormat.CHANNELS_LAST
          : MemoryFormat.CONTIGUOUS;
    }

    public long[] dimensions() {
      return shape.stream().mapToLong(Long::longValue).toArray();
    }

    public long elements() {
      return shape.stream().reduce(1L, Math::multiplyExact);
    }
  }

  /**
   * A feature map that another network's can be compared with.
   *
   * @param value name of the operation's result
   * @param width channels
   * @param side pixels per side
   */
  public record Feature(String value, int width, int side) {}

  /** How a tensor starts. */
  public sealed interface Initialiser {}

  /** Uniform within ±1/sqrt(fanIn), as PyTorch starts convolutions and linear layers. */
  public record KaimingUniform(long fanIn) implements Initialiser {}

  /** Standard normal, as PyTorch starts embeddings. */
  public record StandardNormal() implements Initialiser {}

  /** Ones where row and column are equal, in the first two dimensions; zeros elsewhere. */
  public record Identity() implements Initialiser {}

  /** All elements equal. */
  public record Constant(float value) implements Initialiser {}

  private final NetworkSpec spec;
  private final int resolution;
  private final int imageChannels;
  private final int classes;
  private final List<Weight> weights;
  private final long macs;
  private final long attentionMacs;
  private final long activationBytes;
  private final List<Operation> operations;
  private final Map<String, Feature> features;

  private UNet(NetworkSpec spec, int resolution, int imageChannels, int classes) {
    this.spec = spec;
    this.resolution = resolution;
    this.imageChannels = imageChannels;
    this.classes = classes;
    UNetLayout layout = new UNetLayout(spec, resolution, imageChannels, classes);
    this.weights = List.copyOf(layout.weights());
    this.macs = layout.macs();
    this.attentionMacs = layout.attentionMacs();
    this.activationBytes = 2 * layout.peakActivations() * Float.BYTES;
    this.operations = List.copyOf(layout.operations());
    this.features = Collections.unmodifiableMap(layout.features());
  }

  /** Lays an unconditional network out: {@link #of(NetworkSpec, int, int, int)} of 0 classes. */
  public static UNet of(NetworkSpec spec, int resolution, int imageChannels) {
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
  public static UNet of(NetworkSpec spec, int resolution, int imageChannels, int classes) {
    int factor = 1 << (spec.multipliers().size() - 1);
    if (resolution % factor != 0) {
      throw new IllegalArgumentException(
          "Resolution %d must be divisible by %d: network.multipliers has %d levels, each half as wide as the one before."
              .formatted(resolution, factor, spec.multipliers().size()));
    }
    if (spec.channels() % 2 != 0) {
      throw new IllegalArgumentException(
          "network.channels must be even (the time embedding is half sines, half cosines), found %d."
              .formatted(spec.channels()));
    }
    if (classes < 0) {
      throw new IllegalArgumentException(
          "A network needs at least 0 classes, found %d.".formatted(classes));
    }
    return new UNet(spec, resolution, imageChannels, classes);
  }

  public NetworkSpec spec() {
    return spec;
  }

  /** Pixels per side. */
  public int resolution() {
    return resolution;
  }

  /** Channels of the images. */
  public int imageChannels() {
    return imageChannels;
  }

  /** Classes that it is conditioned on; 0: unconditional. */
  public int classes() {
    return classes;
  }

  /** Whether it is asked for eps of (x, t, y), not of (x, t) alone. */
  public boolean conditional() {
    return classes > 0;
  }

  /** Elements of one image. */
  public int imageElements() {
    return imageChannels * resolution * resolution;
  }

  /** Every learned tensor, in a fixed order. */
  public List<Weight> weights() {
    return weights;
  }

  /**
   * The features that a loss can compare, by place: {@code mid}, what the middle block makes, and
   * {@code up.0} (the coarsest), {@code up.1}, …, what the last block of each decoder level makes
   * before its upsampling, and {@code eps}, the predicted noise.
   */
  public Map<String, Feature> features() {
    return features;
  }

  /** Number of learned numbers. */
  public long parameters() {
    return weights.stream().mapToLong(Weight::elements).sum();
  }

  /**
   * Multiply-accumulates of one forward pass of one image in convolutions and linear layers, as the
   * literature counts them: 6.1 G for the CIFAR-10 network of Ho et al. 2020.
   */
  public long macs() {
    return macs;
  }

  /**
   * Multiply-accumulates of the two matrix products of every attention, which that count leaves
   * out.
   */
  public long attentionMacs() {
    return attentionMacs;
  }

  /**
   * Estimate of the bytes that inference of one more image of a batch needs: twice the most that
   * tensors hold at once, as the allocators keep freed blocks.
   */
  public long activationBytes() {
    return activationBytes;
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
    return "def %s(self, x: Tensor, t: Tensor%s) -> %s:\n"
        .formatted(name, conditional() ? ", y: Tensor" : "", result);
  }

  private StringBuilder body(NetworkForm form, boolean dropout, Precision precision) {
    return new StringBuilder(
        switch (form) {
          case PORTABLE -> UNetText.forward(operations, dropout, precision);
          case CPU -> ChannelsLastText.forward(operations, precision);
        });
  }

  private String eps(NetworkForm form, Precision precision) {
    String eps = UNetText.last(operations);
    return switch (form) {
      case PORTABLE ->
          precision == Precision.BF16 ? "torch.to(%s, 6)".formatted(eps) : eps; // float32
      case CPU -> "torch.contiguous(%s, memory_format=0)".formatted(eps); // row-major
    };
  }

  /** A TorchScript list of the values at {@code places}, in float32. */
  String featureList(Collection<String> places) {
    return places.stream()
        .map(place -> "torch.to(%s, 6)".formatted(features.get(place).value()))
        .collect(Collectors.joining(", ", "annotate(List[Tensor], [", "])"));
  }

  /**
   * Lines that make the gradients of a loss, see {@link ChannelsLastText#gradients}.
   *
   * @param places whose gradients {@code loss} makes too, as {@code g_feature_0}, …
   */
  String gradientLines(Precision precision, String loss, List<String> places) {
    return ChannelsLastText.gradients(
        operations,
        weights,
        precision,
        loss,
        places.stream().map(place -> features.get(place).value()).toList());
  }

  /** Which of its channels belong together. */
  ChannelCoupling coupling() {
    return new ChannelCoupling(this, operations);
  }

  /** Whether both give the same eps for the same weights: equal but for dropout. */
  public boolean computesAs(UNet other) {
    return weights.equals(other.weights)
        && withoutDropout().operations.equals(other.withoutDropout().operations);
  }

  /** The same network, for measurements that must not depend on luck. */
  public UNet withoutDropout() {
    NetworkSpec without =
        new NetworkSpec(
            spec.channels(),
            spec.multipliers(),
            spec.resBlocks(),
            spec.attentionResolutions(),
            spec.attentionHeads(),
            0.0,
            spec.groups());
    return new UNet(without, resolution, imageChannels, classes);
  }

  /** Starting weights by name: a pure function of the seed. */
  public Map<String, HostTensor> initialise(SeededRandom random) {
    return initialise(weights, 0, random);
  }

  /** Starting values of {@code weights}, the first of which draws as number {@code first}. */
  static Map<String, HostTensor> initialise(List<Weight> weights, int first, SeededRandom random) {
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    for (int i = 0; i < weights.size(); i++) {
      Weight weight = weights.get(i);
      float[] values = new float[Math.toIntExact(weight.elements())];
      if (weight.initialiser() instanceof KaimingUniform uniform) {
        double bound = 1 / Math.sqrt((double) uniform.fanIn());
        SeededRandom.Stream stream = random.stream(Purpose.INITIALISATION, first + i, 0);
        for (int j = 0; j < values.length; j++) {
          values[j] = (float) ((2 * stream.nextDouble() - 1) * bound);
        }
      } else if (weight.initialiser() instanceof StandardNormal) {
        random.stream(Purpose.INITIALISATION, first + i, 0).gaussians(values, 0, values.length);
      } else if (weight.initialiser() instanceof Constant constant) {
        Arrays.fill(values, constant.value());
      } else if (weight.initialiser() instanceof Identity) {
        int columns =
            values.length / Math.toIntExact(weight.shape().get(0)); // of a 1×1 convolution
        for (int j = 0; j < Math.min(columns, weight.shape().get(0)); j++) {
          values[j * columns + j] = 1;
        }
      }
      tensors.put(weight.name(), HostTensor.ofFloats(values, weight.dimensions()));
    }
    return tensors;
  }

  /**
   * Checks that {@code tensors} are this network's, all of them and nothing else.
   *
   * @param origin what the tensors are, for the message
   * @throws IllegalArgumentException with the first ten differences, and how many more there are
   */
  public void check(Map<String, HostTensor> tensors, String origin) {
    check(weights, tensors, origin);
  }

  static void check(List<Weight> weights, Map<String, HostTensor> tensors, String origin) {
    List<String> faults = new ArrayList<>();
    Map<String, HostTensor> rest = new LinkedHashMap<>(tensors);
    for (Weight weight : weights) {
      HostTensor found = rest.remove(weight.name());
      if (found == null) {
        faults.add("%s is missing".formatted(weight.name()));
      } else if (found.dtype() != HostTensor.DType.F32
          || !Arrays.equals(found.shape(), weight.dimensions())) {
        faults.add("%s: expected F32%s, found %s".formatted(weight.name(), weight.shape(), found));
      }
    }
    rest.keySet().forEach(name -> faults.add("%s is unknown".formatted(name)));
    if (!faults.isEmpty()) {
      throw new IllegalArgumentException(
          "%s doesn't fit the network: %s.".formatted(origin, Listing.of(faults)));
    }
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

  /** The same in a form for one kind of device. */
  public TorchScriptModule inferenceModule(
      String className, Map<String, HostTensor> tensors, NetworkForm form, Precision precision) {
    return new TorchScriptModule(
        className,
        method("forward", form, false, precision),
        attributes("", tensors, "The set of weights", form, TorchScriptModule.Parameter::new));
  }

  /**
   * A module with {@code mid_block(x, t) -> [N, D]}, {@code y} after t if the network is
   * conditional: the means over the pixels of what the encoder and the middle block make of x,
   * before the decoder joins the first skip connection. D is the width of the last level.
   */
  public TorchScriptModule midBlockModule(String className, Map<String, HostTensor> tensors) {
    int decoder = 0;
    while (!(operations.get(decoder) instanceof Operation.Concatenate)) {
      decoder++;
    }
    String arguments = conditional() ? "x, t, y" : "x, t";
    String typed = "x: Tensor, t: Tensor" + (conditional() ? ", y: Tensor" : "");
    List<Operation> encoder = operations.subList(0, decoder);
    String methods =
        "def encode(self, %s) -> Tensor:\n".formatted(typed)
            + UNetText.forward(encoder, false, Precision.FP32).indent(2)
            + "  return %s\n".formatted(UNetText.last(encoder))
            + """
            def mid_block(self, %s) -> Tensor:
              return torch.mean((self).encode(%s), [2, 3])
            """
                .formatted(typed, arguments);
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
    return attributes(weights, prefix, tensors, origin, form, kind);
  }

  static Map<String, TorchScriptModule.Attribute> attributes(
      List<Weight> weights,
      String prefix,
      Map<String, HostTensor> tensors,
      String origin,
      NetworkForm form,
      BiFunction<HostTensor, MemoryFormat, TorchScriptModule.Attribute> kind) {
    check(weights, tensors, origin);
    Map<String, TorchScriptModule.Attribute> attributes = new LinkedHashMap<>();
    for (Weight weight : weights) {
      attributes.put(
          prefix + weight.attribute(), kind.apply(tensors.get(weight.name()), weight.format(form)));
    }
    return attributes;
  }
}
