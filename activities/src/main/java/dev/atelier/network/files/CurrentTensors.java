package dev.atelier.network.files;

import dev.atelier.network.tensors.HostTensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Tensors of any version of diffusers as today's has them, in float32. */
public final class CurrentTensors {

  // The names that diffusers gave the layers of an attention before its version 0.17.
  private static final Pattern DEPRECATED =
      Pattern.compile("(.*attentions\\.\\d+)\\.(query|key|value|proj_attn)\\.(weight|bias)");
  private static final Map<String, String> CURRENT =
      Map.of("query", "to_q", "key", "to_k", "value", "to_v", "proj_attn", "to_out.0");

  private static final Pattern PROJECTION =
      Pattern.compile(
          ".*attentions\\.\\d+\\.(query|key|value|proj_attn|to_q|to_k|to_v|to_out\\.0)\\.weight");

  private CurrentTensors() {}

  /** With today's names and shapes. */
  public static Map<String, HostTensor> of(Map<String, HostTensor> tensors) {
    Map<String, HostTensor> current = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> current.put(name(name), single(asLinear(name, tensor))));
    return current;
  }

  private static String name(String name) {
    Matcher deprecated = DEPRECATED.matcher(name);
    return deprecated.matches()
        ? "%s.%s.%s"
            .formatted(deprecated.group(1), CURRENT.get(deprecated.group(2)), deprecated.group(3))
        : name;
  }

  /** Networks compute in float32. */
  private static HostTensor single(HostTensor tensor) {
    if (tensor.dtype() != HostTensor.DType.F64) {
      return tensor;
    }
    double[] values = tensor.toDoubles();
    float[] rounded = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      rounded[i] = (float) values[i];
    }
    return HostTensor.ofFloats(rounded, tensor.shape());
  }

  /** An attention's 1×1 convolution [out, in, 1, 1] is the linear layer [out, in]. */
  private static HostTensor asLinear(String name, HostTensor tensor) {
    long[] shape = tensor.shape();
    boolean pointwise = shape.length == 4 && shape[2] == 1 && shape[3] == 1;
    return pointwise && PROJECTION.matcher(name).matches()
        ? tensor.reshaped(shape[0], shape[1])
        : tensor;
  }
}
