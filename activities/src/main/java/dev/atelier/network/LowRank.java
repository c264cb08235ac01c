package dev.atelier.network;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.graph.Initialiser.Constant;
import dev.atelier.graph.Initialiser.KaimingUniform;
import dev.atelier.graph.Operation;
import dev.atelier.graph.Weight;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.network.torchscript.TorchScriptModule.Attribute;
import dev.atelier.network.torchscript.TorchScriptModule.Buffer;
import dev.atelier.network.torchscript.TorchScriptModule.MemoryFormat;
import dev.atelier.network.torchscript.TorchScriptModule.Parameter;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.TrainingSpec.Precision;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An update of a trained network: W + B A in place of each matrix W [out, in] of a linear layer or
 * an attention, and of each convolution, whose kernel is read as [out, in · k · k]. Hu et al. 2022,
 * section 4.1, with alpha = r, so that nothing is scaled. Biases, norms and tables of classes stay.
 *
 * @param network that is updated
 * @param rank r, of every product
 */
public record LowRank(Network network, int rank) {

  /** What the metadata of a file of updates call their rank. */
  public static final String RANK = "low-rank";

  private static final String WEIGHT = ".weight";

  /** What is learned of one layer: A [r, in · k · k] and B [out, r], as diffusers calls them. */
  record Pair(Weight updated, Weight a, Weight b) {}

  /** A network that stays as it is under its update. */
  public record Base(LowRank update, Map<String, HostTensor> weights) {}

  /** What is learned, in the network's order: A and B of each layer. */
  public List<Weight> weights() {
    return pairs().stream().flatMap(pair -> List.of(pair.a(), pair.b()).stream()).toList();
  }

  /** Number of learned numbers. */
  public long parameters() {
    return weights().stream().mapToLong(Weight::elements).sum();
  }

  List<Pair> pairs() {
    List<Pair> pairs = new ArrayList<>();
    for (Operation operation : network.graph().operations()) {
      if (operation instanceof Operation.Linear
          || operation instanceof Operation.Convolution
          || operation instanceof Operation.Attention
          || operation instanceof Operation.CrossAttention) {
        operation.weights().stream()
            .filter(w -> w.shape().size() > 1)
            .forEach(w -> pairs.add(pair(w)));
      }
    }
    return pairs;
  }

  private Pair pair(Weight updated) {
    int out = Math.toIntExact(updated.shape().get(0));
    int in = Math.toIntExact(updated.elements() / out);
    String layer = updated.name().substring(0, updated.name().length() - WEIGHT.length());
    return new Pair(
        updated,
        new Weight(
            layer + ".lora_A.weight", List.of((long) rank, (long) in), new KaimingUniform(in)),
        new Weight(layer + ".lora_B.weight", List.of((long) out, (long) rank), new Constant(0)));
  }

  /** Where training begins: A at random, B at zero, so that the update changes nothing. */
  public Map<String, HostTensor> initialise(SeededRandom random) {
    return WeightTensors.initialise(weights(), 0, random);
  }

  /**
   * The whole network's weights.
   *
   * @param base those that are updated, by name
   * @param update A and B of each layer
   * @throws IllegalArgumentException if these are not the update's
   */
  public Map<String, HostTensor> merged(
      Map<String, HostTensor> base, Map<String, HostTensor> update) {
    WeightTensors.check(weights(), update, "The low-rank update");
    Map<String, HostTensor> merged = new LinkedHashMap<>(base);
    for (Pair pair : pairs()) {
      String name = pair.updated().name();
      HostTensor a = update.get(pair.a().name());
      HostTensor b = update.get(pair.b().name());
      merged.put(name, sum(base.get(name), a.toFloats(), b.toFloats()));
    }
    return merged;
  }

  private HostTensor sum(HostTensor w, float[] a, float[] b) {
    float[] values = w.toFloats();
    int out = Math.toIntExact(w.shape()[0]);
    int in = values.length / out;
    double[] row = new double[in];
    for (int o = 0; o < out; o++) {
      Arrays.fill(row, 0);
      for (int k = 0; k < rank; k++) {
        double factor = b[o * rank + k];
        for (int i = 0; i < in; i++) {
          row[i] += factor * a[k * in + i];
        }
      }
      for (int i = 0; i < in; i++) {
        values[o * in + i] = (float) (values[o * in + i] + row[i]);
      }
    }
    return HostTensor.ofFloats(values, w.shape());
  }

