package dev.atelier.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.DiffusionSpec.Schedule;
import dev.atelier.spec.DiffusionSpecBuilder;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Spacing;
import dev.atelier.spec.TimestepRange;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** Against NumPy and diffusers; the fixture comes from {@code diffusion_fixtures.py}. */
class DiffusionTest {
  private static final JsonNode FIXTURE = fixture();

  private static JsonNode fixture() {
    try (InputStream in = DiffusionTest.class.getResourceAsStream("/diffusion/schedules.json")) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private static NoiseSchedule schedule(Schedule kind) {
    return NoiseSchedule.of(new DiffusionSpec(1000, kind, 1e-4, 0.02));
  }

  private static String key(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  @ParameterizedTest
  @EnumSource(value = Schedule.class, mode = Mode.EXCLUDE, names = "FLOW")
  void shouldEqualNumPyWhenBetasAreComputed(Schedule kind) {
    NoiseSchedule schedule = schedule(kind);
    for (int i = 0; i < FIXTURE.get("probes").size(); i++) {
      int t = FIXTURE.get("probes").get(i).asInt();
      assertThat(schedule.beta(t))
          .isCloseTo(FIXTURE.get("betas").get(key(kind)).get(i).asDouble(), within(1e-12));
      double expected = FIXTURE.get("alphasCumprod").get(key(kind)).get(i).asDouble();
      assertThat(schedule.alphasCumprod(t)).isCloseTo(expected, within(1e-12 * expected + 1e-18));
    }
  }

  @Test
  void shouldGoStraightFromTheImageToNoiseWhenItFlows() {
    NoiseSchedule schedule = schedule(Schedule.FLOW);
    assertThat(schedule.timesteps()).isEqualTo(1000);
    for (int t = 0; t < 1000; t++) { // sigmas of FlowMatchEulerDiscreteScheduler, smallest first
      assertThat(schedule.noise(t)).isEqualTo((t + 1) / 1000.0);
      assertThat(schedule.signal(t)).isCloseTo(1 - (t + 1) / 1000.0, within(1e-15));
    }
    assertThat(schedule.signal(999)).isZero();
    assertThat(schedule.noise(-1)).isZero();
    assertThat(schedule.signal(-1)).isEqualTo(1);
  }

  @ParameterizedTest
  @EnumSource(value = Schedule.class, mode = Mode.EXCLUDE, names = "FLOW")
  void shouldEqualDiffusersWhenNothingOfTheImageIsLeft(Schedule kind) {
    NoiseSchedule schedule =
        NoiseSchedule.of(
            DiffusionSpecBuilder.builder()
                .timesteps(1000)
                .schedule(kind)
                .betaStart(1e-4)
                .betaEnd(0.02)
                .zeroTerminalSnr(Optional.of(true))
                .build());
    for (int i = 0; i < FIXTURE.get("probes").size(); i++) {
      double expected = FIXTURE.get("zeroTerminal").get(key(kind)).get(i).asDouble();
      assertThat(schedule.alphasCumprod(FIXTURE.get("probes").get(i).asInt()))
          .isCloseTo(expected, within(1e-10 * expected));
    }
    assertThat(schedule.signal(999)).isZero();
    assertThat(schedule.noise(999)).isEqualTo(1);
    NoiseSchedule divisible = schedule.withSomeSignal();
    assertThat(divisible.signal(999)).isEqualTo(0x1p-12);
    assertThat(divisible.signal(998)).isEqualTo(schedule.signal(998));
  }

  @ParameterizedTest
  @EnumSource(Spacing.class)
  void shouldVisitTheFieldsTimestepsWhenSpacingIsGiven(Spacing spacing) {
    for (int steps : List.of(10, 30, 100)) {
      List<Integer> expected = new ArrayList<>();
      FIXTURE
          .get("timesteps")
          .get(key(spacing) + "-" + steps)
          .forEach(t -> expected.add(t.asInt()));
      assertThat(SamplerPlan.of(new SamplerSpec(null, steps, spacing, 0.0), 1000).timesteps())
          .isEqualTo(expected);
    }
  }

  @Test
  void shouldHaveTheVarianceOfDdpmWhenEtaIsOne() {
    assertThat(new DdimSampler(schedule(Schedule.LINEAR), 1, true).sigma(500, 400))
        .isCloseTo(FIXTURE.get("sigma500to400").asDouble(), within(1e-6));
  }

  @Test
  void shouldDrawOwnTimestepsWithProbabilityPWhenManyAreDrawn() {
    TimestepRange own = new TimestepRange(200, 300);
    SeededRandom random = new SeededRandom(3);
    TimestepSampler sampler = new TimestepSampler(own, 1000, 0.8);
    int n = 40_000;
    int inside = 0;
    for (int i = 0; i < n; i++) {
      int t = sampler.draw(random, i / 100, i % 100);
      assertThat(t).isBetween(0, 999);
      inside += own.contains(t) ? 1 : 0;
    }
    // Own with 0.8, and a tenth of the remaining 0.2.
    assertThat((double) inside / n).isCloseTo(0.82, within(0.008));
    assertThat(sampler.draw(random, 5, 6)).isEqualTo(sampler.draw(new SeededRandom(3), 5, 6));
    TimestepSampler always = new TimestepSampler(own, 1000, 1.0);
    for (int i = 0; i < 1000; i++) {
      assertThat(own.contains(always.draw(random, 0, i))).isTrue();
    }
  }

  @Test
  void shouldBeNormalWhenGaussiansAreDrawn() {
    float[] g = new float[400_000];
    new SeededRandom(1).stream(SeededRandom.Purpose.NOISE, 0, 0).gaussians(g, 0, g.length);
    double m1 = 0;
    double m2 = 0;
    double m3 = 0;
    double m4 = 0;
    int tail = 0;
    for (float v : g) {
      double d = v;
      m1 += d;
      m2 += d * d;
      m3 += d * d * d;
      m4 += d * d * d * d;
      tail += Math.abs(d) > 3.5 ? 1 : 0;
    }
    assertThat(m1 / g.length).isCloseTo(0, within(0.007));
    assertThat(m2 / g.length).isCloseTo(1, within(0.01));
    assertThat(m3 / g.length).isCloseTo(0, within(0.02));
    assertThat(m4 / g.length).isCloseTo(3, within(0.08));
    assertThat((double) tail / g.length).isCloseTo(4.653e-4, within(1.4e-4)); // P(|z| > 3.5)
  }

  @Test
  void shouldDifferWhenAnyPartOfAStreamsNameDiffers() {
    SeededRandom random = new SeededRandom(1);
    long a = random.stream(SeededRandom.Purpose.NOISE, 1, 2).nextLong();
    assertThat(random.stream(SeededRandom.Purpose.NOISE, 1, 2).nextLong()).isEqualTo(a);
    assertThat(random.stream(SeededRandom.Purpose.FLIP, 1, 2).nextLong()).isNotEqualTo(a);
    assertThat(random.stream(SeededRandom.Purpose.NOISE, 2, 1).nextLong()).isNotEqualTo(a);
    assertThat(new SeededRandom(2).stream(SeededRandom.Purpose.NOISE, 1, 2).nextLong())
        .isNotEqualTo(a);
  }

  @Test
  void shouldHoldEveryIndexOnceWhenPermuted() {
    int[] order = new SeededRandom(1).permutation(SeededRandom.Purpose.DATA_ORDER, 4, 1000);
    assertThat(order).doesNotHaveDuplicates().hasSize(1000);
    assertThat(order)
        .isNotEqualTo(new SeededRandom(1).permutation(SeededRandom.Purpose.DATA_ORDER, 5, 1000));
  }

  @Test
  void shouldRefuseRangesWhenTheyLeaveAGapOrOverlap() {
    ModelRanges ranges =
        new ModelRanges(List.of(new TimestepRange(0, 300), new TimestepRange(300, 1000)), 1000);
    assertThat(ranges.owner(299)).isZero();
    assertThat(ranges.owner(300)).isEqualTo(1);
    assertThatIllegalArgumentException().isThrownBy(() -> ranges.owner(1000));
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                new ModelRanges(
                    List.of(new TimestepRange(0, 300), new TimestepRange(400, 1000)), 1000))
        .withMessageContaining("expected one that starts at 300, found [400, 1000)");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new ModelRanges(List.of(new TimestepRange(0, 300)), 1000))
        .withMessageContaining("they end at 300");
  }
}
