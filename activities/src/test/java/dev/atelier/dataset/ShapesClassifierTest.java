package dev.atelier.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.dataset.ShapesClassifier.Seen;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShapesClassifierTest {

  private static final int IMAGES = 1000;

  @ParameterizedTest
  @ValueSource(ints = {16, 32})
  void shouldTellColourAndShapeOfWhatIsDrawn(int side) {
    ShapesGenerator generator = new ShapesGenerator(77);
    ShapesClassifier classifier = new ShapesClassifier(side);
    int right = 0;
    for (int i = 0; i < IMAGES; i++) {
      Seen seen = classifier.classify(generator.render(i, side), 0);
      boolean shape = seen.shape().equals(generator.scene(i).shape().word());
      boolean colour = generator.scene(i).hue().word().equals(seen.colour());
      right += shape && colour ? 1 : 0;
    }
    assertThat(right).isGreaterThan(IMAGES * 99 / 100);
  }

  @Test
  void shouldSeeNothingInNoiseMoreOftenThanByChance() {
    ShapesGenerator generator = new ShapesGenerator(77);
    ShapesClassifier classifier = new ShapesClassifier(16);
    Random random = new Random(1);
    int right = 0;
    for (int i = 0; i < IMAGES; i++) {
      byte[] noise = new byte[3 * 16 * 16];
      random.nextBytes(noise);
      Seen seen = classifier.classify(noise, 0);
      right += generator.scene(i).hue().word().equals(seen.colour()) ? 1 : 0;
    }
    assertThat(right).isLessThan(IMAGES / 3);
  }
}
