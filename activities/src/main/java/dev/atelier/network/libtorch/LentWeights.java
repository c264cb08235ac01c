package dev.atelier.network.libtorch;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.torchscript.ScalarType;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.network.torchscript.TorchScriptModule.Attribute;
import dev.atelier.network.torchscript.TorchScriptModule.Buffer;
import dev.atelier.network.torchscript.TorchScriptModule.MemoryFormat;
import dev.atelier.network.torchscript.TorchScriptModule.Parameter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A module without its weights, and the weights: a method {@link #METHOD} takes them, as they are
 * held, from this process's memory. A large network is so neither written to a disk nor held twice.
 */
record LentWeights(TorchScriptModule module, List<HostTensor> weights) {

  static final String METHOD = "take";
  private static final HostTensor NONE = HostTensor.zeros(HostTensor.DType.F32, 0);

  /** Of a module without submodules. */
  static LentWeights of(TorchScriptModule module) {
    List<HostTensor> weights = new ArrayList<>();
    Map<String, Attribute> attributes = new LinkedHashMap<>();
    StringBuilder method = new StringBuilder("def take(self, w: List[Tensor]) -> Tensor:\n");
    module
        .attributes()
        .forEach(
            (name, attribute) -> {
              Buffer weight = buffer(name, attribute);
              String taken =
                  taken("w[%d]".formatted(weights.size()), weight.tensor(), weight.format());
              method.append("  self.%s = %s\n".formatted(name, taken));
              weights.add(weight.tensor());
              attributes.put(name, new Buffer(NONE));
            });
    method.append("  return w[0]\n");
    return new LentWeights(
        new TorchScriptModule(module.className(), module.methods() + method, attributes),
        List.copyOf(weights));
  }

  private static Buffer buffer(String name, Attribute attribute) {
    if (attribute instanceof Parameter parameter) {
      return new Buffer(parameter.tensor(), parameter.format());
    }
    if (attribute instanceof Buffer buffer) {
      return buffer;
    }
    throw new IllegalArgumentException(
        "Expected weights alone, found the module '%s'.".formatted(name));
  }

  /** Half precision becomes float32 there. */
  private static String taken(String lent, HostTensor weight, MemoryFormat format) {
    String wide = weight.half().isPresent() ? ScalarType.FLOAT.of(lent) : lent;
    return format == MemoryFormat.CONTIGUOUS ? wide : format.of(wide);
  }
}
