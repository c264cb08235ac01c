package dev.atelier.diffusion;

import java.util.List;
import java.util.function.IntToLongFunction;

/** Which model each evaluation of a sampler asks, by the range that it owns. */
public final class AskedModels {

  private final int[] owners; // by evaluation: the position of the range
  private final int steps;

  public AskedModels(SamplerPlan plan, List<Sampler.Evaluation> evaluations, ModelRanges ranges) {
    this.owners = evaluations.stream().mapToInt(e -> ranges.owner(e.t())).toArray();
    this.steps = plan.size();
  }

  /**
   * Mean over the sampler's steps of the multiply-accumulates of the models that are asked, for one
   * image.
   *
   * @param macs of one forward pass, by the position of the range
   */
  public double macsPerStep(IntToLongFunction macs) {
    long all = 0;
    for (int owner : owners) {
      all += macs.applyAsLong(owner);
    }
    return (double) all / steps;
  }
}
