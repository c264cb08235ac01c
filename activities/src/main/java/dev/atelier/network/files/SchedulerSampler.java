package dev.atelier.network.files;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.diffusion.Sampler;
import dev.atelier.network.tensors.Listing;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.FinalSigma;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.InitialNoise;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Kind;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Spacing;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Variance;
import dev.atelier.spec.EvaluationSpecSamplerSpecBuilder;
import dev.atelier.untrusted.OneLine;
import java.text.DecimalFormat;
import java.text.DecimalFormatSymbols;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * {@code scheduler_config.json} of diffusers as a sampler: what its class does with so many steps.
 * A field that asks for what is not here is named; an absent one has the default of its class.
 */
final class SchedulerSampler {

  private static final String DDPM = "DDPMScheduler";
  private static final String DDIM = "DDIMScheduler";
  private static final String PNDM = "PNDMScheduler";
  private static final String DPM = "DPMSolverMultistepScheduler";
  private static final String EULER = "EulerDiscreteScheduler";
  private static final String HEUN = "HeunDiscreteScheduler";
  private static final String UNIPC = "UniPCMultistepScheduler";
  private static final String FLOW = "FlowMatchEulerDiscreteScheduler";

  private static final Map<String, Kind> KINDS =
      Map.of(
          DDPM, Kind.DDPM,
          DDIM, Kind.DDIM,
          PNDM, Kind.PNDM,
          DPM, Kind.DPM_SOLVER_PLUS_PLUS,
          EULER, Kind.EULER,
          HEUN, Kind.HEUN,
          UNIPC, Kind.UNIPC,
          FLOW, Kind.EULER);

  private static final Map<String, Spacing> SPACINGS =
      Map.of(
          "leading", Spacing.LEADING,
          "linspace", Spacing.LINSPACE,
          "trailing", Spacing.TRAILING);

  /** Those that diffusers takes for the usual one where a folder has another class's. */
  private static final Set<String> MIDPOINT = Set.of("midpoint", "logrho", "bh1", "bh2");

  private static final Set<String> BH2 = Set.of("bh2", "midpoint", "heun", "logrho");

  private static final Set<String> FIXED_SMALL = Set.of("fixed_small", "fixed_small_log");
  private static final int RUNGE_KUTTA = 4; // fewest steps of PNDM with these

  private final JsonNode config;
  private final String type;
  private final int steps;
  private final int timesteps;
  private final List<String> faults = new ArrayList<>();

  private SchedulerSampler(JsonNode config, int steps) {
    this.config = config;
    this.type = config.path("_class_name").asText(DDPM);
    this.steps = steps;
    this.timesteps = config.path("num_train_timesteps").asInt(1000);
  }

  /**
   * The sampler.
   *
   * @throws IllegalArgumentException listing every field that asks for what is not here, as a
   *     clause
   */
  static SamplerSpec read(JsonNode config, int steps) {
    SchedulerSampler scheduler = new SchedulerSampler(config, steps);
    if (!KINDS.containsKey(scheduler.type)) {
      scheduler.fault(
          "_class_name", scheduler.type, String.join(", ", new TreeSet<>(KINDS.keySet())));
    } else if (steps > scheduler.timesteps) {
      scheduler.fault("num_train_timesteps", scheduler.timesteps, steps + " or more");
    } else {
      SamplerSpec spec = scheduler.spec();
      scheduler.timesteps(spec);
      if (scheduler.faults.isEmpty()) {
        return spec;
      }
    }
    throw new IllegalArgumentException(SchedulerConfig.FILE + Listing.of(scheduler.faults));
  }

  private SamplerSpec spec() {
    Spacing spacing = spacing();
    Kind kind = kind();
    if (!type.equals(DDPM) && !type.equals(DDIM) && !type.equals(PNDM)) {
      forbid("use_karras_sigmas");
      forbid("use_exponential_sigmas");
      forbid("use_beta_sigmas");
    }
    boolean keepsNoise =
        switch (kind) {
          case DDIM, PNDM, PLMS -> !config.path("set_alpha_to_one").asBoolean(kind == Kind.DDIM);
          case EULER, DPM_SOLVER_PLUS_PLUS, UNIPC -> keepsSigma();
          case DDPM, HEUN -> false;
        };
    switch (type) {
      case PNDM -> pndm();
      case DPM -> dpm(keepsNoise);
      case UNIPC -> unipc();
      case EULER -> {
        only("interpolation_type", "linear", Set.of("linear"));
        only("timestep_type", "discrete", Set.of("discrete"));
      }
      case HEUN -> withoutRescaling();
      case FLOW -> flow();
      default -> {} // DDPM and DDIM ask for nothing else
    }
    boolean scheduled =
        (type.equals(EULER) || type.equals(HEUN)) && spacing != Spacing.LEADING; // init_noise_sigma
    return EvaluationSpecSamplerSpecBuilder.builder()
        .kind(kind)
        .steps(steps)
        .spacing(spacing)
        .eta(0.0)
        .clip(clips())
        .stepsOffset(spacing.takesOffset() ? offset() : Optional.empty())
        .finalSigma(keepsNoise ? Optional.of(FinalSigma.SIGMA_MIN) : Optional.empty())
        .variance(type.equals(DDPM) ? variance() : Optional.empty())
        .initialNoise(scheduled ? Optional.of(InitialNoise.SCHEDULED) : Optional.empty())
        .build();
  }