  /** What one model is of the updated network, and at which timesteps it is asked. */
  public record Turn(TimestepRange range, Map<String, HostTensor> update) {}

  /**
   * A module as {@link Network#inferenceModule} makes one, of several updates of one base that take
   * turns: t, the same for all samples, says whose it is. The base is there once; W + B A is made
   * where a layer is read.
   *
   * @param turns in order of their ranges, which do not overlap
   */
  public TorchScriptModule inferenceModule(
      String className, Map<String, HostTensor> base, List<Turn> turns, NetworkForm wanted) {
    NetworkForm form = network.inferenceForm(wanted);
    Map<String, Attribute> attributes =
        new LinkedHashMap<>(network.attributes("", base, "The base", form, Parameter::new));
    String forward = network.method("forward", form, false, Precision.FP32);
    for (Pair pair : pairs()) {
      String w = WeightTensors.attribute(pair.updated());
      String a = WeightTensors.attribute(pair.a());
      String b = WeightTensors.attribute(pair.b());
      attributes.put(a, new Parameter(stacked(turns, pair.a()), MemoryFormat.CONTIGUOUS));
      attributes.put(b, new Parameter(stacked(turns, pair.b()), MemoryFormat.CONTIGUOUS));
      forward =
          forward.replaceAll(
              "\\bself\\.%s\\b".formatted(w),
              "(self).updated(self.%s, self.%s, self.%s, turn)".formatted(w, a, b));
    }
    long[] ends = turns.stream().mapToLong(turn -> turn.range().high()).toArray();
    attributes.put("ends", new Buffer(HostTensor.ofLongs(ends, ends.length)));
    int header = forward.indexOf('\n') + 1;
    String methods =
        forward.substring(0, header)
            + "  turn = torch.reshape(torch.sum(torch.le(self.ends, torch.slice(t, 0, 0, 1, 1))), [1])\n"
            + forward.substring(header)
            + """
            def updated(self, w: Tensor, a: Tensor, b: Tensor, turn: Tensor) -> Tensor:
              a_of = torch.select(torch.index_select(a, 0, turn), 0, 0)
              b_of = torch.select(torch.index_select(b, 0, turn), 0, 0)
              return torch.add(w, torch.reshape(torch.mm(b_of, a_of), torch.size(w)))
            """;
    return new TorchScriptModule(className, methods, attributes);
  }

  /** The same tensor of each turn, [turns, …]. */
  private static HostTensor stacked(List<Turn> turns, Weight weight) {
    int each = Math.toIntExact(weight.elements());
    float[] all = new float[turns.size() * each];
    for (int i = 0; i < turns.size(); i++) {
      System.arraycopy(turns.get(i).update().get(weight.name()).toFloats(), 0, all, i * each, each);
    }
    return HostTensor.ofFloats(all, turns.size(), weight.dimensions()[0], weight.dimensions()[1]);
  }

  /**
   * A and B as {@code load_lora_adapter} of diffusers reads them: A of a convolution is one with
   * its kernel, B a pointwise one.
   */
  public Map<String, HostTensor> asDiffusers(Map<String, HostTensor> update) {
    Map<String, HostTensor> tensors = new LinkedHashMap<>();
    for (Pair pair : pairs()) {
      long[] shape = pair.updated().dimensions().clone();
      long out = shape[0];
      shape[0] = rank;
      long[] last = shape.length > 2 ? new long[] {out, rank, 1, 1} : new long[] {out, rank};
      tensors.put(
          pair.a().name(), HostTensor.ofFloats(update.get(pair.a().name()).toFloats(), shape));
      tensors.put(
          pair.b().name(), HostTensor.ofFloats(update.get(pair.b().name()).toFloats(), last));
    }
    return tensors;
  }
}
