package dev.atelier.workflows.scorecard;

import dev.atelier.spec.ClaimSpec;
import dev.atelier.spec.ClaimSpec.Comparison;
import dev.atelier.spec.ClaimSpec.Measure;
import dev.atelier.spec.ClaimSpec.Side;
import dev.atelier.spec.ClaimSpec.Subject;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.SpecWord;
import dev.atelier.workflows.scorecard.MeasuredExperiment.Figures;
import dev.atelier.workflows.scorecard.ScorecardRow.Size;
import dev.atelier.workflows.vocabulary.Metric;
import dev.atelier.workflows.vocabulary.Verdict;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Decides claims by what a study measured: the figure of each seed, or its difference from or ratio
 * to another figure of the same seed, whose mean and deviation over the seeds the rule reads.
 */
public final class Scorecard {

  private static final int FEWEST_SEEDS = 3; // as in the report's other sentences

  private final List<MeasuredExperiment> experiments;

  private Scorecard(List<MeasuredExperiment> experiments) {
    this.experiments = experiments;
  }

  /** A row for each claim, in their order. */
  public static List<ScorecardRow> of(
      List<ClaimSpec> claims, List<MeasuredExperiment> experiments) {
    Scorecard scorecard = new Scorecard(experiments);
    return claims.stream().map(scorecard::row).toList();
  }

  private ScorecardRow row(ClaimSpec claim) {
    Optional<SeedFigures> ours =
        Optional.of(values(claim)).filter(values -> !values.isEmpty()).map(SeedFigures::of);
    return new ScorecardRow(
        claim.text(),
        claim.figure(),
        quantity(claim),
        ours,
        ours.map(figures -> verdict(claim, figures)).orElse(Verdict.NOT_MEASURED),
        rule(claim),
        size(claim));
  }

  /** One value for each seed of which everything is measured. */
  private List<Double> values(ClaimSpec claim) {
    Map<Long, Double> first = bySeed(claim.of(), claim.subject(), claim.measure());
    Optional<Side> other = claim.otherSide();
    if (other.isEmpty()) {
      return List.copyOf(first.values());
    }
    Map<Long, Double> second =
        bySeed(other.get(), other.get().subject().orElseThrow(), claim.measure());
    List<Double> values = new ArrayList<>();
    first.forEach(
        (seed, value) ->
            Optional.ofNullable(second.get(seed))
                .map(with -> isRatio(claim) ? value / with : value - with)
                .filter(Double::isFinite)
                .ifPresent(values::add));
    return values;
  }

  /** The mean over the experiments of a side, by seed, where each of them has the figure. */
  private Map<Long, Double> bySeed(Side side, Subject subject, Measure measure) {
    Map<Long, List<Optional<Double>>> found = new TreeMap<>();
    for (MeasuredExperiment experiment : on(side)) {
      found
          .computeIfAbsent(experiment.seed(), seed -> new ArrayList<>())
          .add(
              figures(experiment, subject)
                  .flatMap(figures -> value(figures, measure))
                  .filter(Double::isFinite));
    }
    Map<Long, Double> means = new TreeMap<>();
    found.forEach(
        (seed, values) -> {
          if (values.stream().allMatch(Optional::isPresent)) {
            means.put(
                seed, values.stream().mapToDouble(Optional::orElseThrow).average().orElseThrow());
          }
        });
    return means;
  }

  private List<MeasuredExperiment> on(Side side) {
    return experiments.stream()
        .filter(e -> e.at().entrySet().containsAll(side.labels().entrySet()))
        .toList();
  }

  private static Optional<Figures> figures(MeasuredExperiment experiment, Subject subject) {
    return experiment.figures().stream()
        .filter(figures -> figures.subject().equals(SpecWord.of(subject)))
        .findFirst();
  }

  private static Optional<Double> value(Figures figures, Measure measure) {
    return switch (measure) {
      case FID, DISTANCE -> Optional.of(figures.distance());
      case KERNEL_DISTANCE -> metric(figures, Metric.KERNEL_DISTANCE);
      case CLASS_SCORE -> metric(figures, Metric.CLASS_SCORE);
      case PRECISION -> metric(figures, Metric.PRECISION);
      case RECALL -> metric(figures, Metric.RECALL);
      case CLIP_SCORE -> metric(figures, Metric.CLIP_SCORE);
      case CLIP_DISTANCE -> metric(figures, Metric.CLIP_DISTANCE);
      case MACS_PER_STEP -> figures.macsPerStep();
      case PARAMETERS -> Optional.of((double) figures.parameters());
      case IMAGES_PER_SECOND -> Optional.of(figures.imagesPerSecond());
      case PEAK_MEMORY ->
          Optional.of((double) figures.peakMemoryBytes()).filter(bytes -> bytes > 0);
    };
  }

