package dev.atelier.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.spec.DiffusionSpec.Schedule;
import dev.atelier.spec.DiffusionSpecBuilder;
import dev.atelier.spec.Prediction;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class MixtureTest {
  private static final double X0 = 0.3;
  private static final double EPS = -1.7;
  private static final int[] TIMES = {0, 1, 10, 250, 500, 900, 998};

  private static NoiseSchedule schedule(Schedule kind) {
    return NoiseSchedule.of(DiffusionSpecBuilder.builder().timesteps(1000).schedule(kind).build());
  }

  private static double noisy(NoiseSchedule schedule, int t) {
    return schedule.signal(t) * X0 + schedule.noise(t) * EPS;
  }

  static Stream<Arguments> predictions() {
    return Arrays.stream(Schedule.values())
        .flatMap(s -> Arrays.stream(Prediction.values()).map(p -> Arguments.of(s, p)));
  }

  static Stream<Arguments> pairs() {
    return predictions()
        .flatMap(
            arguments ->
                Arrays.stream(Prediction.values())
                    .filter(teacher -> teacher != arguments.get()[1])
                    .map(t -> Arguments.of(arguments.get()[0], arguments.get()[1], t)));
  }

  @ParameterizedTest
  @MethodSource("predictions")
  void shouldGiveBackImageAndNoiseWhenTheTargetIsPredicted(Schedule kind, Prediction prediction) {
    NoiseSchedule schedule = schedule(kind);
    for (int t : TIMES) {
      Mixture mixture = Mixture.of(prediction, schedule, t);
      double xt = noisy(schedule, t);
      double y = mixture.target(X0, EPS);
      assertThat(mixture.x0(xt, y)).isCloseTo(X0, within(1e-9));
      assertThat(mixture.eps(xt, y)).isCloseTo(EPS, within(1e-9));
      double moved = y + 0.01;
      assertThat(mixture.x0(xt, moved) - X0).isCloseTo(0.01 * mixture.x0PerOutput(), within(1e-9));
      assertThat(mixture.eps(xt, moved) - EPS)
          .isCloseTo(0.01 * mixture.epsPerOutput(), within(1e-9));
    }
  }

  @ParameterizedTest
  @MethodSource("pairs")
  void shouldCompareWhereNoErrorGrowsWhenAStudentPredictsOtherwise(
      Schedule kind, Prediction student, Prediction teacher) {
    NoiseSchedule schedule = schedule(kind);
    CommonSpace space = CommonSpace.of(student, teacher, schedule).orElseThrow();
    for (int t = 0; t < schedule.timesteps(); t++) {
      double own = Mixture.of(student, schedule, t).target(X0, EPS);
      double taught = Mixture.of(teacher, schedule, t).target(X0, EPS);
      double compared = space.ofX()[t] * noisy(schedule, t) + space.ofTeacher()[t] * taught;
      assertThat(space.ofStudent()[t] * own).isCloseTo(compared, within(1e-9));
      double largest = Math.max(Math.abs(space.ofStudent()[t]), Math.abs(space.ofTeacher()[t]));
      assertThat(largest).isEqualTo(1);
    }
  }

  @ParameterizedTest
  @EnumSource(Prediction.class)
  void shouldCompareAsTheyAreWhenBothPredictTheSame(Prediction prediction) {
    assertThat(CommonSpace.of(prediction, prediction, schedule(Schedule.LINEAR))).isEmpty();
  }

  @Test
  void shouldKeepTheBitsOfANetworkThatPredictsNoise() {
    NoiseSchedule schedule = schedule(Schedule.LINEAR);
    double xt = 0.123456f;
    double y = -0.654321f;
    Mixture mixture = Mixture.of(Prediction.EPS, schedule, 777);
    double alpha = schedule.alphasCumprod(777);
    assertThat(mixture.eps(xt, y)).isEqualTo(y);
    assertThat(mixture.x0(xt, y)).isEqualTo((xt - Math.sqrt(1 - alpha) * y) / Math.sqrt(alpha));
    assertThat(mixture.target(X0, EPS)).isEqualTo(EPS);
  }
}
