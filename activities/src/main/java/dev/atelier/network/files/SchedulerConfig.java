package dev.atelier.network.files;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.network.tensors.Listing;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.DiffusionSpecBuilder;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.Prediction;
import dev.atelier.spec.SpecWord;
import dev.atelier.untrusted.OneLine;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * {@code scheduler_config.json} of diffusers: the forward process that a model was trained on, what
 * it predicts, and whether x_0 is clipped. How its sampler takes its steps (spacing, offsets,
 * variance, the shift of a flow's) says nothing of the model: {@link #sampler} alone reads it. An
 * absent field has the default of its class.
 */
final class SchedulerConfig {

  static final String FILE = "scheduler_config.json: ";

  /** Betas of classes that were written for Stable Diffusion, where they are absent. */
  private static final Set<String> LATENT =
      Set.of("HeunDiscreteScheduler", "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler");

  /** Classes with a field clip_sample, and its default; the others never clip by it. */
  static final Map<String, Boolean> CLIP_SAMPLE =
      Map.of(
          "DDPMScheduler", true,
          "DDPMParallelScheduler", true,
          "DDIMScheduler", true,
          "DDIMParallelScheduler", true,
          "DDIMInverseScheduler", true,
          "HeunDiscreteScheduler", false);

  /** Classes with a field thresholding, which with sample_max_value 1 clips x_0. */
  static final Set<String> THRESHOLDS =
      Set.of(
          "DDPMScheduler",
          "DDIMScheduler",
          "DPMSolverMultistepScheduler",
          "UniPCMultistepScheduler");

  /** Other classes whose betas are those of {@link DiffusionSpec}. */
  private static final Set<String> WITHOUT_CLIP =
      Set.of(
          "PNDMScheduler",
          "DEISMultistepScheduler",
          "DPMSolverMultistepScheduler",
          "DPMSolverMultistepInverseScheduler",
          "DPMSolverSinglestepScheduler",
          "UniPCMultistepScheduler",
          "SASolverScheduler",
          "EulerDiscreteScheduler",
          "EulerAncestralDiscreteScheduler",
          "LMSDiscreteScheduler",
          "KDPM2DiscreteScheduler",
          "KDPM2AncestralDiscreteScheduler");

  /** Rectified flow, whose networks are told T sigma, from 1 to T. */
  private static final String FLOW = "FlowMatchEulerDiscreteScheduler";

  static final Map<String, DiffusionSpec.Schedule> SCHEDULES =
      Map.of(
          "linear", DiffusionSpec.Schedule.LINEAR,
          "squaredcos_cap_v2", DiffusionSpec.Schedule.COSINE,
          "scaled_linear", DiffusionSpec.Schedule.SCALED_LINEAR);

  static final Map<String, Prediction> PREDICTIONS =
      Map.of("epsilon", Prediction.EPS, "sample", Prediction.X0, "v_prediction", Prediction.V);

  private static final int MOST_SHOWN = 200; // characters of a value
  private static final double FLOAT_ROUNDING = 1e-6; // of betas that were float32 once

  private final JsonNode config;
  private final String type;
  private final List<String> faults = new ArrayList<>();

  private SchedulerConfig(JsonNode config) {
    this.config = config;
    this.type = config.path("_class_name").asText("DDPMScheduler");
  }

  /**
   * The forward process.
   *
   * @throws IllegalArgumentException listing every field that ours can't express, as a clause
   */
  static DiffusionSpec diffusion(JsonNode config) {
    return new SchedulerConfig(config).diffusion();
  }

  /**
   * Whether x_0 is clipped to [−1, 1]; empty: its class doesn't say.
   *
   * @throws IllegalArgumentException if it is clipped otherwise, as a clause
   */
  static Optional<Boolean> clips(JsonNode config) {
    return new SchedulerConfig(config).clips();
  }

  /**
   * What diffusers does with the file and {@code num_inference_steps} = {@code steps}: its class
   * alone, as some pipelines change a field of it in memory.
   *
   * @throws IllegalArgumentException listing every field of the sampler that asks for what is not
   *     here, as a clause
   */
  static SamplerSpec sampler(JsonNode config, int steps) {
    return SchedulerSampler.read(config, steps);
  }

  /** Whether its networks are told t + 1 where ours are told t. */
  static boolean tellsTheNextTimestep(JsonNode config) {
    return new SchedulerConfig(config).flows();
  }

  /**
   * Refuses a file that disagrees with the spec.
   *
   * @param ours the spec's forward process
   * @param clips whether the spec's sampler clips x_0
   * @throws IllegalArgumentException naming both, as a clause
   */
  static void check(JsonNode config, DiffusionSpec ours, boolean clips) {
    DiffusionSpec theirs = diffusion(config);
    SchedulerConfig found = new SchedulerConfig(config);
    if (!theirs.timesteps().equals(ours.timesteps())) {
      found.differs("num_train_timesteps", theirs.timesteps(), "timesteps", ours.timesteps());
    }
    if (theirs.teacherPredicts() != ours.teacherPredicts()) {
      found.differs(
          found.flows() ? "_class_name" : "prediction_type",
          found.flows() ? FLOW : found.predictionType(),
          "prediction",
          SpecWord.of(ours.teacherPredicts()));
    }
    if (theirs.schedule() != ours.schedule()) {
      found.differs(
          found.flows() ? "_class_name" : "beta_schedule",
          found.flows() ? FLOW : config.path("beta_schedule").asText("linear"),
          "schedule",
          SpecWord.of(ours.schedule()));
    } else if (ours.schedule().readsBetas()) {
      found.requireNear("beta_start", theirs.betaStart(), "betaStart", ours.betaStart());
      found.requireNear("beta_end", theirs.betaEnd(), "betaEnd", ours.betaEnd());
    }
    boolean rescaled = theirs.zeroTerminalSnr().isPresent();
    if (rescaled != ours.zeroTerminalSnr().isPresent()) {
      found.differs("rescale_betas_zero_snr", rescaled, "zeroTerminalSnr", !rescaled);
    }
    boolean differs = !found.faults.isEmpty();
    found
        .clips()
        .filter(theirClip -> theirClip != clips)
        .ifPresent(
            theirClip ->
                found.faults.add(
                    "clip_sample is %s, but evaluation.sampler.clip is %s"
                        .formatted(theirClip, clips)));
    if (!found.faults.isEmpty()) {
      throw new IllegalArgumentException(
          FILE + Listing.of(found.faults) + (differs ? "; the spec needs " + written(theirs) : ""));
    }
  }

  /** As a spec has it. */
  static String written(DiffusionSpec diffusion) {
    return "diffusion: {timesteps: %d, schedule: %s%s%s%s}"
        .formatted(
            diffusion.timesteps(),
            SpecWord.of(diffusion.schedule()),
            diffusion.schedule().readsBetas()
                ? ", betaStart: %s, betaEnd: %s"
                    .formatted(diffusion.betaStart(), diffusion.betaEnd())
                : "",
            diffusion.prediction().map(p -> ", prediction: " + SpecWord.of(p)).orElse(""),
            diffusion.zeroTerminalSnr().isPresent() ? ", zeroTerminalSnr: true" : "");
  }

  private void differs(String field, Object theirs, String ourField, Object ours) {
    faults.add("%s is %s, but diffusion.%s is %s".formatted(field, theirs, ourField, ours));
  }

  private void requireNear(String field, double theirs, String ourField, double ours) {
    if (Math.abs(theirs - ours) > FLOAT_ROUNDING * ours) {
      differs(field, theirs, ourField, ours);
    }
  }

  private boolean flows() {
    return type.equals(FLOW);
  }

  /** A field and what it must be, where it is there. */
  private record Typed(Predicate<JsonNode> fits, String expected) {}

  private static final Typed FLAG =
      new Typed(found -> found.isBoolean() || found.isNull(), "true or false");
  private static final Typed FLAG_ON = new Typed(JsonNode::isBoolean, "true or false");
  private static final Typed WHOLE = new Typed(JsonNode::isInt, "a whole number");
  private static final Typed NUMBER = new Typed(JsonNode::isNumber, "a number");
  private static final Typed WORD = new Typed(JsonNode::isTextual, "a word");
  private static final Typed WORD_OR_NULL =
      new Typed(found -> found.isTextual() || found.isNull(), "a word or null");

  /** In Python null is false; where true is what a field is without, it must say which. */
  private static final Map<String, Typed> TYPES =
      Map.ofEntries(
          Map.entry("_class_name", WORD),
          Map.entry("num_train_timesteps", WHOLE),
          Map.entry("beta_start", NUMBER),
          Map.entry("beta_end", NUMBER),
          Map.entry("beta_schedule", WORD),
          Map.entry("prediction_type", WORD),
          Map.entry("predict_epsilon", FLAG_ON),
          Map.entry("clip_sample", FLAG_ON),
          Map.entry("clip_sample_range", NUMBER),
          Map.entry("thresholding", FLAG),
          Map.entry("sample_max_value", NUMBER),
          Map.entry("rescale_betas_zero_snr", FLAG),
          Map.entry("timestep_spacing", WORD),
          Map.entry("steps_offset", WHOLE),
          Map.entry("set_alpha_to_one", FLAG_ON),
          Map.entry("skip_prk_steps", FLAG),
          Map.entry("variance_type", WORD_OR_NULL), // of DPM-Solver it is null
          Map.entry("final_sigmas_type", WORD),
          Map.entry("lower_order_final", FLAG_ON),
          Map.entry("euler_at_final", FLAG),
          Map.entry("shift", NUMBER),
          Map.entry("use_karras_sigmas", FLAG),
          Map.entry("use_exponential_sigmas", FLAG),
          Map.entry("use_beta_sigmas", FLAG),
          Map.entry("use_lu_lambdas", FLAG),
          Map.entry("use_dynamic_shifting", FLAG),
          Map.entry("stochastic_sampling", FLAG));

  private void requireTypes() {
    new TreeMap<>(TYPES)
        .forEach(
            (field, type) -> {
              if (config.has(field) && !type.fits().test(config.get(field))) {
                fault(field, config.get(field), type.expected());
              }
            });
    refuseFaults();
  }

  private DiffusionSpec diffusion() {
    requireTypes();
    if (flows()) {
      return flow();
    }
    if (!CLIP_SAMPLE.containsKey(type) && !WITHOUT_CLIP.contains(type)) {
      throw new IllegalArgumentException(
          "%s_class_name is %s, supported: %s"
              .formatted(
                  FILE,
                  OneLine.of(type, MOST_SHOWN),
                  String.join(
                      ", ",
                      Stream.of(CLIP_SAMPLE.keySet(), WITHOUT_CLIP, Set.of(FLOW))
                          .flatMap(Set::stream)
                          .sorted()
                          .toList())));
    }
    require("use_flow_sigmas", "false");
    require("trained_betas", "null");
    String predicted = predictionType();
    if (!PREDICTIONS.containsKey(predicted)) {
      fault("prediction_type", predicted, String.join(", ", new TreeSet<>(PREDICTIONS.keySet())));
    }
    String schedule = config.path("beta_schedule").asText("linear");
    if (!SCHEDULES.containsKey(schedule)) {
      fault("beta_schedule", schedule, "linear, scaled_linear or squaredcos_cap_v2 (cosine)");
    }
    int timesteps = timesteps();
    double start = beta("beta_start", LATENT.contains(type) ? 0.00085 : 1e-4);
    double end = beta("beta_end", LATENT.contains(type) ? 0.012 : 0.02);
    refuseFaults();
    return DiffusionSpecBuilder.builder()
        .timesteps(timesteps)
        .schedule(SCHEDULES.get(schedule))
        .betaStart(start)
        .betaEnd(end)
        .prediction(Optional.of(PREDICTIONS.get(predicted)))
        .zeroTerminalSnr(Optional.of(config.path("rescale_betas_zero_snr").asBoolean(false)))
        .build();
  }

  /** Where sigma is told, which of them a sampler visits says nothing of the model. */
  private DiffusionSpec flow() {
    require("invert_sigmas", "false");
    int timesteps = timesteps();
    refuseFaults();
    return DiffusionSpecBuilder.builder()
        .timesteps(timesteps)
        .schedule(DiffusionSpec.Schedule.FLOW)
        .prediction(Optional.of(Prediction.FLOW))
        .build();
  }

  private int timesteps() {
    JsonNode steps = config.path("num_train_timesteps");
    int timesteps = steps.isMissingNode() ? 1000 : steps.asInt();
    if (timesteps < 10 || timesteps > 10_000) {
      fault("num_train_timesteps", steps, "10 to 10000");
    }
    return timesteps;
  }

  private void refuseFaults() {
    if (!faults.isEmpty()) {
      throw new IllegalArgumentException(FILE + Listing.of(faults));
    }
  }

  private String predictionType() {
    boolean predictsEps = config.path("predict_epsilon").asBoolean(true); // before diffusers 0.9
    return config.path("prediction_type").asText(predictsEps ? "epsilon" : "sample");
  }

  private double beta(String field, double absent) {
    JsonNode found = config.path(field);
    double beta = found.isMissingNode() ? absent : found.asDouble();
    if (!(beta > 0 && beta < 1)) {
      fault(field, found, "a number above 0 and below 1");
    }
    return beta;
  }

  private Optional<Boolean> clips() {
    if (THRESHOLDS.contains(type) && config.path("thresholding").asBoolean(false)) {
      boolean plain = config.path("sample_max_value").asDouble(1) == 1;
      return plain ? Optional.of(true) : Optional.empty(); // else by more than its range
    }
    if (!CLIP_SAMPLE.containsKey(type)) {
      return Optional.empty();
    }
    boolean clips = config.path("clip_sample").asBoolean(CLIP_SAMPLE.get(type));
    double most = config.path("clip_sample_range").asDouble(1);
    if (clips && most != 1) {
      throw new IllegalArgumentException(
          "%sclip_sample_range is %s, supported: 1.0".formatted(FILE, most));
    }
    return Optional.of(clips);
  }

  private void require(String field, String supported) {
    JsonNode found = config.path(field);
    if (!found.isMissingNode() && !found.asText().equals(supported)) {
      fault(field, found.isContainerNode() ? "a list" : found.asText(), supported);
    }
  }

  private void fault(String field, Object found, String supported) {
    faults.add(
        "%s is %s, supported: %s"
            .formatted(field, OneLine.of(String.valueOf(found), MOST_SHOWN), supported));
  }
}
