package dev.atelier.network;

/** How a network's TorchScript is written: the same numbers up to rounding, at another speed. */
public enum NetworkForm {
  /** One line per layer, gradients by autograd: for any device, and for people to read. */
  PORTABLE,
  /** Channels-last, with the backward pass written out: for CPUs. */
  CPU;

  /** The faster form for a device: {@code cpu}, {@code cuda:0}, …. */
  public static NetworkForm of(String device) {
    return device.equals("cpu") ? CPU : PORTABLE;
  }
}
