package dev.atelier.network.files;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Kind;
import dev.atelier.spec.Prediction;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A {@code scheduler_config.json} of diffusers for a model of ours: the way back of {@link
 * SchedulerSampler}.
 *
 * @param config the file: the model's forward process, and the class that is nearest to the sampler
 * @param differences of that class from the sampler, a clause each, for people; empty: with as many
 *     steps its trajectories are ours
 */
public record SchedulerExport(ObjectNode config, List<String> differences) {

  private static final ObjectMapper JSON = new ObjectMapper().registerModule(new Jdk8Module());

  public SchedulerExport {
    differences = List.copyOf(differences);
  }

  /**
   * The file for a model that predicts what {@code diffusion} says of the teacher.
   *
   * @return empty: no class of diffusers samples from such a model
   */
  public static Optional<SchedulerExport> of(DiffusionSpec diffusion, SamplerSpec sampler) {
    boolean flows = diffusion.schedule() == DiffusionSpec.Schedule.FLOW;
    boolean predictsFlow = diffusion.teacherPredicts() == Prediction.FLOW;
    if (flows != predictsFlow) {
      return Optional.empty();
    }
    ObjectNode config = flows ? flow(diffusion) : betas(diffusion, sampler);
    return Optional.of(new SchedulerExport(config, differences(config, sampler)));
  }

  private static ObjectNode flow(DiffusionSpec diffusion) {
    return JSON.createObjectNode()
        .put("_class_name", "FlowMatchEulerDiscreteScheduler")
        .put("num_train_timesteps", diffusion.timesteps())
        .put("shift", 1.0)
        .put("use_dynamic_shifting", false);
  }

  private static ObjectNode betas(DiffusionSpec diffusion, SamplerSpec sampler) {
    Kind kind = kind(diffusion, sampler.kind());
    ObjectNode config =
        JSON.createObjectNode()
            .put("num_train_timesteps", diffusion.timesteps())
            .put("beta_start", diffusion.betaStart())
            .put("beta_end", diffusion.betaEnd())
            .put("beta_schedule", key(SchedulerConfig.SCHEDULES, diffusion.schedule()))
            .putNull("trained_betas")
            .put("prediction_type", key(SchedulerConfig.PREDICTIONS, diffusion.teacherPredicts()))
            .put("timestep_spacing", spacing(sampler))
            .put("steps_offset", sampler.stepsOffset().orElse(0));
    boolean rescales = diffusion.zeroTerminalSnr().isPresent();
    boolean clips = sampler.clip();
    boolean endsClean = sampler.finalSigma().isEmpty();
    switch (kind) {
      case DDPM ->
          clipping(config.put("_class_name", "DDPMScheduler"), clips)
              .put("variance_type", sampler.variance().isPresent() ? "fixed_large" : "fixed_small")
              .put("rescale_betas_zero_snr", rescales);
      case DDIM ->
          clipping(config.put("_class_name", "DDIMScheduler"), clips)
              .put("set_alpha_to_one", endsClean)
              .put("rescale_betas_zero_snr", rescales);
      case PNDM, PLMS ->
          config
              .put("_class_name", "PNDMScheduler")
              .put("skip_prk_steps", kind == Kind.PLMS)
              .put("set_alpha_to_one", endsClean);
      case HEUN -> clipping(config.put("_class_name", "HeunDiscreteScheduler"), clips);
      case EULER ->
          config
              .put("_class_name", "EulerDiscreteScheduler")
              .put("final_sigmas_type", endsClean ? "zero" : "sigma_min")
              .put("rescale_betas_zero_snr", rescales);
      case DPM_SOLVER_PLUS_PLUS ->
          multistep(config.put("_class_name", "DPMSolverMultistepScheduler"), sampler)
              .put("algorithm_type", "dpmsolver++")
              .put("solver_type", "midpoint")
              .put("rescale_betas_zero_snr", rescales);
      case UNIPC ->
          multistep(config.put("_class_name", "UniPCMultistepScheduler"), sampler)
              .put("solver_type", "bh2")
              .put("predict_x0", true)
              .put("rescale_betas_zero_snr", rescales);
    }
    return config;
  }

  private static ObjectNode clipping(ObjectNode config, boolean clips) {
    return config.put("clip_sample", clips).put("clip_sample_range", 1.0);
  }

  private static ObjectNode multistep(ObjectNode config, SamplerSpec sampler) {
    return config
        .put("solver_order", 2)
        .put("lower_order_final", true)
        .put("final_sigmas_type", sampler.finalSigma().isPresent() ? "sigma_min" : "zero")
        .put("thresholding", sampler.clip())
        .put("sample_max_value", 1.0);
  }

  /** That of the sampler, unless its class in diffusers can't follow the forward process. */
  private static Kind kind(DiffusionSpec diffusion, Kind kind) {
    boolean rescaled = diffusion.zeroTerminalSnr().isPresent();
    return switch (kind) {
      case PNDM, PLMS ->
          rescaled || diffusion.teacherPredicts() == Prediction.X0 ? Kind.DDIM : kind;
      case HEUN -> rescaled ? Kind.DDIM : kind;
      case DDPM, DDIM, DPM_SOLVER_PLUS_PLUS, EULER, UNIPC -> kind;
    };
  }

  private static String spacing(SamplerSpec sampler) {
    return switch (sampler.spacing()) {
      case UNIFORM, QUAD, LEADING -> "leading";
      case TRAILING -> "trailing";
      case LINSPACE -> "linspace";
    };
  }

  private static <V> String key(Map<String, V> words, V value) {
    return words.entrySet().stream()
        .filter(word -> word.getValue() == value)
        .map(Map.Entry::getKey)
        .findFirst()
        .orElseThrow();
  }

  /** By reading the file again. */
  private static List<String> differences(ObjectNode config, SamplerSpec sampler) {
    String type = config.get("_class_name").asText();
    JsonNode theirs;
    try {
      theirs = JSON.valueToTree(SchedulerConfig.sampler(config, sampler.steps()));
    } catch (IllegalArgumentException e) {
      return List.of(e.getMessage());
    }
    JsonNode ours = JSON.valueToTree(sampler);
    List<String> differences = new ArrayList<>();
    Set<String> fields = new LinkedHashSet<>();
    ours.fieldNames().forEachRemaining(fields::add);
    theirs.fieldNames().forEachRemaining(fields::add);
    for (String field : fields) {
      JsonNode own = ours.path(field);
      JsonNode other = theirs.path(field);
      if (!own.equals(other)) {
        differences.add(
            "sampler.%s is %s, in %s %s".formatted(field, shown(own), type, shown(other)));
      }
    }
    return differences;
  }

  private static String shown(JsonNode value) {
    return value.isMissingNode() ? "the default" : value.asText();
  }
}
