package dev.atelier.workflows;

import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.StudentReplacement;
import dev.atelier.spec.StudentsSpec;
import dev.atelier.spec.StudentsSpec.StartFrom;
import dev.atelier.spec.TimestepRange;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The models of an experiment: a teacher, its students, and the one-to-one student if any. */
final class Cohort {

  private final ModelTraining teacher;
  private final boolean teacherImported;
  private final List<ModelTraining> students; // those that are trained, in order of their ranges
  private final Optional<ModelTraining> oneToOne;
  private final Map<ModelKey, StudentsSpec> designs = new HashMap<>(); // as if all were like it

  Cohort(ExperimentSpec spec) {
    StudentsSpec wanted = spec.students();
    teacher = new ModelTraining(ModelKey.TEACHER, spec.teacher().training());
    teacherImported = spec.teacher().source().isPresent();
    List<ModelTraining> trained = new ArrayList<>();
    for (int k = 1; k <= wanted.count(); k++) {
      if (!wanted.ownedByTeacher(k)) {
        StudentsSpec design = wanted.designOf(k);
        trained.add(new ModelTraining(ModelKey.student(k), design.training()));
        designs.put(ModelKey.student(k), design);
      }
    }
    students = List.copyOf(trained);
    oneToOne =
        wanted.trainsOneToOne()
            ? Optional.of(new ModelTraining(ModelKey.ONE_TO_ONE, wanted.training()))
            : Optional.empty();
    designs.put(
        ModelKey.ONE_TO_ONE,
        wanted.startFrom() == StartFrom.ONE_TO_ONE
            ? wanted.startingFrom(StartFrom.RANDOM)
            : wanted);
  }

  ModelTraining teacher() {
    return teacher;
  }

  /** Those that are trained, in order of their ranges. */
  List<ModelTraining> students() {
    return students;
  }

  Optional<ModelTraining> oneToOne() {
    return oneToOne;
  }

  /** All that learn from the teacher. */
  List<ModelTraining> apprentices() {
    return Stream.concat(students.stream(), oneToOne.stream()).toList();
  }

  Stream<ModelTraining> models() {
    return Stream.concat(Stream.of(teacher), apprentices().stream());
  }

  Optional<ModelTraining> find(ModelKey key) {
    return models().filter(m -> m.key().equals(key)).findFirst();
  }

  /** What an apprentice is to be, as if all students were like it. */
  StudentsSpec design(ModelKey apprentice) {
    return designs.get(apprentice);
  }

  void redesign(ModelKey apprentice, StudentReplacement replacement) {
    designs.computeIfPresent(apprentice, (key, design) -> replacement.appliedTo(design));
  }

  /** That the model is to be trained to; 0: it is imported. */
  int steps(ModelTraining model) {
    return model == teacher && teacherImported ? 0 : model.training().steps();
  }

  /** Whether an attempt at any model still works, perhaps on its last checkpoint. */
  boolean works() {
    return models().anyMatch(ModelTraining::works);
  }

  /** Whether no student is missing of those that are to be trained. */
  boolean isWhole() {
    return students.stream().allMatch(m -> m.is(ModelState.DONE));
  }

  boolean hasTrainedStudents() {
    return students.stream().anyMatch(m -> m.is(ModelState.DONE));
  }

  /** The owner of each range, in order: its student, or the teacher where there is none. */
  List<ModelRef> specialists(List<TimestepRange> ranges) {
    Map<ModelKey, ModelRef> trained =
        students.stream()
            .filter(m -> m.is(ModelState.DONE))
            .collect(Collectors.toMap(ModelTraining::key, ModelTraining::result));
    List<ModelRef> owners = new ArrayList<>();
    for (int k = 1; k <= ranges.size(); k++) {
      ModelRef student = trained.get(ModelKey.student(k));
      owners.add(student == null ? teacher.result().owning(ranges.get(k - 1)) : student);
    }
    return owners;
  }

  /** The one-to-one student as it is trained; empty or one. */
  List<ModelRef> trainedOneToOne() {
    return oneToOne.stream().filter(m -> m.is(ModelState.DONE)).map(ModelTraining::result).toList();
  }

  /** A sentence for each model that was not trained. */
  Stream<String> missing() {
    return models()
        .filter(m -> !m.is(ModelState.DONE))
        .map(
            m ->
                "%s was not trained%s."
                    .formatted(
                        m.key(),
                        m.failure()
                            .map(f -> " (%s)".formatted(f.message()))
                            .orElse(m.closed().map(why -> ": " + why).orElse(""))));
  }
}
