package dev.atelier.report;

import dev.atelier.evaluation.Evaluation;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What an experiment did and found, ready to be shown by {@link ExperimentReports#render}.
 *
 * @param spec what was asked for
 * @param found what was made of it, name to value, in order
 * @param timesteps T
 * @param grids of its subjects, from the same noise
 * @param events in order of time
 */
public record ExperimentReport(
    String id,
    String name,
    SpecYaml spec,
    Map<String, String> found,
    int timesteps,
    List<Model> models,
    List<Evaluation> evaluations,
    List<SampleGrid> grids,
    List<Event> events) {

  /**
   * One trained model.
   *
   * @param low first timestep that it owns
   * @param high first timestep after those
   * @param attempts how often its training began, 1 if all went well
   * @param seconds from its first start to its end, where known
   * @param loss mean training loss since the point before
   */
  public record Model(
      String key,
      int low,
      int high,
      String state,
      int steps,
      long parameters,
      int attempts,
      Optional<Double> seconds,
      List<LossPoint> loss) {}

  /** Training loss at a step. */
  public record LossPoint(int step, double loss) {}

  /** A line of the audit trail. */
  public record Event(String time, String kind, String model, String detail) {}
}
