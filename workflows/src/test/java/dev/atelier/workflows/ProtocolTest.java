package dev.atelier.workflows;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.EvaluationSpec.Classes;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpecSamplerSpecBuilder;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ProtocolTest {

  @Test
  void shouldNotWarnWhenOnlySeedAndCodeDiffer() {
    assertThat(Protocol.warning(List.of(protocol(500, 25, 1, "a"), protocol(500, 25, 2, "b"))))
        .isEmpty();
    assertThat(Protocol.warning(List.of())).isEmpty();
  }

  @Test
  void shouldNameEachFieldThatDiffersWithItsValues() {
    assertThat(
            Protocol.warning(
                List.of(
                    protocol(500, 25, 1, "a"),
                    protocol(256, 50, 1, "a"),
                    protocol(500, 50, 1, "a"))))
        .contains(
            "Figures measured under different protocols don't compare; these differ in: "
                + "samples (500, 256); sampler.steps (25, 50).");
  }

  @Test
  void shouldWarnOfOtherClassesAndOfOtherClipping() {
    assertThat(
            Protocol.warning(
                List.of(conditional(Classes.DATASET, true), conditional(Classes.BALANCED, false))))
        .contains(
            "Figures measured under different protocols don't compare; these differ in: "
                + "sampler.clip (true, false); classes (DATASET, BALANCED).");
  }

  @Test
  void shouldWarnOfOtherStepsOfTheSameSampler() {
    SamplerSpec plain = new SamplerSpec(null, null, SamplerSpec.Spacing.UNIFORM, null);
    SamplerSpec other =
        EvaluationSpecSamplerSpecBuilder.builder(plain)
            .stepsOffset(Optional.of(1))
            .finalSigma(Optional.of(SamplerSpec.FinalSigma.SIGMA_MIN))
            .variance(Optional.of(SamplerSpec.Variance.FIXED_LARGE))
            .initialNoise(Optional.of(SamplerSpec.InitialNoise.SCHEDULED))
            .build();
    assertThat(Protocol.warning(List.of(sampledBy(plain), sampledBy(other))))
        .contains(
            "Figures measured under different protocols don't compare; these differ in: "
                + "sampler.stepsOffset (0, 1); sampler.finalSigma (zero, sigma-min); "
                + "sampler.variance (fixed-small, fixed-large); sampler.initialNoise (unit, scheduled).");
  }

  private static Protocol sampledBy(SamplerSpec sampler) {
    return ProtocolBuilder.builder()
        .samples(0)
        .referenceImages(0)
        .sampler(Optional.of(sampler))
        .build();
  }

  private static Protocol conditional(Classes classes, boolean clip) {
    return ProtocolBuilder.builder()
        .samples(0)
        .referenceImages(0)
        .sampler(Optional.of(new SamplerSpec(null, null, null, null, clip)))
        .classes(Optional.of(classes))
        .build();
  }

  @Test
  void shouldNotWarnOfFieldsThatAnEarlierVersionDidNotKeep() {
    Protocol old =
        ProtocolBuilder.builder()
            .extractor("net.pt")
            .extractorSha256("e".repeat(64))
            .samples(500)
            .referenceImages(0)
            .build();
    assertThat(Protocol.warning(List.of(old, protocol(500, 25, 1, "a")))).isEmpty();
  }

  private static Protocol protocol(int samples, int steps, long seed, String code) {
    return ProtocolBuilder.builder()
        .metric("Fréchet distance (net.pt)")
        .extractor("net.pt")
        .extractorSha256("e".repeat(64))
        .samples(samples)
        .referenceImages(1000)
        .referenceSha256("d".repeat(64))
        .sampler(Optional.of(new SamplerSpec(null, steps, null, null)))
        .seed(Optional.of(seed))
        .codeVersion(code)
        .resolution(Optional.of(16))
        .normalisation(Optional.of("0..255"))
        .kernel(Optional.of(new Protocol.Kernel(100, 256, 2020)))
        .build();
  }
}
