package dev.atelier.training;

import dev.atelier.network.NetworkForm;
import dev.atelier.network.libtorch.Libtorch;
import java.util.OptionalLong;

/**
 * What a process computes on.
 *
 * @param name {@code cpu} or {@code cuda:<n>}
 * @param threads that libtorch computes with
 * @param samplingBytes that sampling may use; empty: as {@link AvailableMemory#forSampling} says
 */
public record Device(String name, int threads, OptionalLong samplingBytes) {

  /** Gives libtorch the threads. */
  public void use() {
    Libtorch.useThreads(threads);
  }

  public boolean isGpu() {
    return !name.equals("cpu");
  }

  /** The form of networks that it computes fastest. */
  public NetworkForm form() {
    return NetworkForm.of(name);
  }

  /** Bytes that a batch of samples may take now; empty: any. */
  public OptionalLong memoryForSampling() {
    return AvailableMemory.forSampling(samplingBytes, name);
  }
}