  private Kind kind() {
    boolean plms = type.equals(PNDM) && config.path("skip_prk_steps").asBoolean(false);
    return plms ? Kind.PLMS : KINDS.get(type);
  }

  /** A flow's are told by sigma, which goes evenly from 1 to 1 / T. */
  private Spacing spacing() {
    if (type.equals(FLOW)) {
      return Spacing.LINSPACE;
    }
    boolean older = type.equals(DDPM) || type.equals(DDIM) || type.equals(PNDM);
    String spacing = config.path("timestep_spacing").asText(older ? "leading" : "linspace");
    if (!SPACINGS.containsKey(spacing)) {
      fault("timestep_spacing", spacing, String.join(", ", new TreeSet<>(SPACINGS.keySet())));
    }
    return SPACINGS.getOrDefault(spacing, Spacing.LEADING);
  }

  private Optional<Integer> offset() {
    int offset = config.path("steps_offset").asInt(0);
    if (offset != 0 && offset != 1) {
      fault("steps_offset", offset, "0, 1");
      return Optional.empty();
    }
    return Optional.of(offset);
  }

  private boolean clips() {
    if (config.path("thresholding").asBoolean(false) && SchedulerConfig.THRESHOLDS.contains(type)) {
      double most = config.path("sample_max_value").asDouble(1);
      if (most != 1) {
        fault("sample_max_value", most, "1.0");
      }
      return true;
    }
    boolean clips =
        Optional.ofNullable(SchedulerConfig.CLIP_SAMPLE.get(type))
            .map(absent -> config.path("clip_sample").asBoolean(absent))
            .orElse(false);
    double range = config.path("clip_sample_range").asDouble(1);
    if (clips && range != 1) {
      fault("clip_sample_range", range, "1.0");
    }
    return clips;
  }

  private Optional<Variance> variance() {
    String variance = config.path("variance_type").asText("fixed_small");
    if (variance.equals("fixed_large")) {
      return Optional.of(Variance.FIXED_LARGE);
    }
    if (!FIXED_SMALL.contains(variance)) {
      fault("variance_type", variance, "fixed_small, fixed_small_log, fixed_large");
    }
    return Optional.of(Variance.FIXED_SMALL);
  }

  private boolean keepsSigma() {
    String last = config.path("final_sigmas_type").asText("zero");
    if (!last.equals("zero") && !last.equals("sigma_min")) {
      fault("final_sigmas_type", last, "zero, sigma_min");
    }
    return last.equals("sigma_min");
  }

  private void pndm() {
    withoutRescaling();
    String predicted = config.path("prediction_type").asText("epsilon");
    if (!predicted.equals("epsilon") && !predicted.equals("v_prediction")) {
      fault("prediction_type", predicted, "epsilon, v_prediction for " + type);
    }
    if (kind() == Kind.PNDM && steps < RUNGE_KUTTA) {
      fault("skip_prk_steps", false, "true for fewer than %d steps".formatted(RUNGE_KUTTA));
    } else if (kind() == Kind.PNDM && length() % 2 != 0) {
      fault(
          "skip_prk_steps",
          false,
          "true for steps of %d timesteps, which have no middle".formatted(length()));
    }
  }

  private void dpm(boolean keepsNoise) {
    only("solver_order", "2", Set.of("2"));
    only("algorithm_type", "dpmsolver++", Set.of("dpmsolver++", "deis"));
    only("solver_type", "midpoint", MIDPOINT);
    forbid("use_lu_lambdas");
    forbid("use_dynamic_shifting");
    JsonNode least = config.path("lambda_min_clipped");
    if (least.isNumber() && !Double.isInfinite(least.asDouble())) {
      fault("lambda_min_clipped", least, "-Infinity");
    }
    boolean lower = config.path("lower_order_final").asBoolean(true);
    boolean euler = config.path("euler_at_final").asBoolean(false);
    if (keepsNoise && euler && steps >= Sampler.FEW_STEPS) {
      fault("euler_at_final", true, "false");
    } else if (keepsNoise && !euler && !lower && steps < Sampler.FEW_STEPS) {
      fault("lower_order_final", false, "true");
    }
  }

  private void unipc() {
    only("solver_order", "2", Set.of("2"));
    only("solver_type", "bh2", BH2);
    only("predict_x0", "true", Set.of("true"));
    only("lower_order_final", "true", Set.of("true"));
    forbid("use_dynamic_shifting");
    if (!config.path("disable_corrector").isEmpty()) {
      fault("disable_corrector", config.path("disable_corrector"), "[]");
    }
    only("solver_p", "null", Set.of("null"));
  }

