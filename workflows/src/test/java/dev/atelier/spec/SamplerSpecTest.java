package dev.atelier.spec;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.FinalSigma;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.InitialNoise;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Kind;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Spacing;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Variance;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SamplerSpecTest {

  private static final ObjectMapper JSON = new ObjectMapper().registerModule(new Jdk8Module());
  private static final String EARLIER =
      "{\"kind\":\"ddim\",\"steps\":100,\"spacing\":\"quad\",\"eta\":0.0,\"clip\":true}";

  @Test
  void shouldBeWrittenAsByEarlierVersionsWhenItSaysNothingNew() throws Exception {
    SamplerSpec spec = new SamplerSpec(null, null, null, null);
    assertThat(JSON.writeValueAsString(spec)).isEqualTo(EARLIER);
    assertThat(JSON.readValue(EARLIER, SamplerSpec.class)).isEqualTo(spec);
    SamplerSpec said =
        EvaluationSpecSamplerSpecBuilder.builder(spec)
            .stepsOffset(Optional.of(0))
            .finalSigma(Optional.of(FinalSigma.ZERO))
            .variance(Optional.of(Variance.FIXED_SMALL))
            .initialNoise(Optional.of(InitialNoise.UNIT))
            .build();
    assertThat(said).isEqualTo(spec);
    assertThat(JSON.writeValueAsString(said)).isEqualTo(EARLIER);
  }

  @Test
  void shouldBeReadAsItWasWritten() throws Exception {
    String written =
        "{\"kind\":\"unipc\",\"steps\":20,\"spacing\":\"leading\",\"eta\":0.0,\"clip\":false,\"stepsOffset\":1,\"finalSigma\":\"sigma-min\",\"variance\":\"fixed-large\",\"initialNoise\":\"scheduled\"}";
    SamplerSpec read = JSON.readValue(written, SamplerSpec.class);
    assertThat(read)
        .isEqualTo(
            new SamplerSpec(
                Kind.UNIPC,
                20,
                Spacing.LEADING,
                0.0,
                false,
                Optional.of(1),
                Optional.of(FinalSigma.SIGMA_MIN),
                Optional.of(Variance.FIXED_LARGE),
                Optional.of(InitialNoise.SCHEDULED)));
    assertThat(JSON.writeValueAsString(read)).isEqualTo(written);
  }

  @Test
  void shouldTakeLeadingForUniformWhereBothAreTheSame() {
    for (Kind kind : Kind.values()) {
      assertThat(new SamplerSpec(kind, 20, Spacing.LEADING, null).spacing())
          .isEqualTo(kind.leavesTheLastOut() ? Spacing.LEADING : Spacing.UNIFORM);
    }
    assertThat(new SamplerSpec(Kind.UNIPC, 4, Spacing.LEADING, null).timesteps(1000))
        .containsExactly(200, 400, 600, 800);
    assertThat(new SamplerSpec(Kind.UNIPC, 4, Spacing.LINSPACE, null).timesteps(1000))
        .containsExactly(250, 500, 749, 999);
    assertThat(new SamplerSpec(Kind.DDIM, 4, Spacing.LINSPACE, null).timesteps(1000))
        .containsExactly(0, 333, 666, 999);
  }
}
