package dev.atelier.spec;

/** Which architecture a spec asks for. */
public final class Architectures {

  private Architectures() {}

  public static Architecture of(NetworkSpec spec) {
    return spec.transformer()
        .<Architecture>map(transformer -> new DiTArchitecture(spec, transformer))
        .orElseGet(() -> new UNetArchitecture(spec));
  }
}
