package dev.atelier.spec;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import io.soabase.recordbuilder.core.RecordBuilder;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a user asks for: one teacher, its students, and how they are compared. */
@RecordBuilder
public record ExperimentSpec(
    @JsonPropertyDescription("Name of the experiment, shown in lists")
        @NotNull
        @Size(min = 1, max = 100)
        String name,
    @JsonPropertyDescription("Every random draw of the experiment is a function of it") @NotNull
        Long seed,
    @JsonPropertyDescription("Free key-value pairs to find the experiment by")
        @NotNull
        @Size(max = 32)
        Map<@Size(min = 1, max = 63) String, @Size(max = 255) String> labels,
    @JsonPropertyDescription("The images and how they are prepared") @NotNull @Valid
        DatasetSpec dataset,
    @JsonPropertyDescription("The forward process") @NotNull @Valid DiffusionSpec diffusion,
    @JsonPropertyDescription("The large model that is trained or imported first") @NotNull @Valid
        TeacherSpec teacher,
    @JsonPropertyDescription("The specialists that are distilled from it") @NotNull @Valid
        StudentsSpec students,
    @JsonPropertyDescription("How the models are compared") @NotNull @Valid
        EvaluationSpec evaluation,
    @JsonPropertyDescription("Class of device that trains and samples: cpu, gpu or gpu-<class>")
        @NotNull
        @Pattern(regexp = "cpu|gpu(-[a-z0-9]+)?")
        String compute,
    @JsonPropertyDescription("How the trained students are joined into fewer models")
        @NotNull
        @Valid
        MergeSpec merge,
    @JsonPropertyDescription("The search for better schedules of the trained models")
        @NotNull
        @Valid
        ScheduleSearchSpec search,
    @JsonPropertyDescription(
            "Whether a dataset, a model or figures that another experiment made in exactly the same way are taken over: allowed or never")
        @NotNull
        Reuse reuse,
    @JsonPropertyDescription(
            "Hours that a failed model or evaluation is waited for before the experiment ends PARTIAL, without it")
        @NotNull
        @Min(1)
        @Max(8760)
        Integer awaitRetryHours,
    @JsonPropertyDescription("Which checkpoints of each model stay") @NotNull @Valid
        RetentionSpec retention,
    @JsonPropertyDescription("Whose turn it is when more work waits than workers are free")
        @NotNull
        @Valid
        SchedulingSpec scheduling) {

  /** A week. */
  public static final int DEFAULT_AWAIT_RETRY_HOURS = 168;

  /** Most bytes of a spec as JSON, its defaults included: it must fit into Temporal's payloads. */
  public static final int MAX_BYTES = 200_000;

  /** Whether datasets, models and figures of other experiments may be taken over. */
  public enum Reuse {
    @JsonProperty("allowed")
    ALLOWED,
    @JsonProperty("never")
    NEVER
  }

  public ExperimentSpec {
    name = name == null ? "experiment" : name;
    seed = seed == null ? 0L : seed;
    labels = labels == null ? Map.of() : Map.copyOf(labels);
    dataset = dataset == null ? new DatasetSpec(null, null, null, null) : dataset;
    teacher = teacher == null ? new TeacherSpec(Optional.empty(), null, null) : teacher;
    if (diffusion == null) {
      diffusion = teacher.source().isPresent() ? DiffusionSpec.OF_TEACHER : DiffusionSpec.DEFAULTS;
    }
    students = students == null ? StudentsSpecBuilder.builder().build() : students;
    evaluation = evaluation == null ? EvaluationSpecBuilder.builder().build() : evaluation;
    compute = compute == null ? "cpu" : compute;
    merge = merge == null ? MergeSpec.NONE : merge;
    search = search == null ? ScheduleSearchSpec.NONE : search;
    reuse = reuse == null ? Reuse.ALLOWED : reuse;
    awaitRetryHours = awaitRetryHours == null ? DEFAULT_AWAIT_RETRY_HOURS : awaitRetryHours;
    retention = retention == null ? RetentionSpec.DEFAULTS : retention;
    scheduling = scheduling == null ? SchedulingSpec.DEFAULTS : scheduling;
  }

  /**
   * The range of each student, smallest timesteps first.
   *
   * @throws IllegalStateException if they are {@linkplain AssignmentSpec#plannedLater planned
   *     later}
   */
  public List<TimestepRange> ranges() {
    return students
        .assignment()
        .ranges(students.count(), diffusion.timesteps(), evaluation.sampler());
  }

  /** How many steps of the sampler ask each of these ranges. */
  public Visits visits(List<TimestepRange> ranges) {
    return Visits.of(ranges, evaluation.sampler().timesteps(diffusion.timesteps()));
  }

  /**
   * What a sampler that cuts x0 and keeps its eps makes of guided predictions, which go far beyond
   * what is cut, in a sentence; empty: nothing is guided, or cut so.
   */
  public Optional<String> guidedCutWarning() {
    boolean guided = evaluation.guidance().isPresent() || students.loss().guidance().isPresent();
    return guided
            && evaluation.sampler().kind() == EvaluationSpec.SamplerSpec.Kind.DDIM
            && evaluation.sampler().clip()
        ? Optional.of(
            "evaluation.sampler cuts the x0 of guided predictions and keeps the eps that belongs to the uncut one, which turns colours around. Expected clip: false, or a kind other than ddim.")
        : Optional.empty();
  }

  /** The same with other students. */
  public ExperimentSpec with(StudentsSpec others) {
    return ExperimentSpecBuilder.builder(this).students(others).build();
  }

  /** The same with another forward process. */
  public ExperimentSpec with(DiffusionSpec other) {
    return ExperimentSpecBuilder.builder(this).diffusion(other).build();
  }
}
