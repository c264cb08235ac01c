package dev.atelier.spec;

/** Which architecture a spec asks for. */
public final class Architectures {

  private Architectures() {}

  public static Architecture of(NetworkSpec spec) {
    return new UNetArchitecture(spec);
  }
}
