package dev.atelier.spec;

import dev.atelier.spec.ClaimSpec.Measure;
import dev.atelier.spec.ClaimSpec.Rule;
import dev.atelier.spec.ClaimSpec.Side;
import dev.atelier.spec.ClaimSpec.Subject;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What claims of a study must meet, so that its experiments can decide them. */
public final class ScorecardRules {

  private final List<Point> points;
  private final Map<String, Set<String>> axes = new LinkedHashMap<>();
  private final List<SpecFault> faults = new ArrayList<>();

  private ScorecardRules(List<Point> points) {
    this.points = points;
    points.forEach(
        point ->
            point
                .at()
                .forEach(
                    (axis, value) ->
                        axes.computeIfAbsent(axis, a -> new LinkedHashSet<>()).add(value)));
  }

  /** An experiment of the study: its value on each axis, and its spec. */
  public record Point(Map<String, String> at, ExperimentSpec spec) {

    public Point {
      at = Map.copyOf(at);
    }
  }

  /** Returns every breach of a rule by claims whose fields are each within their bounds. */
  public static List<SpecFault> check(List<ClaimSpec> claims, List<Point> points) {
    ScorecardRules rules = new ScorecardRules(points);
    for (int i = 0; i < claims.size(); i++) {
      rules.claim("scorecard[%d]".formatted(i), claims.get(i));
    }
    return List.copyOf(rules.faults);
  }

  private void claim(String path, ClaimSpec claim) {
    if (claim.bound().isEmpty() && claim.figure().isEmpty()) {
      fault(path + ".bound", "is required where no figure is known: what shall decide the claim?");
    }
    if (claim.rule() == Rule.NEAR && claim.tolerance().isEmpty()) {
      fault(path + ".tolerance", "is required for rule near.");
    }
    if (claim.rule() != Rule.NEAR && claim.tolerance().isPresent()) {
      fault(
          path + ".tolerance",
          "is for rule near alone, found rule %s.".formatted(SpecWord.of(claim.rule())));
    }
    if (claim.comparison().isPresent() && claim.against().isEmpty()) {
      fault(path + ".comparison", "is for two figures: expected against, found none.");
    }
    side(path + ".of", claim.of(), claim.subject(), claim.measure());
    claim
        .otherSide()
        .ifPresent(
            other -> {
              Subject subject = other.subject().orElseThrow();
              if (subject == claim.subject() && other.labels().equals(claim.of().labels())) {
                fault(path + ".against", "names the same figure as of.");
              } else {
                side(path + ".against", other, subject, claim.measure());
              }
            });
  }

  private void side(String path, Side side, Subject subject, Measure measure) {
    int before = faults.size();
    side.labels().forEach((axis, value) -> value(path + ".at", axis, value));
    if (faults.size() > before) {
      return;
    }
    List<ExperimentSpec> named =
        points.stream()
            .filter(point -> point.at().entrySet().containsAll(side.labels().entrySet()))
            .map(Point::spec)
            .toList();
    if (!named.stream().allMatch(spec -> measures(spec, subject))) {
      fault(
          path + ".subject",
          "names %s, which not every experiment that the claim is of has: expected %s."
              .formatted(SpecWord.of(subject), wanted(subject)));
    }
    measure(path.substring(0, path.lastIndexOf('.')) + ".measure", measure, named);
  }

  private void measure(String field, Measure measure, List<ExperimentSpec> named) {
    List<EvaluationSpec> evaluations = named.stream().map(ExperimentSpec::evaluation).toList();
    if (faults.stream().anyMatch(fault -> fault.field().equals(field))) {
      return; // both sides of a claim have one measure
    }
    if (measure.needsImages() && evaluations.stream().anyMatch(e -> e.reference().isPresent())) {
      fault(
          field,
          "is %s, which needs images to compare with: evaluation.reference has statistics alone."
              .formatted(SpecWord.of(measure)));
    }
    String builtIn = EvaluationSpec.ExtractorSpec.RANDOM_CONV;
    if (measure == Measure.CLASS_SCORE
        && evaluations.stream().anyMatch(e -> e.extractor().source().equals(builtIn))) {
      fault(
          field,
          "is class-score, which needs an extractor that tells classes: random-conv doesn't.");
    }
    if (measure.needsClip() && evaluations.stream().anyMatch(e -> e.clip().isEmpty())) {
      fault(field, "is %s: expected evaluation.clip.".formatted(SpecWord.of(measure)));
    }
  }

  private void value(String path, String axis, String value) {
    Set<String> values = axes.get(axis);
    if (values == null) {
      fault(
          path,
          axes.isEmpty()
              ? "names the axis '%s': the study has none.".formatted(axis)
              : "names the axis '%s': expected one of %s."
                  .formatted(axis, String.join(", ", axes.keySet())));
    } else if (!values.contains(value)) {
      fault(
          path,
          "names '%s' on the axis '%s', where no experiment lies: expected one of %s."
              .formatted(value, axis, String.join(", ", values)));
    }
  }

  private static boolean measures(ExperimentSpec spec, Subject subject) {
    return switch (subject) {
      case TEACHER, O2MKD -> true;
      case ONE_TO_ONE -> spec.students().oneToOneBaseline();
      case MERGED -> spec.merge().kind() != MergeSpec.Kind.NONE;
    };
  }

  private static String wanted(Subject subject) {
    return switch (subject) {
      case TEACHER, O2MKD -> "any";
      case ONE_TO_ONE -> "students.oneToOneBaseline";
      case MERGED -> "merge.kind";
    };
  }

  private void fault(String field, String message) {
    faults.add(new SpecFault(field, message));
  }
}
