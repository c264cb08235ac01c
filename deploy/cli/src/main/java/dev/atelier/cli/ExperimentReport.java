package dev.atelier.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.spec.TimestepRange;
import dev.atelier.workflows.DatasetRef;
import dev.atelier.workflows.ModelState;
import dev.atelier.workflows.Stage;
import io.soabase.recordbuilder.core.RecordBuilder;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What the API tells of one experiment, as far as the CLI shows it. */
@RecordBuilder
public record ExperimentReport(
    String id,
    String name,
    Stage stage,
    Optional<Failure> error,
    Instant createdAt,
    Optional<Instant> finishedAt,
    List<Model> models,
    List<Evaluation> evaluations,
    List<Artifact> artifacts,
    JsonNode spec,
    Links links,
    List<String> warnings,
    List<Schedule> schedules,
    boolean paused,
    Optional<DatasetRef> dataset,
    List<Work> doing) {

  public ExperimentReport {
    warnings = warnings == null ? List.of() : warnings;
    dataset = dataset == null ? Optional.empty() : dataset;
    schedules = schedules == null ? List.of() : schedules; // of an older server
    doing = doing == null ? List.of() : doing;
  }

  /** Why an experiment or a model failed. */
  public record Failure(String type, String message) {}

  /** Something that a worker is at. */
  public record Work(
      String activity, Optional<String> model, String worker, Optional<Progress> progress) {}

  /** How far that is. */
  public record Progress(
      String what, Optional<Long> done, Optional<Long> total, Optional<Long> remainingSeconds) {}

  /** A model and how far it is. */
  @RecordBuilder
  public record Model(
      String key,
      TimestepRange range,
      ModelState state,
      int step,
      int totalSteps,
      Optional<Double> loss,
      Optional<Double> imagesPerSecond,
      Optional<Long> etaSeconds,
      int attempts,
      Optional<Failure> error,
      Optional<String> reusedFrom,
      Optional<Long> repeatedSteps,
      Optional<Double> cpuSeconds,
      Optional<Double> gpuSeconds) {}

  /** The figures of one subject: teacher, one-to-one, o2mkd, o2mkd-partial or merged. */
  public record Evaluation(
      String subject,
      String metric,
      Optional<Double> distance,
      Optional<Double> macsPerStep,
      long parameters,
      double imagesPerSecond,
      long peakMemoryBytes,
      Map<String, Double> metrics,
      Optional<Long> weightsBytes,
      Optional<String> reusedFrom) {

    public Evaluation {
      metrics = metrics == null ? Map.of() : metrics;
    }
  }

  /** A schedule that the search tried: which model owns which range. */
  public record Schedule(
      List<Owner> owners,
      Optional<Double> distance,
      Optional<Double> macsPerStep,
      boolean frontier,
      Optional<String> estimator) {

    public Schedule {
      estimator = estimator == null ? Optional.empty() : estimator; // of an older server
    }

    /** A model and the timesteps that it owns. */
    public record Owner(int low, int high, String model) {}
  }

  /** A file that the experiment made for users. */
  public record Artifact(String name, String kind, long bytes, String sha256, String href) {}

  /** Where to go from it. */
  public record Links(Optional<String> temporal) {}
}
