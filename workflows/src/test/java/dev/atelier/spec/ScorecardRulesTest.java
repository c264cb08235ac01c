package dev.atelier.spec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.ClaimSpec.Comparison;
import dev.atelier.spec.ClaimSpec.Measure;
import dev.atelier.spec.ClaimSpec.Rule;
import dev.atelier.spec.ClaimSpec.Side;
import dev.atelier.spec.ClaimSpec.Subject;
import dev.atelier.spec.ScorecardRules.Point;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ScorecardRulesTest {

  private static final ExperimentSpec SPEC = ExperimentSpecBuilder.builder().build();
  private static final Side ALL = new Side(Optional.empty(), Map.of());

  @Test
  void shouldAcceptAClaimThatTheExperimentsCanDecide() {
    assertThat(
            faults(claim(Measure.FID, new Side(Optional.empty(), Map.of("N", 2)), Subject.TEACHER)))
        .isEmpty();
  }

  @Test
  void shouldNameAnAxisThatTheStudyLacks() {
    assertThat(faults(claim(Measure.FID, new Side(Optional.empty(), Map.of("p", 1)), null)))
        .containsExactly(
            new SpecFault("scorecard[0].of.at", "names the axis 'p': expected one of N."));
  }

  @Test
  void shouldNameAValueAtWhichNoExperimentLies() {
    assertThat(faults(claim(Measure.FID, new Side(Optional.empty(), Map.of("N", 8)), null)))
        .containsExactly(
            new SpecFault(
                "scorecard[0].of.at",
                "names '8' on the axis 'N', where no experiment lies: expected one of 2, 4."));
  }

  @Test
  void shouldNameASubjectThatIsNotMeasured() {
    assertThat(faults(claim(Measure.FID, ALL, Subject.MERGED)))
        .containsExactly(
            new SpecFault(
                "scorecard[0].against.subject",
                "names merged, which not every experiment that the claim is of has: expected merge.kind."));
    assertThat(
            faults(claim(Measure.FID, new Side(Optional.of(Subject.ONE_TO_ONE), Map.of()), null)))
        .extracting(SpecFault::field)
        .containsExactly("scorecard[0].of.subject");
  }

  @Test
  void shouldNameAMetricThatIsNotMeasured() {
    assertThat(faults(claim(Measure.CLASS_SCORE, ALL, Subject.TEACHER)))
        .containsExactly(
            new SpecFault(
                "scorecard[0].measure",
                "is class-score, which needs an extractor that tells classes: random-conv doesn't."));
    assertThat(faults(claim(Measure.CLIP_SCORE, ALL, Subject.TEACHER)))
        .containsExactly(
            new SpecFault("scorecard[0].measure", "is clip-score: expected evaluation.clip."));
    ExperimentSpec statistics =
        ExperimentSpecBuilder.builder()
            .evaluation(
                EvaluationSpecBuilder.builder().reference(Optional.of("reference.npz")).build())
            .build();
    assertThat(
            ScorecardRules.check(
                List.of(claim(Measure.RECALL, ALL, null)),
                List.of(new Point(Map.of("N", "2"), statistics))))
        .extracting(SpecFault::field)
        .containsExactly("scorecard[0].measure");
  }

  @Test
  void shouldRefuseAClaimWithoutAWayToDecideIt() {
    ClaimSpec claim =
        new ClaimSpec(
            "c",
            Optional.empty(),
            Measure.FID,
            ALL,
            Optional.empty(),
            Optional.of(Comparison.RATIO),
            Rule.AT_MOST,
            Optional.empty(),
            Optional.of(0.1));
    assertThat(faults(claim))
        .extracting(SpecFault::field)
        .containsExactly("scorecard[0].bound", "scorecard[0].tolerance", "scorecard[0].comparison");
    assertThat(
            faults(
                new ClaimSpec(
                    "c",
                    Optional.of(1.0),
                    Measure.FID,
                    ALL,
                    Optional.empty(),
                    Optional.empty(),
                    Rule.NEAR,
                    Optional.empty(),
                    Optional.empty())))
        .extracting(SpecFault::field)
        .containsExactly("scorecard[0].tolerance");
  }

  @Test
  void shouldRefuseAFigureThatIsComparedWithItself() {
    assertThat(faults(claim(Measure.FID, ALL, Subject.O2MKD)))
        .containsExactly(new SpecFault("scorecard[0].against", "names the same figure as of."));
  }

  private static List<SpecFault> faults(ClaimSpec claim) {
    return ScorecardRules.check(
        List.of(claim),
        List.of(new Point(Map.of("N", "2"), SPEC), new Point(Map.of("N", "4"), SPEC)));
  }

  private static ClaimSpec claim(Measure measure, Side of, Subject against) {
    return new ClaimSpec(
        "c",
        Optional.of(1.0),
        measure,
        of,
        Optional.ofNullable(against).map(subject -> new Side(Optional.of(subject), Map.of())),
        Optional.empty(),
        Rule.AT_MOST,
        Optional.empty(),
        Optional.empty());
  }
}
