package dev.atelier.spec;

import dev.atelier.spec.SourceLocation.LocalFile;
import dev.atelier.spec.SourceLocation.MalformedSourceException;
import dev.atelier.spec.SourceLocation.StoredObject;
import dev.atelier.spec.SourceLocation.WebFile;
import java.util.ArrayList;
import java.util.List;

/** What can't be asked of a teacher that is a TorchScript file, of which no network is known. */
public final class ArchiveRules {

  private static final String ENDING = ".pt"; // as exports and users of PyTorch name it

  private final ExperimentSpec spec;
  private final List<SpecFault> faults = new ArrayList<>();

  private ArchiveRules(ExperimentSpec spec) {
    this.spec = spec;
  }

  /** Every breach that shows at launch: of a teacher whose file is named as one. */
  static List<SpecFault> ofName(ExperimentSpec spec) {
    return spec.teacher().source().filter(ArchiveRules::isNamed).isPresent() ? of(spec) : List.of();
  }

  /** Every breach where the teacher is one. */
  public static List<SpecFault> of(ExperimentSpec spec) {
    ArchiveRules rules = new ArchiveRules(spec);
    rules.check();
    return List.copyOf(rules.faults);
  }

  private static boolean isNamed(String source) {
    try {
      SourceLocation location = SourceLocation.parse(source);
      if (location instanceof LocalFile file) {
        return file.path().toString().endsWith(ENDING);
      } else if (location instanceof WebFile file) {
        return String.valueOf(file.uri().getPath()).endsWith(ENDING);
      }
      return location instanceof StoredObject object && object.key().endsWith(ENDING);
    } catch (MalformedSourceException e) {
      return false; // another rule says why
    }
  }

  private void check() {
    StudentsSpec students = spec.students();
    if (spec.dataset().captions().isPresent()) {
      fault("dataset.captions", "needs a teacher that reads texts", "none");
    }
    if (students.network().latents().isPresent()) {
      fault("students.network.latents", "needs a teacher of latents", "none");
    }
    if (students.loss().guidance().isPresent()) {
      unled("students.loss.guidance");
    }
    if (spec.evaluation().guidance().isPresent()) {
      unled("evaluation.guidance");
    }
    if (students.loss().feature().wanted()) {
      fault("students.loss.feature", "compares features of the teacher's network", "kind none");
    }
    if (students.startFrom().isTeachers()) {
      fault("students.startFrom", "takes weights of the teacher's network", "random or one-to-one");
    }
    AssignmentSpec assignment = students.assignment();
    if (assignment.kind() == AssignmentSpec.Kind.MEASURED
        && assignment.signal() != AssignmentSpec.Signal.INPUT) {
      fault(
          "students.assignment.signal", "compares features of the teacher's middle block", "input");
    }
  }

  private void unled(String field) {
    fault(
        field,
        "needs a teacher that can be asked without a class",
        "1, or the teacher as a folder of diffusers or a safetensors file");
  }

  private void fault(String field, String need, String expected) {
    faults.add(
        new SpecFault(
            field,
            "%s, but teacher.source is a TorchScript file, whose network is not known: expected %s."
                .formatted(need, expected)));
  }
}
