package dev.atelier.network.torchscript;

/** Element types by the numbers that TorchScript's text has for them, c10::ScalarType. */
public enum ScalarType {
  FLOAT(6),
  DOUBLE(7),
  BFLOAT16(15);

  private final int number;

  ScalarType(int number) {
    this.number = number;
  }

  public int number() {
    return number;
  }

  /** The expression that makes {@code tensor} one of this type. */
  public String of(String tensor) {
    return "torch.to(%s, %d)".formatted(tensor, number);
  }
}
