package dev.atelier.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.assignment.AssignmentFixture;
import dev.atelier.spec.DiffusionSpec.Schedule;
import dev.atelier.spec.DiffusionSpecBuilder;
import dev.atelier.spec.TimestepRange;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class SnrCutsTest {

  static JsonNode cases() {
    return AssignmentFixture.read("snr");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void shouldCutWhereNumPyDoes(JsonNode expected) {
    Schedule kind = Schedule.valueOf(expected.get("schedule").asText().toUpperCase(Locale.ROOT));
    List<TimestepRange> ranges =
        SnrCuts.ranges(
            schedule(kind, expected.get("timesteps").asInt()), expected.get("students").asInt());

    List<Integer> cuts = new ArrayList<>(List.of(0));
    ranges.forEach(r -> cuts.add(r.high()));
    assertThat(cuts).extracting(Integer::doubleValue).containsExactly(boxed(expected.get("cuts")));
    assertThat(new ModelRanges(ranges, expected.get("timesteps").asInt()).ranges())
        .isEqualTo(ranges);
  }

  @ParameterizedTest
  @EnumSource(Schedule.class)
  void shouldGiveEachRangeOneTimestepWhenThereAreAsManyStudents(Schedule kind) {
    List<TimestepRange> ranges = SnrCuts.ranges(schedule(kind, 12), 12);

    assertThat(ranges).hasSize(12).allMatch(r -> r.length() == 1);
    assertThat(SnrCuts.ranges(schedule(kind, 12), 11)).hasSize(11);
    assertThat(new ModelRanges(SnrCuts.ranges(schedule(kind, 12), 11), 12).timesteps())
        .isEqualTo(12);
  }

  @Test
  void shouldRefuseMoreStudentsThanTimesteps() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SnrCuts.ranges(schedule(Schedule.LINEAR, 10), 11))
        .withMessage("11 students cannot share 10 timesteps.");
  }

  @Test
  void shouldBeZeroWhereSignalAndNoiseAreEqual() {
    NoiseSchedule schedule = schedule(Schedule.COSINE, 1000);
    int t = 0;
    while (schedule.alphasCumprod(t) > 0.5) {
      t++;
    }
    assertThat(SnrCuts.logSnr(schedule, t)).isCloseTo(0, within(0.01));
    assertThat(SnrCuts.logSnr(schedule, 0)).isGreaterThan(9);
  }

  private static NoiseSchedule schedule(Schedule kind, int timesteps) {
    return NoiseSchedule.of(
        DiffusionSpecBuilder.builder().timesteps(timesteps).schedule(kind).build());
  }

  private static Double[] boxed(JsonNode array) {
    return Arrays.stream(AssignmentFixture.doubles(array)).boxed().toArray(Double[]::new);
  }
}
