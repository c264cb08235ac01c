package dev.atelier.diffusion;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.diffusion.Sampler.Evaluation;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.TimestepRange;
import java.util.List;
import org.junit.jupiter.api.Test;

class AskedModelsTest {

  private static final ModelRanges HALVES =
      new ModelRanges(List.of(new TimestepRange(0, 50), new TimestepRange(50, 100)), 100);

  /** Four steps at 75, 50, 25 and 0: each model is asked twice. */
  @Test
  void shouldCountWhatEachStepAsks() {
    assertThat(asked(SamplerSpec.Kind.DDIM, 4).macsPerStep(range -> range == 0 ? 10 : 30))
        .isEqualTo((10 + 10 + 30 + 30) / 4.0);
  }

  @Test
  void shouldCountEveryEvaluationOfASamplerThatAsksTwiceAStep() {
    SamplerPlan plan = plan(SamplerSpec.Kind.HEUN, 4);
    List<Evaluation> evaluations = evaluations(SamplerSpec.Kind.HEUN, plan);
    assertThat(evaluations).hasSizeGreaterThan(plan.size());
    assertThat(asked(SamplerSpec.Kind.HEUN, 4).macsPerStep(range -> 10))
        .isEqualTo(evaluations.size() * 10.0 / plan.size());
  }

  @Test
  void shouldCountOneEvaluationAStepWhereTheNextOneCorrects() {
    assertThat(asked(SamplerSpec.Kind.UNIPC, 4).macsPerStep(range -> 10)).isEqualTo(10);
  }

  private static SamplerPlan plan(SamplerSpec.Kind kind, int steps) {
    return SamplerPlan.of(new SamplerSpec(kind, steps, SamplerSpec.Spacing.UNIFORM, null), 100);
  }

  private static List<Evaluation> evaluations(SamplerSpec.Kind kind, SamplerPlan plan) {
    return Sampler.of(
            new SamplerSpec(kind, plan.size(), SamplerSpec.Spacing.UNIFORM, null),
            NoiseSchedule.of(new DiffusionSpec(100, null, null, null)))
        .evaluations(plan);
  }

  private static AskedModels asked(SamplerSpec.Kind kind, int steps) {
    SamplerPlan plan = plan(kind, steps);
    return new AskedModels(plan, evaluations(kind, plan), HALVES);
  }
}
