package dev.atelier.network.files;

import dev.atelier.graph.Graph;
import dev.atelier.graph.Operation;
import dev.atelier.network.tensors.HostTensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Weights of a network that was told t + 1, for one that is told t, and back. Each pair of its
 * sinusoids at t + 1 is that at t, turned by the angle of its frequency; the linear layers that
 * read them are turned back. So the answers are the same, up to rounding.
 */
final class TimestepOffset {

  private static final double MAX_PERIOD = 10_000;

  private TimestepOffset() {}

  /**
   * The same answers at t as {@code weights} give at t + 1.
   *
   * @throws IllegalArgumentException if what reads the sinusoids is no linear layer, as a clause
   */
  static Map<String, HostTensor> oneEarlier(Graph graph, Map<String, HostTensor> weights) {
    return by(1, graph, weights);
  }

  /** The same answers at t + 1 as {@code weights} give at t; else as {@link #oneEarlier}. */
  static Map<String, HostTensor> oneLater(Graph graph, Map<String, HostTensor> weights) {
    return by(-1, graph, weights);
  }

  private static Map<String, HostTensor> by(
      int steps, Graph graph, Map<String, HostTensor> weights) {
    Map<String, HostTensor> turned = new LinkedHashMap<>(weights);
    for (Operation.Sinusoid sinusoid : graph.all(Operation.Sinusoid.class)) {
      List<Operation> readers =
          graph.operations().stream().filter(o -> o.reads().contains(sinusoid.out())).toList();
      for (Operation reader : readers) {
        if (!(reader instanceof Operation.Linear linear)) {
          throw new IllegalArgumentException(
              "its timesteps are told as T sigma, from 1 to T, to a layer that is not linear");
        }
        turned.computeIfPresent(
            linear.layer() + ".weight", (name, weight) -> turned(steps, weight, sinusoid));
      }
    }
    return turned;
  }

  /** weight: [out, 2 half]. */
  private static HostTensor turned(int steps, HostTensor weight, Operation.Sinusoid sinusoid) {
    int width = sinusoid.out().width();
    int half = width / 2;
    double[] values = weight.toDoubles();
    float[] turned = new float[values.length];
    for (int i = 0; i < half; i++) {
      double angle = steps * Math.pow(MAX_PERIOD, -(double) i / (half - sinusoid.shift()));
      int sine = sinusoid.cosinesFirst() ? half + i : i;
      int cosine = sinusoid.cosinesFirst() ? i : half + i;
      for (int row = 0; row < values.length; row += width) {
        double s = values[row + sine];
        double c = values[row + cosine];
        turned[row + sine] = (float) (s * Math.cos(angle) - c * Math.sin(angle));
        turned[row + cosine] = (float) (s * Math.sin(angle) + c * Math.cos(angle));
      }
    }
    return HostTensor.ofFloats(turned, weight.shape());
  }
}
