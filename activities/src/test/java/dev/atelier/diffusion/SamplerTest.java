package dev.atelier.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.spec.DiffusionSpec.Schedule;
import dev.atelier.spec.DiffusionSpecBuilder;
import dev.atelier.spec.EvaluationSpec.SamplerSpec;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Kind;
import dev.atelier.spec.EvaluationSpec.SamplerSpec.Spacing;
import dev.atelier.spec.Prediction;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whole trajectories, against diffusers ({@code sampler_fixtures.py}, {@code
 * prediction_fixtures.py}, {@code solver_fixtures.py}) and an exact solution.
 */
class SamplerTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final double MEAN = 0.1; // of the normal data of the exact solution
  private static final double DEVIATION = 0.2;
  private static final double[] Z = {-2.5, -1.2, -0.3, 0.4, 1.1, 2.2};
  private static final int BOUNDARY = 500;
  private static final int NEVER = -1;

  private static JsonNode fixture(String name) throws Exception {
    try (InputStream in =
        SamplerTest.class.getResourceAsStream("/diffusion/%s.json".formatted(name))) {
      return JSON.readTree(in);
    }
  }

  static Stream<Arguments> trajectories() throws Exception {
    List<JsonNode> cases = new ArrayList<>();
    for (String name : List.of("samplers", "predictions", "solvers")) {
      fixture(name).get("cases").forEach(cases::add);
    }
    return cases.stream()
        .map(
            c ->
                Arguments.of(
                    schedule(
                        JSON.convertValue(c.get("schedule"), Schedule.class),
                        c.path("endsInNoise").asBoolean()),
                    new SamplerSpec(
                        JSON.convertValue(c.get("kind"), Kind.class),
                        c.get("steps").asInt(),
                        JSON.convertValue(c.get("spacing"), Spacing.class),
                        c.get("eta").asDouble(),
                        c.path("clip").asBoolean(true)),
                    c.has("prediction")
                        ? JSON.convertValue(c.get("prediction"), Prediction.class)
                        : Prediction.EPS,
                    JSON.convertValue(c.get("x"), double[].class)));
  }

  @ParameterizedTest
  @MethodSource("trajectories")
  void shouldEqualDiffusersWhenAWholeTrajectoryRuns(
      NoiseSchedule schedule, SamplerSpec spec, Prediction prediction, double[] expected)
      throws Exception {
    double[] start = JSON.convertValue(fixture("samplers").get("start"), double[].class);
    double[] x = Trajectories.run(spec, schedule, start, Trajectories.ANALYTIC, prediction);
    for (int i = 0; i < x.length; i++) {
      // Without clipping pixels grow far beyond 1, and float32 rounds in proportion.
      assertThat(x[i]).isCloseTo(expected[i], within(1e-5 * Math.max(1, Math.abs(expected[i]))));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {10, 20})
  void shouldBeMoreAccurateThanDdimAndThanARestartWhenEpsIsExact(int steps) {
    Trajectories.Model exact = exact();
    double kept = error(spec(Kind.DPM_SOLVER_PLUS_PLUS, steps), exact, NEVER);
    assertThat(kept).isLessThan(0.5 * error(spec(Kind.DDIM, steps), exact, NEVER));
    assertThat(kept).isLessThan(error(spec(Kind.DPM_SOLVER_PLUS_PLUS, steps), exact, BOUNDARY));
  }

  @ParameterizedTest
  @CsvSource({"10, 0.001", "10, 0.01", "20, 0.001", "20, 0.01", "50, 0.01", "100, 0.01"})
  void shouldMoveLessThanOneModelsErrorWhenStudentsDifferAtTheBoundary(int steps, double delta) {
    SamplerSpec spec = spec(Kind.DPM_SOLVER_PLUS_PLUS, steps);
    Trajectories.Model exact = exact();
    Trajectories.Model students = (x, t) -> exact.at(x, t) + (t < BOUNDARY ? delta : -delta);
    Trajectories.Model oneStudent = (x, t) -> exact.at(x, t) + delta;
    double[] clean = partial(spec, exact, NEVER);
    double kept = distance(partial(spec, students, NEVER), clean);
    assertThat(kept).isPositive();
    assertThat(kept).isLessThan(distance(partial(spec, students, BOUNDARY), clean));
    assertThat(kept).isLessThan(0.2 * distance(partial(spec, oneStudent, NEVER), clean));
  }

  @Test
  void shouldAskForOneNoisePerElementWhenAStepIsStochastic() {
    NoiseSchedule schedule = schedule(Schedule.LINEAR);
    for (Sampler sampler :
        new Sampler[] {
          new DdpmSampler(schedule, true, Optional.empty()), new DdimSampler(schedule, 1, true)
        }) {
      int[] asked = {0};
      FloatBuffer x = FloatBuffer.allocate(5);
      sampler.begin(5).step(x, new double[5], new double[5], 500, 400, () -> asked[0]++);
      assertThat(asked[0]).isEqualTo(5);
      sampler.begin(5).step(x, new double[5], new double[5], 500, -1, () -> asked[0]++);
      assertThat(asked[0]).isEqualTo(5); // the last step adds none
    }
  }

  /** Largest distance from the exact solution before the last step, which is always first order. */
  private static double error(SamplerSpec spec, Trajectories.Model model, int restartBelow) {
    NoiseSchedule schedule = schedule(Schedule.LINEAR);
    SamplerPlan plan = SamplerPlan.of(spec, schedule.timesteps());
    int last = plan.timesteps().get(plan.size() - 1);
    return distance(partial(spec, model, restartBelow), noisy(schedule, last));
  }

  private static double[] partial(SamplerSpec spec, Trajectories.Model model, int restartBelow) {
    NoiseSchedule schedule = schedule(Schedule.LINEAR);
    return Trajectories.run(
        spec, schedule, noisy(schedule, 999), model, Prediction.EPS, restartBelow, 1);
  }

  private static NoiseSchedule schedule(Schedule kind) {
    return schedule(kind, false);
  }

  private static NoiseSchedule schedule(Schedule kind, boolean endsInNoise) {
    return NoiseSchedule.of(
        DiffusionSpecBuilder.builder()
            .timesteps(1000)
            .schedule(kind)
            .betaStart(1e-4)
            .betaEnd(0.02)
            .zeroTerminalSnr(Optional.of(endsInNoise))
            .build());
  }

  private static SamplerSpec spec(Kind kind, int steps) {
    return new SamplerSpec(kind, steps, Spacing.TRAILING, 0.0);
  }

  private static Trajectories.Model exact() {
    NoiseSchedule schedule = schedule(Schedule.LINEAR);
    return (x, t) -> exact(schedule, x, t);
  }

  /** E[eps | x_t] for pixels from N(MEAN, DEVIATION²). */
  private static double exact(NoiseSchedule schedule, double x, int t) {
    double a = schedule.alphasCumprod(t);
    return Math.sqrt(1 - a) * (x - Math.sqrt(a) * MEAN) / (a * DEVIATION * DEVIATION + 1 - a);
  }

  /** Images at t on the way of the probability-flow ODE to {@code MEAN + DEVIATION * Z}. */
  private static double[] noisy(NoiseSchedule schedule, int t) {
    double a = schedule.alphasCumprod(t);
    return Arrays.stream(Z)
        .map(z -> Math.sqrt(a) * MEAN + Math.sqrt(a * DEVIATION * DEVIATION + 1 - a) * z)
        .toArray();
  }

  private static double distance(double[] a, double[] b) {
    double largest = 0;
    for (int i = 0; i < a.length; i++) {
      largest = Math.max(largest, Math.abs(a[i] - b[i]));
    }
    return largest;
  }
}
