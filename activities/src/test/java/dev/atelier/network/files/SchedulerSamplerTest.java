package dev.atelier.network.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.Sampler;
import dev.atelier.diffusion.Sampler.Evaluation;
import dev.atelier.diffusion.SamplerPlan;
import dev.atelier.diffusion.Trajectories;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.FinalSigma;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Kind;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Spacing;
import dev.atelier.spec.EvaluationSpecSamplerSpecBuilder;
import dev.atelier.spec.SpecWord;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Against what diffusers does with its own files, by {@code scheduler_folder_fixtures.py}. */
class SchedulerSamplerTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern VISITED = Pattern.compile("visits t = (\\S+) ");

  private static JsonNode fixture(String name) throws Exception {
    try (InputStream in =
        SchedulerSamplerTest.class.getResourceAsStream("/diffusion/%s.json".formatted(name))) {
      return JSON.readTree(in);
    }
  }

  static Stream<Arguments> folders() throws Exception {
    return cases("cases");
  }

  private static Stream<Arguments> cases(String list) throws Exception {
    return StreamSupport.stream(fixture("scheduler-folders").get(list).spliterator(), false)
        .map(c -> Arguments.of(c.at("/config/_class_name").asText(), c.get("steps").asInt(), c));
  }

  @ParameterizedTest(name = "{0}, {1} steps")
  @MethodSource("folders")
  void shouldSampleWhatDiffusersDoesWithTheFolder(String type, int steps, JsonNode expected)
      throws Exception {
    JsonNode config = expected.get("config");
    DiffusionSpec diffusion = SchedulerConfig.diffusion(config);
    SamplerSpec spec = SchedulerConfig.sampler(config, steps);
    assertThat(SpecWord.of(diffusion.teacherPredicts())).isEqualTo(expected.get("model").asText());
    NoiseSchedule schedule = NoiseSchedule.of(diffusion);
    SamplerPlan plan = SamplerPlan.of(spec, diffusion.timesteps());
    List<Integer> asked =
        Sampler.of(spec, schedule).evaluations(plan).stream().map(Evaluation::t).toList();
    int told = type.startsWith("Flow") ? 1 : 0; // T sigma there
    assertThat(asked.stream().map(t -> t + told).toList())
        .isEqualTo(Arrays.asList(JSON.convertValue(expected.get("timesteps"), Integer[].class)));

    double[] x = sampled(config, steps);
    double[] theirs = JSON.convertValue(expected.get("x"), double[].class);
    for (int i = 0; i < x.length; i++) {
      assertThat(x[i]).isCloseTo(theirs[i], within(1e-5 * Math.max(1, Math.abs(theirs[i]))));
    }
  }

  private static double[] sampled(JsonNode config, int steps) throws Exception {
    DiffusionSpec diffusion = SchedulerConfig.diffusion(config);
    SamplerSpec spec = SchedulerConfig.sampler(config, steps);
    NoiseSchedule schedule = NoiseSchedule.of(diffusion);
    int first = SamplerPlan.of(spec, diffusion.timesteps()).timesteps().get(0);
    double initial = Sampler.initialNoise(spec, schedule, first);
    double[] start = JSON.convertValue(fixture("samplers").get("start"), double[].class);
    return Trajectories.run(
        spec,
        schedule,
        Arrays.stream(start).map(pixel -> pixel * initial).toArray(),
        Trajectories.ANALYTIC,
        diffusion.teacherPredicts());
  }

  /** So each field of a sampler is held by the trajectories above. */
  @ParameterizedTest
  @CsvSource({
    "DDIMScheduler, steps_offset, 0",
    "DDIMScheduler, set_alpha_to_one, true",
    "PNDMScheduler, set_alpha_to_one, true",
    "PNDMScheduler, skip_prk_steps, false",
    "DPMSolverMultistepScheduler, final_sigmas_type, sigma_min",
    "UniPCMultistepScheduler, final_sigmas_type, sigma_min",
    "UniPCMultistepScheduler, timestep_spacing, trailing",
    "DDPMScheduler, variance_type, fixed_small"
  })
  void shouldEndElsewhereWhenAFieldOfTheFolderIsAnother(String type, String field, String other)
      throws Exception {
    for (JsonNode expected : fixture("scheduler-folders").get("cases")) {
      ObjectNode config = expected.get("config").deepCopy();
      if (config.get("_class_name").asText().equals(type)
          && expected.get("steps").asInt() >= 10
          && !config.get(field).asText().equals(other)) {
        config.set(
            field,
            other.matches("[a-z]+_[a-z]+|trailing") ? new TextNode(other) : JSON.readTree(other));
        double[] theirs = JSON.convertValue(expected.get("x"), double[].class);
        double[] x = sampled(config, expected.get("steps").asInt());
        assertThat(Math.abs(x[2] - theirs[2])).isGreaterThan(1e-4);
        return;
      }
    }
    throw new AssertionError("no case of " + type);
  }

  @Test
  void shouldSayWhatStableDiffusionsFolderSays() throws Exception {
    // As runwayml/stable-diffusion-v1-5 has it.
    SamplerSpec spec =
        read(
            """
            {"_class_name": "PNDMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear",
             "beta_start": 0.00085, "num_train_timesteps": 1000, "set_alpha_to_one": false,
             "skip_prk_steps": true, "steps_offset": 1, "trained_betas": null, "clip_sample": false}
            """,
            50);
    assertThat(spec)
        .isEqualTo(
            EvaluationSpecSamplerSpecBuilder.builder()
                .kind(Kind.PLMS)
                .steps(50)
                .spacing(Spacing.UNIFORM)
                .clip(false)
                .stepsOffset(Optional.of(1))
                .finalSigma(Optional.of(FinalSigma.SIGMA_MIN))
                .build());
    assertThat(spec.timesteps(1000)).startsWith(1, 21).endsWith(961, 981).hasSize(50);
  }

  static Stream<Arguments> refused() throws Exception {
    return cases("refused");
  }

  /** Each is a case of the fixture, where diffusers went to these timesteps. */
  @ParameterizedTest(name = "{0}, {1} steps")
  @MethodSource("refused")
  void shouldNameTheSpacingWhoseTimestepsAreNotThere(String type, int steps, JsonNode refused) {
    String reason =
        switch (type + " " + steps) {
          case "EulerDiscreteScheduler 30" ->
              "timestep_spacing is linspace and visits t = 964.55 with 30 steps, supported: leading, trailing, or whole ones";
          case "HeunDiscreteScheduler 50" ->
              "timestep_spacing is linspace and visits t = 978.61 with 50 steps, supported: leading, trailing, or whole ones";
          case "FlowMatchEulerDiscreteScheduler 30" ->
              "_class_name is FlowMatchEulerDiscreteScheduler and visits t = 964.55 with 30 steps, supported: whole ones, of steps that are one more than a divisor of 999";
          case "DDIMScheduler 48" ->
              "timestep_spacing is trailing and visits t = 936 with 48 steps, supported: another number of steps";
          case "EulerDiscreteScheduler 61" ->
              "timestep_spacing is trailing and visits t = -1 with 61 steps, supported: another number of steps";
          case "DDIMScheduler 30" ->
              "timestep_spacing is trailing with 30 steps, whose timesteps are not the 33 apart that DDIMScheduler goes, supported: leading, or trailing with steps that divide 1000";
          case "DDIMScheduler 50" ->
              "timestep_spacing is linspace with 50 steps, whose timesteps are not the 20 apart that DDIMScheduler goes, supported: leading, or trailing with steps that divide 1000";
          case "PNDMScheduler 50" ->
              "timestep_spacing is linspace with 50 steps, whose timesteps are not the 20 apart that PNDMScheduler goes, supported: leading, or trailing with steps that divide 1000";
          case "DDIMScheduler 600" ->
              "steps_offset is 1 with 600 steps, the last of which ends at t = 0, supported: 0";
          default -> throw new AssertionError(type + " " + steps);
        };
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SchedulerConfig.sampler(refused.get("config"), steps))
        .withMessage("scheduler_config.json: " + reason);
    Matcher visited = VISITED.matcher(reason);
    if (visited.find()) {
      double ours = Double.parseDouble(visited.group(1)) + (type.startsWith("Flow") ? 1 : 0);
      assertThat(JSON.convertValue(refused.get("timesteps"), Double[].class))
          .anySatisfy(theirs -> assertThat(theirs).isCloseTo(ours, within(0.006)));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "DDPM | {'variance_type': 'learned_range'} | variance_type is learned_range, supported: fixed_small, fixed_small_log, fixed_large",
        "DDPM | {'variance_type': 'fixed_large_log'} | variance_type is fixed_large_log, supported: fixed_small, fixed_small_log, fixed_large",
        "DDPM | {'thresholding': true, 'sample_max_value': 1.5} | sample_max_value is 1.5, supported: 1.0",
        "DDIM | {'clip_sample_range': 2.0} | clip_sample_range is 2.0, supported: 1.0",
        "DDIM | {'steps_offset': 2} | steps_offset is 2, supported: 0, 1",
        "DDIM | {'timestep_spacing': 'karras'} | timestep_spacing is karras, supported: leading, linspace, trailing",
        "PNDM | {'prediction_type': 'sample', 'rescale_betas_zero_snr': true} | rescale_betas_zero_snr is true, supported: false; prediction_type is sample, supported: epsilon, v_prediction for PNDMScheduler",
        "EulerDiscrete | {'use_karras_sigmas': true, 'interpolation_type': 'log_linear'} | use_karras_sigmas is true, supported: false; interpolation_type is log_linear, supported: linear",
        "EulerDiscrete | {'timestep_type': 'continuous', 'final_sigmas_type': 'half'} | final_sigmas_type is half, supported: zero, sigma_min; timestep_type is continuous, supported: discrete",
        "HeunDiscrete | {'use_beta_sigmas': true} | use_beta_sigmas is true, supported: false",
        "DPMSolverMultistep | {'algorithm_type': 'sde-dpmsolver++', 'solver_order': 3} | solver_order is 3, supported: 2; algorithm_type is sde-dpmsolver++, supported: dpmsolver++",
        "DPMSolverMultistep | {'use_exponential_sigmas': true, 'use_lu_lambdas': true} | use_exponential_sigmas is true, supported: false; use_lu_lambdas is true, supported: false",
        "DPMSolverMultistep | {'lambda_min_clipped': -5.1, 'solver_type': 'heun'} | solver_type is heun, supported: midpoint; lambda_min_clipped is -5.1, supported: -Infinity",
        "DPMSolverMultistep | {'final_sigmas_type': 'sigma_min', 'euler_at_final': true} | euler_at_final is true, supported: false",
        "UniPCMultistep | {'solver_order': 3, 'solver_type': 'bh1', 'predict_x0': false} | solver_order is 3, supported: 2; solver_type is bh1, supported: bh2; predict_x0 is false, supported: true",
        "UniPCMultistep | {'lower_order_final': false, 'disable_corrector': [0], 'use_dynamic_shifting': true} | lower_order_final is false, supported: true; use_dynamic_shifting is true, supported: false; disable_corrector is [0], supported: []",
        "UniPCMultistep | {'solver_p': {'a': 1}} | solver_p is another class, supported: null",
        "FlowMatchEulerDiscrete | {'shift': 3.0, 'use_dynamic_shifting': true} | shift is 3.0, supported: 1.0; use_dynamic_shifting is true, supported: false",
        "EulerAncestralDiscrete | {} | _class_name is EulerAncestralDiscreteScheduler, supported: DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler, HeunDiscreteScheduler, PNDMScheduler, UniPCMultistepScheduler"
      })
  void shouldNameEachFieldThatAsksForWhatIsNotThere(String type, String fields, String reason)
      throws Exception {
    ObjectNode config = JSON.createObjectNode().put("timestep_spacing", "leading");
    config.put("_class_name", type + "Scheduler");
    int steps = type.startsWith("Flow") ? 28 : 20;
    if (!type.startsWith("EulerA")) {
      SamplerSpec usual = SchedulerConfig.sampler(config, steps); // without these fields
      assertThat(usual.steps()).isEqualTo(steps);
    }
    config.setAll((ObjectNode) JSON.readTree(fields.replace('\'', '"')));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SchedulerConfig.sampler(config, steps))
        .withMessage("scheduler_config.json: " + reason);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        // Each says what its class ignores, or takes for the usual.
        "DDIM | {'variance_type': 'learned_range'}", // DiT's: of two halves it takes eps
        "DDIM | {'thresholding': true, 'clip_sample': false, 'dynamic_thresholding_ratio': 0.9}",
        "PNDM | {'use_karras_sigmas': true, 'clip_sample': true, 'skip_prk_steps': true}",
        "DPMSolverMultistep | {'variance_type': 'learned_range', 'solver_type': 'bh2'}",
        "DPMSolverMultistep | {'lower_order_final': false, 'euler_at_final': true}",
        "UniPCMultistep | {'solver_type': 'midpoint', 'solver_p': null, 'disable_corrector': []}",
        "EulerDiscrete | {'use_karras_sigmas': null, 'sigma_min': 0.03, 'clip_sample': true}"
      })
  void shouldReadWhatChangesNothing(String type, String fields) throws Exception {
    ObjectNode config = JSON.createObjectNode().put("timestep_spacing", "leading");
    config.put("_class_name", type + "Scheduler").put("skip_prk_steps", type.equals("PNDM"));
    SamplerSpec usual = SchedulerConfig.sampler(config, 20);
    config.setAll((ObjectNode) JSON.readTree(fields.replace('\'', '"')));
    assertThat(SchedulerConfig.sampler(config, 20)).isEqualTo(usual);
  }

  @Test
  void shouldNameTheStepsThatAreTooMany() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> read("{\"_class_name\": \"DDIMScheduler\"}", 1001))
        .withMessage("scheduler_config.json: num_train_timesteps is 1000, supported: 1001 or more");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> read("{\"_class_name\": \"PNDMScheduler\"}", 3))
        .withMessageContaining("skip_prk_steps is false, supported: true for fewer than 4 steps");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> read("{\"_class_name\": \"PNDMScheduler\"}", 8))
        .withMessageContaining("true for steps of 125 timesteps, which have no middle");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> read("{\"_class_name\": \"DDPMScheduler\", \"steps_offset\": 1}", 1000))
        .withMessageContaining("steps_offset is 1 and visits t = 1000 with 1000 steps");
  }

  private static SamplerSpec read(String config, int steps) throws Exception {
    return SchedulerConfig.sampler(JSON.readTree(config), steps);
  }
}
