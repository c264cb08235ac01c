package dev.atelier.artifacts;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.dataset.DatasetManifest.ImageClass;
import dev.atelier.spec.EvaluationSpec.Classes;
import dev.atelier.training.ClassSequence;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class StoredDatasetsTest {

  private static final List<ImageClass> CLASSES =
      List.of(new ImageClass("cat", 750), new ImageClass("dog", 250));

  private static long dogs(Classes wanted) {
    ClassSequence classes = StoredDatasets.sampleClasses(CLASSES, wanted);
    return IntStream.range(0, 200).filter(i -> classes.of(i) == 1).count();
  }

  @Test
  void shouldSampleClassesAsOftenAsTheDatasetHasThemUnlessBalanced() {
    assertThat(dogs(Classes.DATASET)).isEqualTo(50);
    assertThat(dogs(Classes.BALANCED)).isEqualTo(100);
  }
}
