package dev.atelier.diffusion;

import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * The timesteps a sampler visits, largest first.
 *
 * <ul>
 *   <li>{@code uniform}: {@code i * floor(T / steps)} for i in [0, steps). Song et al. 2021,
 *       appendix D.2; "leading" in diffusers, with offset 0.
 *   <li>{@code quad}: {@code floor((i * sqrt(0.8 T) / (steps - 1))^2)}, as the public DDIM code,
 *       which the CIFAR-10 figures of Diff-Pruning and its successors use. Timesteps that round to
 *       the same number are visited once.
 *   <li>{@code trailing}: {@code round(T - i * T / steps) - 1}. Lin et al. 2024, table 2.
 * </ul>
 */
public record SamplerPlan(List<Integer> timesteps) {

  public SamplerPlan {
    timesteps = List.copyOf(timesteps);
  }

  /** The plan for a spec over [0, {@code totalTimesteps}). */
  public static SamplerPlan of(SamplerSpec spec, int totalTimesteps) {
    int steps = spec.steps();
    if (steps > totalTimesteps) {
      throw new IllegalArgumentException(
          "sampler.steps must be at most the %d timesteps of the diffusion, found %d."
              .formatted(totalTimesteps, steps));
    }
    TreeSet<Integer> visited = new TreeSet<>();
    for (int i = 0; i < steps; i++) {
      visited.add(
          switch (spec.spacing()) {
            case UNIFORM -> i * (totalTimesteps / steps);
            case QUAD -> quad(i, steps, totalTimesteps);
            case TRAILING ->
                (int) Math.rint(totalTimesteps - (double) i * totalTimesteps / steps) - 1;
          });
    }
    return new SamplerPlan(new ArrayList<>(visited.descendingSet()));
  }

  private static int quad(int i, int steps, int totalTimesteps) {
    if (steps == 1) {
      return 0;
    }
    double last = Math.sqrt(totalTimesteps * 0.8);
    double root = i == steps - 1 ? last : i * (last / (steps - 1));
    return (int) (root * root);
  }

  /** The timestep after the {@code i}-th one, or -1 for the clean image. */
  public int next(int i) {
    return i + 1 < timesteps.size() ? timesteps.get(i + 1) : -1;
  }

  public int size() {
    return timesteps.size();
  }
}
