package dev.atelier.workflows.scorecard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.spec.ClaimSpec;
import dev.atelier.spec.ClaimSpec.Comparison;
import dev.atelier.spec.ClaimSpec.Measure;
import dev.atelier.spec.ClaimSpec.Rule;
import dev.atelier.spec.ClaimSpec.Side;
import dev.atelier.spec.ClaimSpec.Subject;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.ExperimentSpecBuilder;
import dev.atelier.spec.SpecWord;
import dev.atelier.workflows.scorecard.MeasuredExperiment.Figures;
import dev.atelier.workflows.vocabulary.Metric;
import dev.atelier.workflows.vocabulary.Verdict;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ScorecardTest {

  private static final ExperimentSpec SPEC = ExperimentSpecBuilder.builder().build();
  private static final Side STUDENTS = side(Subject.O2MKD, Map.of("N", 4));
  private static final Side TEACHER = new Side(Optional.of(Subject.TEACHER), Map.of());

  @Test
  void shouldCompareFiguresOfTheSameSeed() {
    // Of their seeds' teachers 8, 9, 10 the students have 0.1, 0.2 and 0.3 more: mean 0.2,
    // deviation 0.1.
    ScorecardRow row = row(claim(Measure.FID, 0.18, Rule.AT_MOST, 0.5), "FID", 8.1, 9.2, 10.3);
    assertThat(row.ours().orElseThrow().mean()).isCloseTo(0.2, within(1e-12));
    assertThat(row.ours().orElseThrow().deviation()).isCloseTo(0.1, within(1e-12));
    assertThat(row.ours().orElseThrow().seeds()).isEqualTo(3);
    assertThat(row.verdict()).isEqualTo(Verdict.HOLDS);
    assertThat(row.figure()).contains(0.18);
    assertThat(row.quantity()).isEqualTo("FID: o2mkd (N 4) − teacher");
    assertThat(row.rule()).isEqualTo("at most 0.5");
    assertThat(row.size().orElseThrow().text())
        .isEqualTo("teacher 100000 steps, students 100000 steps of 128 images, 10000 samples, FID");
  }

  @Test
  void shouldTellNoDeviationWhereAllSeedsAgree() {
    // As doubles, a third of their sum is not 0.1.
    assertThat(SeedFigures.of(List.of(0.1, 0.1, 0.1))).isEqualTo(new SeedFigures(3, 0.1, 0));
    assertThatThrownBy(() -> SeedFigures.of(List.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void shouldDecideByTheMeanAndTheDeviation() {
    assertThat(verdict(Rule.AT_MOST, 0.05)).isEqualTo(Verdict.FAILS);
    assertThat(verdict(Rule.AT_MOST, 0.25)).isEqualTo(Verdict.WITHIN_NOISE);
    assertThat(verdict(Rule.AT_MOST, 0.31)).isEqualTo(Verdict.HOLDS);
    assertThat(verdict(Rule.AT_LEAST, 0.05)).isEqualTo(Verdict.HOLDS);
    assertThat(verdict(Rule.AT_LEAST, 0.31)).isEqualTo(Verdict.FAILS);
    assertThat(verdict(Rule.NEAR, 0.2)).isEqualTo(Verdict.HOLDS); // within 0.15
    assertThat(verdict(Rule.NEAR, 0.5)).isEqualTo(Verdict.FAILS);
  }

  @Test
  void shouldReadTheFigureWhereTheRuleHasNoBound() {
    ClaimSpec claim =
        new ClaimSpec(
            "c",
            Optional.of(0.35),
            Measure.FID,
            STUDENTS,
            Optional.of(TEACHER),
            Optional.empty(),
            Rule.AT_MOST,
            Optional.empty(),
            Optional.empty());
    assertThat(row(claim, "FID", 8.1, 9.2, 10.3).verdict()).isEqualTo(Verdict.HOLDS);
  }

  @Test
  void shouldCallNothingFidThatOtherFeaturesMeasured() {
    ClaimSpec claim = claim(Measure.FID, 0.18, Rule.AT_MOST, 0.5);
    ScorecardRow row = row(claim, "Fréchet distance (random-conv)", 8.1, 9.2, 10.3);
    assertThat(row.verdict()).isEqualTo(Verdict.NOT_COMPARABLE);
    assertThat(row.quantity()).startsWith("Fréchet distance (random-conv): ").doesNotContain("FID");
    assertThat(
            row(
                    claim(Measure.DISTANCE, 0.18, Rule.AT_MOST, 0.5),
                    "Fréchet distance (random-conv)",
                    8.1,
                    9.2,
                    10.3)
                .verdict())
        .isEqualTo(Verdict.HOLDS);
  }

  @Test
  void shouldSayNothingByTwoSeedsButOfWhatNetworksAloneDecide() {
    assertThat(row(claim(Measure.FID, 0.18, Rule.AT_MOST, 0.5), "FID", 8.1, 9.2).verdict())
        .isEqualTo(Verdict.TOO_FEW_SEEDS);
    ClaimSpec faster =
        new ClaimSpec(
            "c",
            Optional.of(1.8),
            Measure.MACS_PER_STEP,
            side(Subject.TEACHER, Map.of("N", "4")),
            Optional.of(new Side(Optional.of(Subject.O2MKD), Map.of())),
            Optional.of(Comparison.RATIO),
            Rule.AT_LEAST,
            Optional.of(1.75),
            Optional.empty());
    ScorecardRow row = row(faster, "FID", 8.1);
    assertThat(row.verdict()).isEqualTo(Verdict.HOLDS);
    assertThat(row.ours().orElseThrow().mean()).isEqualTo(2.0);
    assertThat(row.quantity()).isEqualTo("MACs per step: teacher (N 4) / o2mkd");
  }

  @Test
  void shouldLeaveOutASeedOfWhichAFigureIsMissing() {
    List<MeasuredExperiment> experiments =
        List.of(
            experiment(0, List.of(figures("teacher", 8), figures("o2mkd", 9))),
            experiment(1, List.of(figures("teacher", 8))),
            experiment(2, List.of()),
            experiment(3, List.of(figures("teacher", 8), figures("o2mkd", Double.NaN))));
    ClaimSpec claim = claim(Measure.FID, 0.18, Rule.AT_MOST, 0.5);
    assertThat(Scorecard.of(List.of(claim), experiments).get(0).ours())
        .contains(new SeedFigures(1, 1, 0));
    assertThat(Scorecard.of(List.of(claim), experiments.subList(1, 3)).get(0).verdict())
        .isEqualTo(Verdict.NOT_MEASURED);
  }

  @Test
  void shouldHaveTheVocabularysWords() {
    List<String> words =
        Arrays.stream(dev.atelier.workflows.vocabulary.Subject.values())
            .map(dev.atelier.workflows.vocabulary.Subject::word)
            .toList();
    assertThat(Arrays.stream(Subject.values()).map(SpecWord::of)).isSubsetOf(words);
    assertThat(Measure.FID.title()).isEqualTo(Metric.FID);
  }

  private static Verdict verdict(Rule rule, double bound) {
    return row(claim(Measure.FID, 0.18, rule, bound), "FID", 8.1, 9.2, 10.3).verdict();
  }

  private static ClaimSpec claim(Measure measure, double figure, Rule rule, double bound) {
    return new ClaimSpec(
        "c",
        Optional.of(figure),
        measure,
        STUDENTS,
        Optional.of(TEACHER),
        Optional.empty(),
        rule,
        Optional.of(bound),
        rule == Rule.NEAR ? Optional.of(0.15) : Optional.empty());
  }

  private static Side side(Subject subject, Map<String, Object> at) {
    return new Side(Optional.of(subject), at);
  }

  /**
   * The claim's row, of students of these distances and teachers of 8, 9, 10, one for each seed.
   */
  private static ScorecardRow row(ClaimSpec claim, String name, double... students) {
    List<MeasuredExperiment> experiments =
        IntStream.range(0, students.length)
            .mapToObj(
                seed ->
                    experiment(
                        seed,
                        List.of(
                            figures("teacher", name, 8 + seed, 2e9),
                            figures("o2mkd", name, students[seed], 1e9))))
            .toList();
    return Scorecard.of(List.of(claim), experiments).get(0);
  }

  private static MeasuredExperiment experiment(long seed, List<Figures> figures) {
    return new MeasuredExperiment(Map.of("N", "4"), seed, SPEC, figures);
  }

  private static Figures figures(String subject, double distance) {
    return figures(subject, "FID", distance, 1e9);
  }

  private static Figures figures(String subject, String name, double distance, double macs) {
    return new Figures(subject, name, distance, Optional.of(macs), 7, 3.5, 0, Map.of());
  }
}
