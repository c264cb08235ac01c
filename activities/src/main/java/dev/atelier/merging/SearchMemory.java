package dev.atelier.merging;

import dev.atelier.workflows.Estimator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What searches have tried: another attempt goes on where the last one was. */
public interface SearchMemory {

  /** What a search is for. */
  enum Search {
    MERGE,
    SCHEDULE
  }

  /**
   * An ensemble that a search tried.
   *
   * @param name tells it from the others of its search
   * @param position in the order of trying, from 0
   * @param owners JSON: which model owns which range
   * @param estimator what the distance is
   */
  record Candidate(
      String name,
      int position,
      double distance,
      Optional<Double> macsPerStep,
      String owners,
      Estimator estimator) {}

  /** Keeps a candidate that is known now, so that no later attempt measures it again. */
  void record(String experimentId, Search search, Candidate candidate);

  /**
   * Goes on with a search: forgets the candidates that another estimator ranked, which compare with
   * none of its own, and gives the distances that are known, by the candidates' names.
   */
  Map<String, Double> resume(String experimentId, Search search, Estimator estimator);

  /** Says which candidates of a search are on the frontier: those named, and no others. */
  void recordFrontier(String experimentId, Search search, List<String> names);
}