  private void flow() {
    if (config.path("shift").asDouble(1) != 1) {
      fault("shift", config.path("shift"), "1.0");
    }
    forbid("use_dynamic_shifting");
    forbid("stochastic_sampling");
    only("shift_terminal", "null", Set.of("null"));
  }

  private void withoutRescaling() {
    forbid("rescale_betas_zero_snr"); // its class doesn't read it
  }

  /** Where the class would go to other timesteps than the spec, by diffusers' own arithmetic. */
  private void timesteps(SamplerSpec spec) {
    if (!faults.isEmpty()) {
      return; // other fields may say what they are
    }
    String spacing = config.path("timestep_spacing").asText("linspace");
    String field = type.equals(FLOW) ? "_class_name" : "timestep_spacing";
    String found = type.equals(FLOW) ? FLOW : spacing;
    double[] theirs = visited(spec);
    List<Integer> ours = new ArrayList<>(spec.timesteps(timesteps));
    Collections.reverse(ours);
    for (int i = 0; i < theirs.length; i++) {
      boolean whole = theirs[i] == Math.rint(theirs[i]);
      if (i == ours.size() || theirs[i] != ours.get(i) || theirs[i] >= timesteps) {
        String where =
            "%s and visits t = %s with %d steps".formatted(found, shown(theirs[i]), steps);
        if (spec.stepsOffset().isPresent()) {
          fault(
              "steps_offset",
              "1 and visits t = %s with %d steps".formatted(shown(theirs[i]), steps),
              "0");
        } else {
          fault(field, where, instead(whole));
        }
        return;
      }
    }
    if (type.equals(DDIM) || type.equals(PNDM)) {
      stepsOfOneLength(spec, ours);
    }
  }

  private String instead(boolean whole) {
    if (whole) {
      return "another number of steps";
    }
    return type.equals(FLOW)
        ? "whole ones, of steps that are one more than a divisor of " + (timesteps - 1)
        : "leading, trailing, or whole ones";
  }

  /** These go from t to t - floor(T / steps), wherever they are asked next. */
  private void stepsOfOneLength(SamplerSpec spec, List<Integer> visited) {
    boolean even =
        IntStream.range(1, visited.size())
            .allMatch(i -> visited.get(i - 1) - visited.get(i) == length());
    int last = visited.get(visited.size() - 1) - length();
    if (!even) {
      fault(
          "timestep_spacing",
          "%s with %d steps, whose timesteps are not the %d apart that %s goes"
              .formatted(config.path("timestep_spacing").asText(), steps, length(), type),
          "leading, or trailing with steps that divide " + timesteps);
    } else if (last > 0 || (last == 0 && spec.finalSigma().isEmpty())) {
      fault(
          "steps_offset",
          "%d with %d steps, the last of which ends at t = %d"
              .formatted(spec.stepsOffset().orElse(0), steps, last),
          "0");
    }
  }

  private int length() {
    return timesteps / steps;
  }

  /** As NumPy rounds them, largest first. */
  private double[] visited(SamplerSpec spec) {
    boolean more = spec.kind().leavesTheLastOut();
    int parts = more ? steps + 1 : steps;
    int offset = spec.stepsOffset().orElse(0);
    return switch (spec.spacing()) {
      case UNIFORM, LEADING ->
          IntStream.range(0, steps)
              .map(i -> (parts - 1 - i) * (timesteps / parts) + offset)
              .asDoubleStream()
              .toArray();
      case TRAILING -> {
        double length = (double) timesteps / steps;
        double first = timesteps - length;
        yield IntStream.range(0, (int) Math.ceil(timesteps / length)) // np.arange(T, 0, -T / steps)
            .mapToDouble(i -> Math.rint(timesteps + i * (first - timesteps)) - 1)
            .toArray();
      }
      case LINSPACE -> {
        double length = parts == 1 ? 0 : (timesteps - 1.0) / (parts - 1);
        double[] all =
            IntStream.range(0, steps)
                .mapToDouble(i -> i == 0 && parts > 1 ? timesteps - 1 : (parts - 1 - i) * length)
                .toArray();
        boolean rounds = more || type.equals(DDPM) || type.equals(DDIM) || type.equals(PNDM);
        yield IntStream.range(0, steps)
            .mapToDouble(i -> rounds ? Math.rint(all[i]) : all[i])
            .toArray();
      }
      case QUAD -> throw new IllegalStateException("diffusers has no quad");
    };
  }

  private static String shown(double t) {
    return new DecimalFormat("0.##", DecimalFormatSymbols.getInstance(Locale.ROOT)).format(t);
  }

  private void forbid(String field) {
    if (config.path(field).asBoolean(false)) {
      fault(field, true, "false");
    }
  }

  private void only(String field, String absent, Set<String> supported) {
    JsonNode found = config.path(field);
    String said = found.isMissingNode() ? absent : found.asText();
    if (!supported.contains(said)) {
      fault(field, found.isContainerNode() ? "another class" : said, absent);
    }
  }

  private void fault(String field, Object found, String supported) {
    faults.add(
        "%s is %s, supported: %s"
            .formatted(field, OneLine.of(String.valueOf(found), 200), supported));
  }
}
