package dev.atelier.workflows;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.EvaluationSpec.Classes;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
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

  private static Protocol conditional(Classes classes, boolean clip) {
    return new Protocol(
        null,
        null,
        null,
        Optional.empty(),
        0,
        0,
        null,
        Optional.of(new SamplerSpec(null, null, null, null, clip)),
        Optional.empty(),
        null,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.of(classes));
  }

  @Test
  void shouldNotWarnOfFieldsThatAnEarlierVersionDidNotKeep() {
    Protocol old =
        new Protocol(
            null,
            "net.pt",
            "e".repeat(64),
            Optional.empty(),
            500,
            0,
            null,
            Optional.empty(),
            Optional.empty(),
            null,
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Optional.empty());
    assertThat(Protocol.warning(List.of(old, protocol(500, 25, 1, "a")))).isEmpty();
  }

  private static Protocol protocol(int samples, int steps, long seed, String code) {
    return new Protocol(
        "Fréchet distance (net.pt)",
        "net.pt",
        "e".repeat(64),
        Optional.empty(),
        samples,
        1000,
        "d".repeat(64),
        Optional.of(new SamplerSpec(null, steps, null, null)),
        Optional.of(seed),
        code,
        Optional.of(16),
        Optional.of("0..255"),
        Optional.empty(),
        Optional.of(new Protocol.Kernel(100, 256, 2020)),
        Optional.empty(),
        Optional.empty());
  }
}
