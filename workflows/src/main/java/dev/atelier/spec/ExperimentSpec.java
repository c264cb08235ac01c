package dev.atelier.spec;

import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import java.util.Map;

/** What a user asks for: one teacher, its students, and how they are compared. */
public record ExperimentSpec(
    @NotNull @Size(min = 1, max = 100) String name,
    @NotNull Long seed, // every random draw of the experiment is a function of it
    @NotNull @Size(max = 32) Map<@Size(min = 1, max = 63) String, @Size(max = 255) String> labels,
    @NotNull @Valid DatasetSpec dataset,
    @NotNull @Valid DiffusionSpec diffusion,
    @NotNull @Valid TeacherSpec teacher,
    @NotNull @Valid StudentsSpec students,
    @NotNull @Valid EvaluationSpec evaluation,
    @NotNull @Pattern(regexp = "cpu|gpu(-[a-z0-9]+)?")
        String compute // task queue atelier-<compute>
    ) {

  public ExperimentSpec {
    name = name == null ? "experiment" : name;
    seed = seed == null ? 0L : seed;
    labels = labels == null ? Map.of() : Map.copyOf(labels);
    dataset = dataset == null ? new DatasetSpec(null, null, null, null) : dataset;
    diffusion = diffusion == null ? new DiffusionSpec(null, null, null, null) : diffusion;
    teacher = teacher == null ? new TeacherSpec(null, null) : teacher;
    students =
        students == null
            ? new StudentsSpec(null, null, null, null, null, null, null, null)
            : students;
    evaluation =
        evaluation == null
            ? new EvaluationSpec(null, null, null, null, null, null, null)
            : evaluation;
    compute = compute == null ? "cpu" : compute;
  }
}
