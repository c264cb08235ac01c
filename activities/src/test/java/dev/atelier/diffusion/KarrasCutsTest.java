package dev.atelier.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.assignment.AssignmentFixture;
import dev.atelier.spec.DiffusionSpec.Schedule;
import dev.atelier.spec.DiffusionSpecBuilder;
import dev.atelier.spec.TimestepRange;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class KarrasCutsTest {

  static JsonNode cases() {
    return AssignmentFixture.read("karras");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void shouldCutAtTheNoiseLevelsOfDiffusers(JsonNode expected) {
    Schedule kind = Schedule.valueOf(expected.get("schedule").asText().toUpperCase(Locale.ROOT));
    List<TimestepRange> ranges =
        KarrasCuts.ranges(
            schedule(kind, expected.get("timesteps").asInt()), expected.get("students").asInt());

    assertThat(ranges.get(0).low()).isZero();
    assertThat(ranges)
        .extracting(range -> (double) range.high())
        .containsExactly(
            Arrays.stream(AssignmentFixture.doubles(expected.get("cuts")))
                .skip(1)
                .boxed()
                .toArray(Double[]::new));
  }

  @ParameterizedTest
  @EnumSource(Schedule.class)
  void shouldGiveEachRangeOneTimestepWhenThereAreAsManyStudents(Schedule kind) {
    assertThat(KarrasCuts.ranges(schedule(kind, 12), 12))
        .hasSize(12)
        .allMatch(r -> r.length() == 1);
  }

  @Test
  void shouldRefuseMoreStudentsThanTimesteps() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> KarrasCuts.ranges(schedule(Schedule.LINEAR, 10), 11))
        .withMessage("11 students cannot share 10 timesteps.");
  }

  private static NoiseSchedule schedule(Schedule kind, int timesteps) {
    return NoiseSchedule.of(
        DiffusionSpecBuilder.builder().timesteps(timesteps).schedule(kind).build());
  }
}
