package dev.atelier.assignment;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dev.atelier.dataset.Datasets;
import dev.atelier.diffusion.KarrasCuts;
import dev.atelier.diffusion.NoiseSchedule;
import dev.atelier.diffusion.SnrCuts;
import dev.atelier.network.Network;
import dev.atelier.spec.AssignmentSpec;
import dev.atelier.spec.AssignmentSpec.Signal;
import dev.atelier.spec.AssignmentSpec.Weight;
import dev.atelier.spec.SpecWord;
import dev.atelier.spec.TimestepRange;
import dev.atelier.spec.Visits;
import dev.atelier.training.Device;
import dev.atelier.training.ImageSource;
import dev.atelier.training.InvalidSpecException;
import dev.atelier.training.Models;
import dev.atelier.training.Seeds;
import dev.atelier.training.TeacherModel;
import dev.atelier.work.ExperimentFiles;
import dev.atelier.work.Scope;
import dev.atelier.workflows.AssignmentActivities.PlanRanges;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;

/** Finds ranges by the noise schedule, or by what is measured on the teacher. */
public record RangeFinder(
    Device device, Models models, Datasets datasets, ExperimentFiles files, RangeMemory memory) {

  /** The file with the curve and the cuts. */
  public static final String DRIFT_FILE = "drift.json";

  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  /** Where the ranges of an experiment are written down. */
  @FunctionalInterface
  public interface RangeMemory {

    /**
     * Gives the students their ranges.
     *
     * @param how they were found
     */
    void recordRanges(String experimentId, List<TimestepRange> ranges, String how);
  }

  /**
   * {@code drift.json}.
   *
   * @param lengths the curve of {@code signal} as lengths, weighted: what the cuts are made of
   * @param ranges the cuts, one range per student
   * @param cost sum over the ranges of the squared length within them
   * @param uniformCost the same for ranges of equally many bins
   * @param weight how the lengths are weighted
   */
  record Drift(
      int timesteps,
      Signal signal,
      DriftCurve curve,
      List<Double> lengths,
      List<TimestepRange> ranges,
      double cost,
      double uniformCost,
      Weight weight) {}

  /**
   * The ranges of the students, which are written down too.
   *
   * @throws InvalidSpecException if there is nothing to find, or not by this teacher or dataset
   */
  public List<TimestepRange> find(PlanRanges task, Scope scope) throws IOException {
    AssignmentSpec.Kind kind = task.assignment().kind();
    NoiseSchedule schedule = NoiseSchedule.of(task.diffusion());
    return switch (kind) {
      case SNR -> bySchedule(task, SnrCuts.ranges(schedule, task.students()));
      case KARRAS -> bySchedule(task, KarrasCuts.ranges(schedule, task.students()));
      case MEASURED -> byDrift(task, scope);
      case UNIFORM, POWER, EXPLICIT, VISITS ->
          throw new InvalidSpecException(
              "Ranges of students.assignment.kind %s are known at launch: there is nothing to find."
                  .formatted(kind));
    };
  }

  /** Keeps ranges that follow from the noise schedule alone. */
  private List<TimestepRange> bySchedule(PlanRanges task, List<TimestepRange> ranges) {
    memory.recordRanges(
        task.experimentId(),
        ranges,
        "%s: %s%s"
            .formatted(SpecWord.of(task.assignment().kind()), text(ranges), asked(task, ranges)));
    return ranges;
  }

  private List<TimestepRange> byDrift(PlanRanges task, Scope scope) throws IOException {
    TeacherModel teacher = models.teacher(task.teacher(), task.dataset());
    if (task.assignment().signal() != Signal.INPUT && teacher instanceof TeacherModel.Archive) {
      throw new InvalidSpecException(
          "students.assignment.signal compares features of the teacher's middle block, but the teacher is a TorchScript file, whose blocks are not known; expected input.");
    }
    device.use();
    ImageSource images = datasets.seen(task.dataset());
    if (images.count() < 2) {
      throw new InvalidSpecException(
          "students.assignment.kind measured needs a dataset of at least 2 images, found %d."
              .formatted(images.count()));
    }
    return keep(task, measure(task, teacher, images, scope));
  }

  private DriftCurve measure(PlanRanges task, TeacherModel teacher, ImageSource images, Scope scope)
      throws IOException {
    AssignmentSpec assignment = task.assignment();
    Optional<Network> network = Models.network(task.teacher(), task.dataset());
    int channels = network.map(Network::imageChannels).orElse(task.dataset().channels());
    int side = network.map(Network::resolution).orElse(task.dataset().resolution());
    List<TimestepRange> bins =
        DriftCurve.equalBins(task.diffusion().timesteps(), assignment.bins());
    return new DriftMeasurement(
            images,
            channels,
            side,
            task.diffusion(),
            Seeds.of(task.seed(), "drift"),
            assignment.images())
        .measure(
            bins,
            teacher,
            device.name(),
            scope.path(),
            done -> {
              scope.describe("bins of timesteps measured", done, bins.size());
              scope.stopIfAsked();
            });
  }

  private List<TimestepRange> keep(PlanRanges task, DriftCurve curve) throws IOException {
    Signal signal = task.assignment().signal();
    Weight weight = task.assignment().weight();
    double[] lengths =
        switch (weight) {
          case NONE -> curve.lengths(signal);
          case VISITS -> curve.weighted(curve.lengths(signal), visited(task).orElseThrow());
        };
    List<Integer> ends = DriftCuts.optimal(lengths, task.students());
    List<TimestepRange> ranges = curve.ranges(ends);
    double cost = DriftCuts.total(lengths, ends);
    double uniformCost =
        DriftCuts.total(lengths, DriftCuts.uniform(curve.bins().size(), task.students()));
    byte[] json =
        JSON.writeValueAsBytes(
            new Drift(
                task.diffusion().timesteps(),
                signal,
                curve,
                DoubleStream.of(lengths).boxed().toList(),
                ranges,
                cost,
                uniformCost,
                weight));
    files.keepReport(task.experimentId(), DRIFT_FILE, "application/json", json);
    memory.recordRanges(
        task.experimentId(),
        ranges,
        "measured by %s%s: %s; drift within ranges %.4g, of uniform ones %.4g%s"
            .formatted(
                signal.name().toLowerCase(Locale.ROOT),
                weight == Weight.VISITS ? ", weighted by visits" : "",
                text(ranges),
                cost,
                uniformCost,
                asked(task, ranges)));
    return ranges;
  }

  /** The timesteps that the sampler visits; a task of an earlier version doesn't say. */
  private static Optional<List<Integer>> visited(PlanRanges task) {
    return task.sampler().map(sampler -> sampler.timesteps(task.diffusion().timesteps()));
  }

  /** How many steps of the sampler ask each range, and which students none does. */
  private static String asked(PlanRanges task, List<TimestepRange> ranges) {
    return visited(task)
        .map(timesteps -> Visits.of(ranges, timesteps))
        .map(
            visits ->
                "; steps of the sampler in each: %s%s"
                    .formatted(
                        visits.counts().stream()
                            .map(String::valueOf)
                            .collect(Collectors.joining(", ")),
                        visits.warning().map(warning -> ". " + warning).orElse("")))
        .orElse("");
  }

  private static String text(List<TimestepRange> ranges) {
    return ranges.stream().map(TimestepRange::toString).collect(Collectors.joining(", "));
  }
}
