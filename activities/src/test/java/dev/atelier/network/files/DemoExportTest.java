package dev.atelier.network.files;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.examples.ExampleSpecs;
import dev.atelier.network.Network;
import dev.atelier.spec.DiffusersFit;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpecBuilder;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** What the demo leaves is what its users see first. */
class DemoExportTest {

  @Test
  void shouldMakeFoldersOfDiffusersOfAllNetworksOfTheDemo() throws Exception {
    ExperimentSpec demo = ExampleSpecs.experiments(Path.of("../examples/demo.yaml")).get(0);
    for (NetworkSpec network : List.of(demo.teacher().network(), demo.students().network())) {
      assertThat(config(network)).isPresent();
      // Negative control: groups by width differ.
      assertThat(config(NetworkSpecBuilder.builder(network).groups(Optional.empty()).build()))
          .isEmpty();
    }
  }

  /** The networks that the figures of docs/results.md were measured with are said in full. */
  @Test
  void shouldMakeFoldersOfAllOtherNetworksButThoseOfOldFigures() throws Exception {
    Set<String> without = new TreeSet<>();
    for (Path file : ExampleSpecs.files()) {
      for (ExperimentSpec spec : ExampleSpecs.experiments(file)) {
        if (!DiffusersFit.warnings(spec).isEmpty()) {
          without.add(file.subpath(1, file.getNameCount()).toString());
        }
      }
    }
    assertThat(without)
        .containsExactly(
            "examples/cifar10-16-drift.yaml",
            "examples/cifar10-16-study.yaml",
            "studies/smoke/feature-kd-stability.yaml",
            "studies/smoke/merge-memory.yaml",
            "studies/smoke/one-to-one-vs-many.yaml",
            "studies/smoke/timestep-drift.yaml");
  }

  private static Optional<?> config(NetworkSpec network) {
    return DiffusersNetwork.config(Network.of(network, 16, 3));
  }
}
