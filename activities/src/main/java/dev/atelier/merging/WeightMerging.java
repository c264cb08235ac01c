package dev.atelier.merging;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.HostTensor.DType;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Joins the weights of several networks of one shape into one: sums in double, float32 at last. */
public final class WeightMerging {

  private WeightMerging() {}

  /**
   * The mean of each weight: (1/N) Σ θ_i. Wortsman et al. 2022 ("model soups"), the uniform soup.
   *
   * @param models weights by name, F32
   * @throws IllegalArgumentException if there is none, or names or shapes differ
   */
  public static Map<String, HostTensor> average(List<Map<String, HostTensor>> models) {
    requireSameShape(models);
    return combine(models, Collections.nCopies(models.size(), 1.0 / models.size()));
  }

  /**
   * θ = θ0 + Σ w_i (θ_i − θ0). Ilharco et al. 2023, with a weight of its own for each task.
   *
   * @param start θ0, from which every model was trained
   * @param models θ_i, weights by name, F32
   * @param weights w_i
   * @throws IllegalArgumentException if there is not one weight per model, or names or shapes
   *     differ
   */
  public static Map<String, HostTensor> taskArithmetic(
      Map<String, HostTensor> start, List<Map<String, HostTensor>> models, List<Double> weights) {
    if (weights.size() != models.size()) {
      throw new IllegalArgumentException(
          "Task arithmetic needs one weight per model: expected %d, found %d."
              .formatted(models.size(), weights.size()));
    }
    List<Map<String, HostTensor>> all = new ArrayList<>(models);
    List<Double> factors = new ArrayList<>(weights);
    all.add(start);
    factors.add(1 - weights.stream().mapToDouble(Double::doubleValue).sum());
    requireSameShape(all);
    return combine(all, factors);
  }

  /** Bytes of the weights as they lie in memory. */
  public static long bytes(Map<String, HostTensor> weights) {
    return weights.values().stream().mapToLong(w -> w.elements() * w.dtype().bytes()).sum();
  }

  private static void requireSameShape(List<Map<String, HostTensor>> models) {
    if (models.isEmpty()) {
      throw new IllegalArgumentException("Merging needs at least one model, found none.");
    }
    Map<String, HostTensor> first = models.get(0);
    for (int i = 0; i < models.size(); i++) {
      Map<String, HostTensor> other = models.get(i);
      if (!other.keySet().equals(first.keySet())) {
        throw new IllegalArgumentException(
            "Models of different shape cannot be merged: model %d has other tensors than model 1."
                .formatted(i + 1));
      }
      for (Map.Entry<String, HostTensor> entry : first.entrySet()) {
        HostTensor one = entry.getValue();
        HostTensor two = other.get(entry.getKey());
        if (two.dtype() != DType.F32 || !Arrays.equals(one.shape(), two.shape())) {
          throw new IllegalArgumentException(
              "Models of different shape cannot be merged: '%s' is %s in model 1 and %s in model %d."
                  .formatted(entry.getKey(), one, two, i + 1));
        }
      }
    }
  }

  private static Map<String, HostTensor> combine(
      List<Map<String, HostTensor>> models, List<Double> factors) {
    Map<String, HostTensor> merged = new LinkedHashMap<>();
    for (String name : models.get(0).keySet()) {
      List<FloatBuffer> from =
          models.stream().map(m -> m.get(name).data().asFloatBuffer()).toList();
      HostTensor into = HostTensor.zeros(DType.F32, models.get(0).get(name).shape());
      FloatBuffer out = into.data().asFloatBuffer();
      for (int j = 0; j < out.limit(); j++) {
        double sum = 0;
        for (int i = 0; i < from.size(); i++) {
          sum += factors.get(i) * from.get(i).get(j);
        }
        out.put(j, (float) sum);
      }
      merged.put(name, into);
    }
    return merged;
  }
}
