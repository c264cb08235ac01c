package dev.atelier.network.files;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.examples.ExampleSpecs;
import dev.atelier.network.Network;
import dev.atelier.spec.ExperimentSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.NetworkSpecBuilder;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What the demo leaves is what its users see first. */
class DemoExportTest {

  @Test
  void shouldMakeFoldersOfDiffusersOfAllNetworksOfTheDemo() throws Exception {
    ExperimentSpec demo = ExampleSpecs.experiments(Path.of("../examples/demo.yaml")).get(0);
    for (NetworkSpec network : List.of(demo.teacher().network(), demo.students().network())) {
      assertThat(config(network)).isPresent();
      // Negative control: what groups are by default differs by width.
      assertThat(config(NetworkSpecBuilder.builder(network).groups(Optional.empty()).build()))
          .isEmpty();
    }
  }

  private static Optional<?> config(NetworkSpec network) {
    return DiffusersExport.config(Network.of(network, 16, 3));
  }
}
