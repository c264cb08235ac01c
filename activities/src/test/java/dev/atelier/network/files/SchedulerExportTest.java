package dev.atelier.network.files;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.Sampler;
import dev.atelier.diffusion.SamplerPlan;
import dev.atelier.diffusion.Trajectories;
import dev.atelier.python.Python;
import dev.atelier.python.RequiresPython;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.DiffusionSpec.Schedule;
import dev.atelier.spec.DiffusionSpecBuilder;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.FinalSigma;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.InitialNoise;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Kind;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Spacing;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Variance;
import dev.atelier.spec.EvaluationSpecSamplerSpecBuilder;
import dev.atelier.spec.Prediction;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SchedulerExportTest {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final double[] START = {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5};

  @TempDir Path directory;

  private static List<SamplerSpec> samplers(Kind kind) {
    List<SamplerSpec> samplers = new ArrayList<>();
    for (Spacing spacing : Spacing.values()) {
      for (int steps : new int[] {20, 28}) {
        for (boolean clip : new boolean[] {true, false}) {
          var plain =
              EvaluationSpecSamplerSpecBuilder.builder()
                  .kind(kind)
                  .steps(steps)
                  .spacing(spacing)
                  .clip(clip);
          samplers.add(plain.build());
          if (spacing.takesOffset()) {
            samplers.add(plain.stepsOffset(Optional.of(1)).build());
          }
          if (kind.hasFinalSigma()) {
            samplers.add(plain.finalSigma(Optional.of(FinalSigma.SIGMA_MIN)).build());
          }
          if (kind.hasInitialNoise()) {
            samplers.add(plain.initialNoise(Optional.of(InitialNoise.SCHEDULED)).build());
          }
          if (kind == Kind.DDPM) {
            samplers.add(plain.variance(Optional.of(Variance.FIXED_LARGE)).build());
          }
          if (kind == Kind.DDIM) {
            samplers.add(plain.eta(0.5).build());
          }
        }
      }
    }
    return samplers;
  }

  private static List<DiffusionSpec> processes() {
    List<DiffusionSpec> processes = new ArrayList<>();
    for (Schedule schedule : List.of(Schedule.LINEAR, Schedule.COSINE, Schedule.SCALED_LINEAR)) {
      for (Prediction prediction : List.of(Prediction.EPS, Prediction.X0, Prediction.V)) {
        for (boolean zero : new boolean[] {false, true}) {
          if (!zero || prediction != Prediction.EPS) {
            processes.add(process(schedule, prediction, zero));
          }
        }
      }
    }
    return processes;
  }

  private static DiffusionSpec process(Schedule schedule, Prediction prediction, boolean zero) {
    return DiffusionSpecBuilder.builder()
        .schedule(schedule)
        .betaStart(0.00085)
        .betaEnd(0.012)
        .prediction(Optional.of(prediction))
        .zeroTerminalSnr(Optional.of(zero))
        .build();
  }

  /** What diffusers' classes can do, as their documentation and code have it. */
  private static boolean diffusersHas(SamplerSpec s, DiffusionSpec diffusion) {
    boolean zero = diffusion.zeroTerminalSnr().isPresent();
    boolean x0 = diffusion.teacherPredicts() == Prediction.X0;
    boolean twenty = s.steps() == 20; // divides T = 1000; 28 = 1 + 999 / 37
    boolean visits =
        switch (s.spacing()) {
          case QUAD -> false;
          case UNIFORM -> !s.kind().leavesTheLastOut();
          case LEADING -> true;
          case TRAILING ->
              switch (s.kind()) {
                case DDIM, PNDM, PLMS -> twenty;
                case DDPM, DPM_SOLVER_PLUS_PLUS, UNIPC, EULER, HEUN -> true;
              };
          case LINSPACE ->
              switch (s.kind()) {
                case DDIM, PNDM, PLMS -> false;
                case DDPM, DPM_SOLVER_PLUS_PLUS, UNIPC -> true;
                case EULER, HEUN -> !twenty;
              };
        };
    boolean scheduled = s.spacing() == Spacing.TRAILING || s.spacing() == Spacing.LINSPACE;
    boolean follows =
        switch (s.kind()) {
          case DDPM, DPM_SOLVER_PLUS_PLUS, UNIPC -> true;
          case DDIM -> s.eta() == 0;
          case PNDM -> !s.clip() && !zero && !x0 && twenty; // 28: steps of 35, which is odd
          case PLMS -> !s.clip() && !zero && !x0;
          case EULER -> !s.clip() && s.initialNoise().isPresent() == scheduled;
          case HEUN -> !zero && s.initialNoise().isPresent() == scheduled;
        };
    return visits && follows;
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void shouldReadWhatItWritesAndNameWhatDiffusersLacks(Kind kind) {
    int exact = 0;
    for (DiffusionSpec diffusion : processes()) {
      for (SamplerSpec sampler : samplers(kind)) {
        SchedulerExport written = SchedulerExport.of(diffusion, sampler).orElseThrow();
        assertThat(SchedulerConfig.diffusion(written.config()))
            .as("%s", written)
            .isEqualTo(diffusion);
        assertThat(written.differences().isEmpty())
            .as("%s %s %s", diffusion, sampler, written)
            .isEqualTo(diffusersHas(sampler, diffusion));
        if (written.differences().isEmpty()) {
          exact++;
          assertThat(SchedulerConfig.sampler(written.config(), sampler.steps())).isEqualTo(sampler);
        }
      }
    }
    assertThat(exact).isGreaterThanOrEqualTo(6);
  }

  @Test
  void shouldSayInWhatTheNearestClassDiffers() {
    DiffusionSpec eps = DiffusionSpec.DEFAULTS;
    assertThat(differences(eps, new SamplerSpec(Kind.DDIM, 100, Spacing.QUAD, 0.5)))
        .containsExactly(
            "sampler.spacing is quad, in DDIMScheduler uniform",
            "sampler.eta is 0.5, in DDIMScheduler 0.0");
    assertThat(differences(eps, new SamplerSpec(Kind.EULER, 4, Spacing.TRAILING, 0.0)))
        .containsExactly(
            "sampler.clip is true, in EulerDiscreteScheduler false",
            "sampler.initialNoise is the default, in EulerDiscreteScheduler scheduled");
    assertThat(
            differences(eps, new SamplerSpec(Kind.DPM_SOLVER_PLUS_PLUS, 20, Spacing.UNIFORM, 0.0)))
        .containsExactly("sampler.spacing is uniform, in DPMSolverMultistepScheduler leading");
    assertThat(
            differences(
                process(Schedule.LINEAR, Prediction.V, true),
                new SamplerSpec(Kind.PLMS, 20, Spacing.UNIFORM, 0.0, false)))
        .containsExactly("sampler.kind is plms, in DDIMScheduler ddim");
    assertThat(differences(eps, new SamplerSpec(Kind.HEUN, 30, Spacing.LINSPACE, 0.0, false)))
        .singleElement()
        .asString()
        .contains("timestep_spacing is linspace and visits t = 964.55 with 30 steps");
  }

  private static List<String> differences(DiffusionSpec diffusion, SamplerSpec sampler) {
    return SchedulerExport.of(diffusion, sampler).orElseThrow().differences();
  }

  @Test
  void shouldWriteTheSchedulerOfAFlowForItsPredictionAlone() {
    DiffusionSpec flow = DiffusionSpecBuilder.builder().schedule(Schedule.FLOW).build();
    SamplerSpec euler = new SamplerSpec(Kind.EULER, 28, Spacing.LINSPACE, 0.0, false);
    SchedulerExport written =
        SchedulerExport.of(flow.predicting(Prediction.FLOW), euler).orElseThrow();
    assertThat(written.differences()).isEmpty();
    assertThat(written.config().get("_class_name").asText())
        .isEqualTo("FlowMatchEulerDiscreteScheduler");
    assertThat(SchedulerConfig.diffusion(written.config()).schedule()).isEqualTo(Schedule.FLOW);
    assertThat(SchedulerConfig.sampler(written.config(), 28)).isEqualTo(euler);
    assertThat(SchedulerExport.of(flow.predicting(Prediction.V), euler)).isEmpty();
    assertThat(SchedulerExport.of(DiffusionSpec.DEFAULTS.predicting(Prediction.FLOW), euler))
        .isEmpty();
  }

  @Test
  @RequiresPython
  void shouldGiveDiffusersOurTrajectories() throws Exception {
    ArrayNode cases = JSON.createArrayNode();
    for (Kind kind : Kind.values()) {
      for (DiffusionSpec diffusion : processes()) {
        for (SamplerSpec sampler : samplers(kind)) {
          // Without eps: where x_t is but noise, ours in float32 says another image.
          boolean cosine =
              diffusion.schedule() == Schedule.COSINE
                  && diffusion.teacherPredicts() == Prediction.V;
          boolean counts = cosine || diffusion.schedule() == Schedule.SCALED_LINEAR;
          if (sampler.steps() == 20 && counts && diffusersHas(sampler, diffusion)) {
            cases.add(trajectory(diffusion, sampler));
          }
        }
      }
    }
    assertThat(cases).hasSizeGreaterThan(100);
    JSON.writeValue(directory.resolve("cases.json").toFile(), cases);
    Python.run(
        directory,
        """
        import importlib, inspect, json, numpy as np, torch, diffusers
        torch.set_default_dtype(torch.float64)

        class Double: # a module whose float32 is float64
            def __init__(self, module):
                self.module, self.float32 = module, module.float64
            def __getattr__(self, name):
                return getattr(self.module, name)

        for case in json.load(open("cases.json")):
            config = case["config"]
            kind = getattr(diffusers, config["_class_name"])
            unknown = set(config) - set(inspect.signature(kind.__init__).parameters) - {"_class_name"}
            assert not unknown, unknown
            module = importlib.import_module(kind.__module__)
            module.torch, module.np = Double(torch), Double(np)
            s = kind.from_config(config)
            s.set_timesteps(case["steps"])
            noise = iter(range(case["steps"]))
            module.randn_tensor = lambda *args, **kwargs: torch.tensor(
                [[[1.5 * np.sin(12.9898 * i + 78.233 * k + 1)]] for k in [next(noise)] for i in range(6)])
            x = torch.tensor(case["start"], dtype=torch.float64)[:, None, None] * s.init_noise_sigma
            for t in s.timesteps:
                seen = s.scale_model_input(x, t)
                y = torch.tanh(1.3 * seen + 0.1) + 0.3 * torch.cos(2 * seen + 0.004 * t)
                x = s.step(y, t, x).prev_sample
            x = x.numpy()[:, 0, 0]
            off = np.abs(x - case["x"]) / np.maximum(1, np.abs(case["x"]))
            assert off.max() < 1e-4, (config, case["x"], x) # our pixels are float32 between steps
        """);
  }

  private static ObjectNode trajectory(DiffusionSpec diffusion, SamplerSpec sampler) {
    NoiseSchedule schedule = NoiseSchedule.of(diffusion);
    int first = SamplerPlan.of(sampler, diffusion.timesteps()).timesteps().get(0);
    double initial = Sampler.initialNoise(sampler, schedule, first);
    double[] x =
        Trajectories.run(
            sampler,
            schedule,
            Arrays.stream(START).map(pixel -> pixel * initial).toArray(),
            Trajectories.ANALYTIC,
            diffusion.teacherPredicts());
    ObjectNode written =
        JSON.createObjectNode()
            .put("steps", sampler.steps())
            .set("config", SchedulerExport.of(diffusion, sampler).orElseThrow().config());
    written.set("start", JSON.valueToTree(START));
    written.set("x", JSON.valueToTree(x));
    return written;
  }
}
