package dev.atelier.network.files;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;

/** {@code scheduler_config.json} of diffusers, written. */
public final class SchedulerFile {

  private SchedulerFile() {}

  /** The process of a model, and how the sampler takes its steps. */
  public static ObjectNode of(DiffusionSpec diffusion, SamplerSpec sampler) {
    ObjectNode config = new ObjectMapper().createObjectNode();
    config.put("_class_name", "DDIMScheduler");
    config.put("num_train_timesteps", diffusion.timesteps());
    config.put(
        "beta_schedule",
        switch (diffusion.schedule()) {
          case LINEAR -> "linear";
          case SCALED_LINEAR -> "scaled_linear";
          case COSINE -> "squaredcos_cap_v2";
          case FLOW -> throw new IllegalArgumentException("flow");
        });
    config.put("beta_start", diffusion.betaStart());
    config.put("beta_end", diffusion.betaEnd());
    config.put("prediction_type", "epsilon");
    config.put("clip_sample", sampler.clip());
    config.put("set_alpha_to_one", true);
    config.put("steps_offset", 0);
    config.put(
        "timestep_spacing",
        sampler.spacing() == SamplerSpec.Spacing.TRAILING ? "trailing" : "leading");
    return config;
  }
}
