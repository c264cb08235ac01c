package dev.atelier.diffusion;

import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The timesteps a sampler visits, largest first. */
public record SamplerPlan(List<Integer> timesteps) {

  public SamplerPlan {
    timesteps = List.copyOf(timesteps);
  }

  /** The plan for a spec over [0, {@code totalTimesteps}). */
  public static SamplerPlan of(SamplerSpec spec, int totalTimesteps) {
    List<Integer> descending = new ArrayList<>(spec.timesteps(totalTimesteps));
    Collections.reverse(descending);
    return new SamplerPlan(descending);
  }

  /** The timestep after the {@code i}-th one, or -1 for the clean image. */
  public int next(int i) {
    return i + 1 < timesteps.size() ? timesteps.get(i + 1) : -1;
  }

  public int size() {
    return timesteps.size();
  }
}
