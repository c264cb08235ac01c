package dev.atelier.spec;

/** Which architecture a spec asks for. */
public final class Architectures {

  private Architectures() {}

  public static Architecture of(NetworkSpec spec) {
    Architecture network = ofItsImages(spec);
    return spec.latents()
        .<Architecture>map(latents -> new LatentArchitecture(network, latents))
        .orElse(network);
  }

  private static Architecture ofItsImages(NetworkSpec spec) {
    return spec.transformer()
        .<Architecture>map(transformer -> new DiTArchitecture(spec, transformer))
        .orElseGet(() -> new UNetArchitecture(spec));
  }
}
