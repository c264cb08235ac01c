package dev.atelier.local;

import java.util.Map;
import java.util.TreeMap;

/**
 * The device of the local workers, from {@code ATELIER_WORKER_DEVICE} ({@code cpu} or {@code
 * cuda:<n>}) and {@code ATELIER_WORKER_TF32} ({@code true} or {@code false}).
 *
 * @param name as above
 * @param tf32 whether matrix products and convolutions of a GPU may round to TensorFloat-32
 */
record WorkerDevice(String name, boolean tf32) {

  /**
   * Reads it from the environment of the stack.
   *
   * @throws IllegalArgumentException naming the variable that is neither
   */
  static WorkerDevice of(Map<String, String> environment) {
    String name = environment.getOrDefault("ATELIER_WORKER_DEVICE", "cpu");
    if (!name.matches("cpu|cuda:[0-9]{1,3}")) {
      throw new IllegalArgumentException(
          "ATELIER_WORKER_DEVICE must be cpu or cuda:<n>, found '%s'.".formatted(name));
    }
    String tf32 = environment.getOrDefault("ATELIER_WORKER_TF32", "false");
    if (!tf32.matches("true|false")) {
      throw new IllegalArgumentException(
          "ATELIER_WORKER_TF32 must be true or false, found '%s'.".formatted(tf32));
    }
    return new WorkerDevice(name, tf32.equals("true"));
  }

  /** What a worker's environment says of it: a worker sees its own GPU alone, as the first one. */
  Map<String, String> environment() {
    Map<String, String> environment = new TreeMap<>();
    if (name.equals("cpu")) {
      environment.put("ATELIER_WORKER_DEVICE", "cpu");
    } else {
      environment.put("ATELIER_WORKER_DEVICE", "cuda:0");
      environment.put("CUDA_VISIBLE_DEVICES", name.substring("cuda:".length()));
      // Both are read by libtorch and NVIDIA's libraries when they start.
      if (tf32) {
        environment.put("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "1");
      } else {
        environment.put("NVIDIA_TF32_OVERRIDE", "0");
      }
    }
    return environment;
  }
}
