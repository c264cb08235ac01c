package dev.atelier.network.torchscript;

import dev.atelier.network.tensors.HostTensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A TorchScript module to be written by {@link TorchScriptArchive}.
 *
 * @param className its class; modules that share one must have the same methods and attribute names
 * @param methods method definitions in TorchScript, not indented, with {@code self} untyped ({@code
 *     def forward(self, x: Tensor) -> Tensor:}); {@code torch.X} means {@code aten::X}
 * @param attributes in order; names without dots
 */
public record TorchScriptModule(
    String className, String methods, Map<String, Attribute> attributes) {

  /** What a module holds under a name. */
  public sealed interface Attribute permits Parameter, Buffer, Submodule {}

  /** How the elements of a tensor lie in libtorch's memory, by c10::MemoryFormat's numbers. */
  public enum MemoryFormat {
    CONTIGUOUS(0), // row-major
    CHANNELS_LAST(2); // [N, C, H, W] with the channels of a pixel side by side

    private final int number;

    MemoryFormat(int number) {
      this.number = number;
    }

    /** The expression that lays {@code tensor} out so. */
    public String of(String tensor) {
      return "torch.contiguous(%s, memory_format=%d)".formatted(tensor, number);
    }
  }

  /** A tensor that training changes by its gradient. */
  public record Parameter(HostTensor tensor, MemoryFormat format) implements Attribute {
    public Parameter(HostTensor tensor) {
      this(tensor, MemoryFormat.CONTIGUOUS);
    }
  }

  /** A tensor without gradient. */
  public record Buffer(HostTensor tensor, MemoryFormat format) implements Attribute {
    public Buffer(HostTensor tensor) {
      this(tensor, MemoryFormat.CONTIGUOUS);
    }
  }

  /** A module of its own. */
  public record Submodule(TorchScriptModule module) implements Attribute {}

  public TorchScriptModule {
    Map<String, Attribute> copy = new LinkedHashMap<>(attributes);
    for (String name : copy.keySet()) {
      if (!name.matches("[A-Za-z_][A-Za-z0-9_]*")) {
        throw new IllegalArgumentException(
            "A TorchScript attribute needs a plain identifier as name, found '%s'."
                .formatted(name));
      }
    }
    attributes = Collections.unmodifiableMap(copy);
  }
}
