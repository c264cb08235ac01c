package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.network.Network;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.spec.DiffusionSpec;
import dev.atelier.spec.NetworkSpec;
import dev.atelier.spec.TrainingSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class InitialWeightsTest {

  private static final ImageSource NO_IMAGES =
      new ImageSource() {
        @Override
        public int count() {
          return 0;
        }

        @Override
        public void copy(int index, byte[] chw, int offset) {
          throw new IllegalStateException("Random weights need no image.");
        }
      };

  private static TrainingTask task(String name, long seed, InitialWeights start) {
    return new TrainingTask(
        name,
        Network.of(new NetworkSpec(8, List.of(1), 1, List.of(), 1, 0.0, Optional.empty()), 8, 3),
        new DiffusionSpec(null, null, null, null),
        TrainingSpec.DEFAULTS,
        seed,
        "hash",
        "code",
        Optional.empty(),
        start);
  }

  private static Map<String, List<Float>> weights(TrainingTask task) throws IOException {
    Map<String, List<Float>> values = new LinkedHashMap<>();
    for (Map.Entry<String, HostTensor> weight :
        task.start().of(task, NO_IMAGES, "cpu", Path.of(".")).entrySet()) {
      float[] floats = weight.getValue().toFloats();
      List<Float> list = new ArrayList<>();
      for (float f : floats) {
        list.add(f);
      }
      values.put(weight.getKey(), list);
    }
    return values;
  }

  @Test
  void shouldStartStudentsAlikeWhenTheyShareTheSeedOfTheirStart() throws IOException {
    Map<String, List<Float>> first = weights(task("student-1", 1, InitialWeights.random(7)));
    assertThat(weights(task("student-2", 2, InitialWeights.random(7)))).isEqualTo(first);
    assertThat(weights(task("student-1", 1, InitialWeights.random(8)))).isNotEqualTo(first);
  }

  @Test
  void shouldStartModelsFromTheirOwnSeedsOtherwise() throws IOException {
    assertThat(weights(task("student-1", 1, InitialWeights.RANDOM)))
        .isNotEqualTo(weights(task("student-2", 2, InitialWeights.RANDOM)))
        .isEqualTo(weights(task("student-1", 1, InitialWeights.random(1))));
  }
}