  private static Optional<Double> metric(Figures figures, Metric metric) {
    return Optional.ofNullable(figures.metrics().get(metric.key()));
  }

  private Verdict verdict(ClaimSpec claim, SeedFigures ours) {
    if (claim.measure() == Measure.FID && !isFid(claim)) {
      return Verdict.NOT_COMPARABLE;
    }
    if (!claim.measure().exact() && ours.seeds() < FEWEST_SEEDS) {
      return Verdict.TOO_FEW_SEEDS;
    }
    double bound = bound(claim);
    double margin =
        switch (claim.rule()) {
          case AT_MOST -> bound - ours.mean();
          case AT_LEAST -> ours.mean() - bound;
          case NEAR -> claim.tolerance().orElse(0.0) - Math.abs(ours.mean() - bound);
        };
    if (Math.abs(margin) < ours.deviation()) {
      return Verdict.WITHIN_NOISE;
    }
    return margin >= 0 ? Verdict.HOLDS : Verdict.FAILS;
  }

  private boolean isFid(ClaimSpec claim) {
    return names(claim.of(), claim.subject()).equals(List.of(Metric.FID))
        && claim
            .otherSide()
            .map(side -> names(side, side.subject().orElseThrow()).equals(List.of(Metric.FID)))
            .orElse(true);
  }

  private List<String> names(Side side, Subject subject) {
    return on(side).stream()
        .flatMap(experiment -> figures(experiment, subject).stream())
        .map(Figures::distanceName)
        .distinct()
        .toList();
  }

  private static double bound(ClaimSpec claim) {
    return claim.bound().or(claim::figure).orElse(0.0);
  }

  private static boolean isRatio(ClaimSpec claim) {
    return claim.comparison().equals(Optional.of(Comparison.RATIO));
  }

  private String quantity(ClaimSpec claim) {
    boolean distance = claim.measure() == Measure.FID && !isFid(claim);
    List<String> names = names(claim.of(), claim.subject());
    String title = distance && names.size() == 1 ? names.get(0) : claim.measure().title();
    return "%s: %s%s"
        .formatted(
            title,
            words(claim.subject(), claim.of()),
            claim
                .otherSide()
                .map(
                    other ->
                        (isRatio(claim) ? " / " : " − ")
                            + words(
                                other.subject().orElseThrow(),
                                claim.against().orElseThrow().at().isEmpty()
                                    ? new Side(Optional.empty(), Map.of())
                                    : other))
                .orElse(""));
  }

  private static String words(Subject subject, Side side) {
    return SpecWord.of(subject)
        + side.labels().entrySet().stream()
            .map(at -> "%s %s".formatted(at.getKey(), at.getValue()))
            .collect(
                Collectors.collectingAndThen(
                    Collectors.joining(", "), at -> at.isEmpty() ? "" : " (%s)".formatted(at)));
  }

  private static String rule(ClaimSpec claim) {
    String bound = number(bound(claim));
    return switch (claim.rule()) {
      case AT_MOST -> "at most " + bound;
      case AT_LEAST -> "at least " + bound;
      case NEAR -> "%s ± %s".formatted(bound, number(claim.tolerance().orElse(0.0)));
    };
  }

  private static String number(double value) {
    return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
  }

  private Optional<Size> size(ClaimSpec claim) {
    return on(claim.of()).stream()
        .findFirst()
        .map(MeasuredExperiment::spec)
        .map(
            spec ->
                new Size(
                    teacherSteps(spec),
                    spec.students().training().steps(),
                    spec.students().training().batchSize(),
                    spec.evaluation().samples(),
                    Optional.of(names(claim.of(), claim.subject()))
                        .filter(names -> !names.isEmpty())
                        .map(names -> String.join(" or ", names))));
  }

  private static Optional<Integer> teacherSteps(ExperimentSpec spec) {
    return spec.teacher().source().isPresent()
        ? Optional.empty()
        : Optional.of(spec.teacher().training().steps());
  }
}
