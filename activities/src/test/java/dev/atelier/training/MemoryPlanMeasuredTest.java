package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.atelier.graph.Graph;
import dev.atelier.spec.MemoryPlan;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;

/** Against what {@link MemoryBenchmark} measured. */
class MemoryPlanMeasuredTest {
  private static final double WITHIN = 0.15;

  @ParameterizedTest
  @CsvFileSource(resources = "/training/memory.csv", numLinesToSkip = 1)
  void shouldBeNearWhatWasMeasured(String name, int batch, boolean recomputing, long peakBytes) {
    MemoryBenchmark.Shape shape = MemoryBenchmark.Shape.valueOf(name.toUpperCase(Locale.ROOT));
    Graph graph = shape.network.graph();
    MemoryPlan plan =
        MemoryPlan.of(
            graph,
            Optional.of(graph),
            MemoryBenchmark.training(batch, recomputing),
            MemoryPlan.Form.onCpu(shape.network.spec(), shape.network.resolution()));
    assertThat((double) plan.total()).isCloseTo((double) peakBytes, within(WITHIN * peakBytes));
    // Negative control: a batch of another size is another plan.
    MemoryPlan larger =
        MemoryPlan.of(
            graph,
            Optional.of(graph),
            MemoryBenchmark.training(4 * batch, recomputing),
            MemoryPlan.Form.onCpu(shape.network.spec(), shape.network.resolution()));
    assertThat((double) larger.total()).isGreaterThan((1 + WITHIN) * peakBytes);
  }
}
