package dev.atelier.network;

import dev.atelier.graph.Weight;
import dev.atelier.network.tensors.HostTensor;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * The weights and inputs of {@code unet_fixtures.py}: made by a formula, so that fixtures are
 * small.
 */
public final class ClosedForm {
  private ClosedForm() {}

  public static Map<String, HostTensor> weights(Network network) {
    Map<String, HostTensor> weights = new TreeMap<>();
    network.weights().forEach(w -> weights.put(w.name(), HostTensor.zeros(HostTensor.DType.F32)));
    Map<String, Weight> byName = new TreeMap<>();
    network.weights().forEach(w -> byName.put(w.name(), w));
    int k = 0;
    for (String name : byName.keySet()) {
      long[] shape = byName.get(name).dimensions();
      boolean norm = shape.length == 1 && name.contains("norm") && name.endsWith("weight");
      double fanIn = Arrays.stream(shape).skip(1).reduce(1, (a, b) -> a * b);
      double scale = shape.length == 1 ? 0.1 : 1 / Math.sqrt(fanIn);
      weights.put(name, tensor(k++, scale, norm ? 1 : 0, shape));
    }
    return weights;
  }

  public static HostTensor tensor(int k, double scale, double offset, long... shape) {
    HostTensor tensor = HostTensor.zeros(HostTensor.DType.F32, shape);
    float[] values = new float[(int) tensor.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (scale * value(i, k) + offset);
    }
    tensor.putFloats(values);
    return tensor;
  }

  // As closed_form there.
  static double value(long i, long k) {
    long z = (i * 0x9E3779B1L + k * 0x85EBCA6BL) & 0xFFFFFFFFL;
    z ^= z >>> 16;
    z = (z * 0x7FEB352DL) & 0xFFFFFFFFL;
    z ^= z >>> 15;
    return z / 0x1.0p31 - 1;
  }
}
