package dev.atelier.spec;

import dev.atelier.graph.Graph;
import dev.atelier.spec.NetworkSpec.LatentsSpec;

/** A network that sees what an autoencoder makes of images, in place of their pixels. */
record LatentArchitecture(Architecture network, LatentsSpec latents) implements Architecture {

  @Override
  public Graph graph(int resolution, int imageChannels, int classes) {
    check(resolution, imageChannels, Faults.REFUSING);
    return network.graph(resolution / latents.reduction(), latents.channels(), classes);
  }

  @Override
  public Graph layout(int resolution, int imageChannels, int classes) {
    return network.layout(resolution / latents.reduction(), latents.channels(), classes);
  }

  @Override
  public void check(int resolution, int imageChannels, Faults faults) {
    if (faults.trusts("latents.reduction")
        && faults.trustsResolution()
        && resolution % latents.reduction() != 0) {
      faults.add(
          "latents.reduction",
          "must divide dataset.resolution %d, found %d."
              .formatted(resolution, latents.reduction()));
    } else if (faults.trusts("latents")) {
      network.check(resolution / latents.reduction(), latents.channels(), faults);
    }
  }
}
