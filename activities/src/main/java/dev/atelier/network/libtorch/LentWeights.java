package dev.atelier.network.libtorch;

import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.network.torchscript.TorchScriptModule;
import dev.atelier.network.torchscript.TorchScriptModule.Attribute;
import dev.atelier.network.torchscript.TorchScriptModule.Buffer;
import dev.atelier.network.torchscript.TorchScriptModule.MemoryFormat;
import dev.atelier.network.torchscript.TorchScriptModule.Parameter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A module without its weights, and the weights, in order: a method {@link #METHOD} takes them from
 * this process's memory. A large network is so neither written to a disk nor held twice.
 */
record LentWeights(TorchScriptModule module, List<HostTensor> weights) {

  static final String METHOD = "take";
  private static final HostTensor NONE = HostTensor.zeros(HostTensor.DType.F32, 0);

  /**
   * Of a module without submodules.
   *
   * @param work a directory for a file of the weights of half precision as float32, which is mapped
   *     and deleted
   */
  static LentWeights of(TorchScriptModule module, Path work) throws IOException {
    Map<String, HostTensor> weights = new LinkedHashMap<>();
    Map<String, Attribute> attributes = new LinkedHashMap<>();
    StringBuilder method = new StringBuilder("def take(self, w: List[Tensor]) -> Tensor:\n");
    module
        .attributes()
        .forEach(
            (name, attribute) -> {
              Buffer weight = buffer(name, attribute);
              String lent = "w[%d]".formatted(weights.size());
              boolean asItLies = weight.format() == MemoryFormat.CONTIGUOUS;
              method.append(
                  "  self.%s = %s\n".formatted(name, asItLies ? lent : weight.format().of(lent)));
              weights.put(name, weight.tensor());
              attributes.put(name, new Buffer(NONE));
            });
    method.append("  return w[0]\n");
    return new LentWeights(
        new TorchScriptModule(module.className(), module.methods() + method, attributes),
        List.copyOf(inFloat32(weights, work).values()));
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

  /** Those of half precision from a file: memory that the system can take back. */
  private static Map<String, HostTensor> inFloat32(Map<String, HostTensor> weights, Path work)
      throws IOException {
    Map<String, HostTensor> halves = new LinkedHashMap<>(weights);
    halves.values().removeIf(weight -> !weight.isHalf());
    if (halves.isEmpty()) {
      return weights;
    }
    Path file = Files.createTempFile(work, "widened", ".safetensors");
    try {
      SafetensorsFile.write(file, halves, Map.of());
      Map<String, HostTensor> all = new LinkedHashMap<>(weights);
      all.putAll(SafetensorsFile.read(file).tensors()); // in the places that they have
      return all;
    } finally {
      Files.delete(file);
    }
  }
}
