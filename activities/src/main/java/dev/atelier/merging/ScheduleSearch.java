package dev.atelier.merging;

import dev.atelier.diffusion.SeededRandom;
import dev.atelier.diffusion.SeededRandom.Purpose;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;

/**
 * Looks for the schedules - which model owns which range - whose distance no other schedule beats
 * at as few multiply-accumulates. Nothing is trained, as in T-Stitch (Pan et al. 2024), which tries
 * the schedules of two models with one switch; here any owner may follow any other.
 *
 * <p>The given starts come first. Then each non-dominated schedule in turn, the cheapest first,
 * tries a schedule that differs from it in one range; when all of these are known, the others do,
 * the best first, until the evaluations are spent or every schedule is known.
 */
public final class ScheduleSearch {

  /** A schedule that was tried: the owner of each range, in order of the ranges. */
  public record Candidate(List<String> owners, double distance, double macsPerStep) {

    /** Whether this one is as good as {@code other} in both figures and better in one. */
    boolean dominates(Candidate other) {
      return distance <= other.distance
          && macsPerStep <= other.macsPerStep
          && (distance < other.distance || macsPerStep < other.macsPerStep);
    }
  }

  private final List<List<String>> options;
  private final int evaluations;
  private final SeededRandom random;
  private final ToDoubleFunction<List<String>> macsPerStep;
  private final CandidateDistance<List<String>> distance;
  private final Map<List<String>, Candidate> tried = new LinkedHashMap<>();

  private ScheduleSearch(
      List<List<String>> options,
      int evaluations,
      SeededRandom random,
      ToDoubleFunction<List<String>> macsPerStep,
      CandidateDistance<List<String>> distance) {
    this.options = options;
    this.evaluations = evaluations;
    this.random = random;
    this.macsPerStep = macsPerStep;
    this.distance = distance;
  }

  /**
   * Tries at most {@code evaluations} schedules.
   *
   * @param options names of the models that may own each range
   * @param starts to begin with; repeated ones count once
   * @param random the search is a pure function of it and the figures
   * @return all that were tried, in order
   */
  public static List<Candidate> search(
      List<List<String>> options,
      List<List<String>> starts,
      int evaluations,
      SeededRandom random,
      ToDoubleFunction<List<String>> macsPerStep,
      CandidateDistance<List<String>> distance)
      throws IOException {
    ScheduleSearch search = new ScheduleSearch(options, evaluations, random, macsPerStep, distance);
    for (List<String> start : starts) {
      search.evaluate(start);
    }
    search.extend();
    return List.copyOf(search.tried.values());
  }

  /** The candidates that no other dominates, fewest multiply-accumulates first. */
  public static List<Candidate> frontier(List<Candidate> candidates) {
    return candidates.stream()
        .filter(c -> Double.isFinite(c.distance()))
        .filter(c -> candidates.stream().noneMatch(other -> other.dominates(c)))
        .sorted(
            Comparator.comparingDouble(Candidate::macsPerStep)
                .thenComparing(c -> String.join(",", c.owners())))
        .toList();
  }

  private void extend() throws IOException {
    boolean found = true;
    while (found && tried.size() < evaluations) {
      List<Candidate> all = List.copyOf(tried.values());
      found = false;
      for (Candidate candidate : frontier(all)) {
        found |= evaluateNextNeighbour(candidate);
      }
      List<Candidate> others = new ArrayList<>(all);
      others.sort(Comparator.comparingDouble(Candidate::distance));
      for (int i = 0; i < others.size() && !found; i++) {
        found = evaluateNextNeighbour(others.get(i));
      }
    }
  }

  /** Tries an unknown schedule that differs in one range; false: there is none. */
  private boolean evaluateNextNeighbour(Candidate candidate) throws IOException {
    Optional<List<String>> next = nextNeighbour(candidate);
    if (next.isPresent()) {
      evaluate(next.get());
    }
    return next.isPresent();
  }

  private Optional<List<String>> nextNeighbour(Candidate candidate) {
    List<List<String>> neighbours = new ArrayList<>();
    for (int i = 0; i < options.size(); i++) {
      for (String owner : options.get(i)) {
        List<String> neighbour = new ArrayList<>(candidate.owners());
        neighbour.set(i, owner);
        neighbours.add(List.copyOf(neighbour));
      }
    }
    int index = new ArrayList<>(tried.keySet()).indexOf(candidate.owners());
    for (int i : random.permutation(Purpose.SCHEDULE_SEARCH, index, neighbours.size())) {
      if (!tried.containsKey(neighbours.get(i))) {
        return Optional.of(neighbours.get(i));
      }
    }
    return Optional.empty();
  }

  private void evaluate(List<String> owners) throws IOException {
    if (tried.size() < evaluations && !tried.containsKey(owners)) {
      double found = distance.of(owners);
      tried.put(
          owners,
          new Candidate(
              owners,
              Double.isNaN(found) ? Double.POSITIVE_INFINITY : found,
              macsPerStep.applyAsDouble(owners)));
    }
  }

  /**
   * The schedules to begin with: the students, each other model that may own every range alone, and
   * the students with one range given to such a model.
   *
   * @param students the owner of each range as trained
   */
  public static List<List<String>> starts(List<String> students, List<List<String>> options) {
    Set<String> everywhere = new HashSet<>(options.get(0));
    options.forEach(everywhere::retainAll);
    List<String> alone = options.get(0).stream().filter(everywhere::contains).toList();
    List<List<String>> starts = new ArrayList<>(List.of(students));
    for (String owner : alone) {
      starts.add(students.stream().map(s -> owner).toList());
    }
    for (String owner : alone) {
      for (int i = 0; i < students.size(); i++) {
        List<String> replaced = new ArrayList<>(students);
        replaced.set(i, owner);
        starts.add(List.copyOf(replaced));
      }
    }
    return List.copyOf(starts);
  }
}
