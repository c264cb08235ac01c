package dev.atelier.merging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.merging.ScheduleSearch.Candidate;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ScheduleSearchTest {

  private static final List<String> STUDENTS = List.of("student-1", "student-2", "student-3");
  private static final List<List<String>> OPTIONS =
      List.of(
          List.of("student-1", "student-2", "teacher", "one-to-one"),
          List.of("student-1", "student-2", "student-3", "teacher", "one-to-one"),
          List.of("student-2", "student-3", "teacher", "one-to-one"));
  private static final int ALL = 4 * 5 * 4;
  private static final Map<String, Double> MACS =
      Map.of(
          "teacher",
          100.0,
          "one-to-one",
          20.0,
          "student-1",
          20.0,
          "student-2",
          30.0,
          "student-3",
          10.0);

  private static double macs(List<String> owners) {
    return owners.stream().mapToDouble(MACS::get).average().orElseThrow();
  }

  /** Anything but smooth: a hash of the schedule, less where the teacher owns more. */
  private static double distance(List<String> owners) {
    long teacher = owners.stream().filter("teacher"::equals).count();
    return 50 - 10 * teacher + (owners.hashCode() & 0xFFF) / 100.0;
  }

  private static List<Candidate> search(int evaluations, long seed) throws IOException {
    return ScheduleSearch.search(
        OPTIONS,
        ScheduleSearch.starts(STUDENTS, OPTIONS),
        evaluations,
        new SeededRandom(seed),
        ScheduleSearchTest::macs,
        ScheduleSearchTest::distance);
  }

  private static List<Candidate> every() {
    List<Candidate> every = new ArrayList<>();
    for (String a : OPTIONS.get(0)) {
      for (String b : OPTIONS.get(1)) {
        for (String c : OPTIONS.get(2)) {
          List<String> owners = List.of(a, b, c);
          every.add(new Candidate(owners, distance(owners), macs(owners)));
        }
      }
    }
    return every;
  }

  /** By its definition: a point is on it when no other is better in one and not worse in both. */
  private static List<Candidate> bruteForceFrontier() {
    List<Candidate> frontier = new ArrayList<>();
    for (Candidate c : every()) {
      boolean beaten = false;
      for (Candidate o : every()) {
        boolean noWorse = o.distance() <= c.distance() && o.macsPerStep() <= c.macsPerStep();
        boolean equal = o.distance() == c.distance() && o.macsPerStep() == c.macsPerStep();
        beaten |= noWorse && !equal;
      }
      if (!beaten) {
        frontier.add(c);
      }
    }
    return frontier;
  }

  @Test
  void shouldFindTheFrontierOfBruteForceWhenTheBudgetCoversAll() throws IOException {
    List<Candidate> tried = search(ALL + 100, 5);
    assertThat(tried).containsExactlyInAnyOrderElementsOf(every());
    assertThat(ScheduleSearch.frontier(tried))
        .containsExactlyInAnyOrderElementsOf(bruteForceFrontier())
        .hasSizeBetween(2, ALL - 1);
  }

  @Test
  void shouldBeginWithTheStudentsEachModelAloneAndEachSingleReplacement() {
    assertThat(ScheduleSearch.starts(STUDENTS, OPTIONS))
        .startsWith(
            STUDENTS,
            List.of("student-2", "student-2", "student-2"),
            List.of("teacher", "teacher", "teacher"),
            List.of("one-to-one", "one-to-one", "one-to-one"))
        .contains(
            List.of("teacher", "student-2", "student-3"),
            List.of("student-1", "student-2", "one-to-one"))
        .hasSize(1 + 3 + 9);
  }

  @Test
  void shouldTryNoMoreThanItsBudgetAndRepeatItselfForASeed() throws IOException {
    List<Candidate> tried = search(20, 5);
    assertThat(tried).hasSize(20).doesNotHaveDuplicates();
    assertThat(search(20, 5)).isEqualTo(tried);
    assertThat(search(20, 6)).isNotEqualTo(tried).startsWith(tried.get(0), tried.get(1));
    assertThat(search(3, 5)).isEqualTo(tried.subList(0, 3));
  }

  @Test
  void shouldKeepToTheModelsThatMayOwnARange() throws IOException {
    for (Candidate candidate : search(40, 1)) {
      for (int i = 0; i < 3; i++) {
        assertThat(OPTIONS.get(i)).contains(candidate.owners().get(i));
      }
    }
  }

  @Test
  void shouldLeaveACandidateWithoutADistanceOffTheFrontier() {
    Candidate broken = new Candidate(List.of("a"), Double.POSITIVE_INFINITY, 1);
    Candidate sound = new Candidate(List.of("b"), 9, 2);
    Candidate twin = new Candidate(List.of("c"), 9, 2);
    assertThat(ScheduleSearch.frontier(List.of(twin, broken, sound))).containsExactly(sound, twin);
  }
}
