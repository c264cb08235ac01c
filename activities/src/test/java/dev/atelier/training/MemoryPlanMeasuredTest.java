package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.spec.TrainingSpec.Precision;
import dev.atelier.training.MemoryBenchmark.Shape;
import java.util.Locale;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;

/** Against what {@link MemoryBenchmark} measured. */
class MemoryPlanMeasuredTest {
  private static final double WITHIN = 0.15;

  @ParameterizedTest
  @CsvFileSource(resources = "/training/memory.csv", numLinesToSkip = 1)
  void shouldBeNearWhatWasMeasured(
      String name, int batch, String precision, boolean recomputing, long peakBytes) {
    Shape shape = Shape.valueOf(name.toUpperCase(Locale.ROOT));
    Precision of = Precision.valueOf(precision.toUpperCase(Locale.ROOT));
    double planned = shape.plan(MemoryBenchmark.training(batch, of, recomputing)).total();
    assertThat(planned).isCloseTo((double) peakBytes, within(WITHIN * peakBytes));
    // Negative control: a batch of another size is another plan.
    double larger = shape.plan(MemoryBenchmark.training(4 * batch + 8, of, recomputing)).total();
    assertThat(larger).isGreaterThan((1 + WITHIN) * peakBytes);
  }
}
