package dev.atelier.network;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import dev.atelier.graph.Initialiser;
import dev.atelier.graph.Weight;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.Listing;
import dev.atelier.network.torchscript.TorchScriptModule.Attribute;
import dev.atelier.network.torchscript.TorchScriptModule.MemoryFormat;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/** Weights as tensors: how they start, whether they fit, and what they are in an archive. */
final class WeightTensors {

  private WeightTensors() {}

  /** Its name as a TorchScript attribute: without dots. */
  static String attribute(Weight weight) {
    return weight.name().replace(".", "__");
  }

  /** In channels-last networks a kernel that looks at neighbours has the same order. */
  static MemoryFormat format(Weight weight, NetworkForm form) {
    return form == NetworkForm.CPU && weight.shape().size() == 4 && weight.shape().get(2) > 1
        ? MemoryFormat.CHANNELS_LAST
        : MemoryFormat.CONTIGUOUS;
  }

  /** Starting values of {@code weights}, the first of which draws as number {@code first}. */
  static Map<String, HostTensor> initialise(List<Weight> weights, int first, SeededRandom random) {
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    for (int i = 0; i < weights.size(); i++) {
      Weight weight = weights.get(i);
      float[] values =
          weight
              .initialiser()
              .accept(new Start(weight, random.stream(Purpose.INITIALISATION, first + i, 0)));
      tensors.put(weight.name(), HostTensor.ofFloats(values, weight.dimensions()));
    }
    return tensors;
  }

  /** The values that one weight starts with. */
  private record Start(Weight weight, SeededRandom.Stream stream)
      implements Initialiser.Visitor<float[]> {

    private float[] zeros() {
      return new float[Math.toIntExact(weight.elements())];
    }

    @Override
    public float[] kaimingUniform(Initialiser.KaimingUniform initialiser) {
      float[] values = zeros();
      double bound = 1 / Math.sqrt((double) initialiser.fanIn());
      for (int j = 0; j < values.length; j++) {
        values[j] = (float) ((2 * stream.nextDouble() - 1) * bound);
      }
      return values;
    }

    @Override
    public float[] standardNormal(Initialiser.StandardNormal initialiser) {
      float[] values = zeros();
      stream.gaussians(values, 0, values.length);
      return values;
    }

    @Override
    public float[] identity(Initialiser.Identity initialiser) {
      float[] values = zeros();
      int rows = Math.toIntExact(weight.shape().get(0));
      int columns = values.length / rows; // of a 1×1 convolution
      for (int j = 0; j < Math.min(columns, rows); j++) {
        values[j * columns + j] = 1;
      }
      return values;
    }

    @Override
    public float[] constant(Initialiser.Constant initialiser) {
      float[] values = zeros();
      Arrays.fill(values, initialiser.value());
      return values;
    }
  }

  /**
   * Checks that {@code tensors} are those of {@code weights}, all of them and nothing else.
   *
   * @param origin what the tensors are, for the message
   * @throws IllegalArgumentException with the first ten differences, and how many more there are
   */
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

  /** The tensors as attributes whose names start with {@code prefix}, after a check. */
  static Map<String, Attribute> attributes(
      List<Weight> weights,
      String prefix,
      Map<String, HostTensor> tensors,
      String origin,
      NetworkForm form,
      BiFunction<HostTensor, MemoryFormat, Attribute> kind) {
    check(weights, tensors, origin);
    Map<String, Attribute> attributes = new LinkedHashMap<>();
    for (Weight weight : weights) {
      attributes.put(
          prefix + attribute(weight), kind.apply(tensors.get(weight.name()), format(weight, form)));
    }
    return attributes;
  }
}
