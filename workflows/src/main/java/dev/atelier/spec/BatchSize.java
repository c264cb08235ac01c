package dev.atelier.spec;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A batch size that a spec asks for: no batch is larger than the dataset.
 *
 * @param field its path in the spec
 * @param images in a batch
 */
public record BatchSize(String field, int images) {

  /** Every one of a spec that something is trained with. */
  public static List<BatchSize> of(ExperimentSpec spec) {
    List<BatchSize> sizes = new ArrayList<>();
    if (spec.teacher().source().isEmpty()) {
      sizes.add(new BatchSize("teacher.training.batchSize", spec.teacher().training().batchSize()));
    }
    sizes.add(new BatchSize("students.training.batchSize", spec.students().training().batchSize()));
    List<StudentsSpec.StudentOverride> overrides = spec.students().overrides();
    for (int i = 0; i < overrides.size(); i++) {
      String field = "students.overrides[%d].training.batchSize".formatted(i);
      overrides
          .get(i)
          .training()
          .batchSize()
          .ifPresent(size -> sizes.add(new BatchSize(field, size)));
    }
    return sizes;
  }

  /** What is wrong with it for a dataset of so many images, if anything is. */
  public Optional<String> fault(long dataset) {
    return images <= dataset
        ? Optional.empty()
        : Optional.of(
            "must be at most the %d images of the dataset, found %d.".formatted(dataset, images));
  }
}
