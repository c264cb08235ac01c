package dev.atelier.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import org.junit.jupiter.api.Test;

class ClassSequenceTest {

  @Test
  void shouldGiveEachClassInTurnWhenSharesAreEqual() {
    ClassSequence balanced = ClassSequence.balanced(3);
    ClassSequence equal = ClassSequence.of(List.of(500, 500, 500));
    for (int i = 0; i < 100; i++) {
      assertThat(balanced.of(i)).isEqualTo(i % 3);
      assertThat(equal.of(i)).isEqualTo(i % 3);
    }
    assertThat(ClassSequence.balanced(0).conditional()).isFalse();
  }

  @Test
  void shouldKeepTheSharesUpToAnyImage() {
    List<Integer> shares = List.of(700, 200, 99, 1, 0);
    ClassSequence sequence = ClassSequence.of(shares);
    int[] drawn = new int[5];
    for (int i = 0; i < 5000; i++) {
      drawn[sequence.of(i)]++;
      for (int c = 0; c < 5; c++) {
        assertThat(Math.abs(drawn[c] - shares.get(c) * (i + 1) / 1000.0)).isLessThan(1.5);
      }
    }
    assertThat(drawn).containsExactly(3500, 1000, 495, 5, 0);
  }

  @Test
  void shouldNotDependOnWhichImagesAreAskedForFirst() {
    ClassSequence forward = ClassSequence.of(List.of(5, 3));
    ClassSequence late = ClassSequence.of(List.of(5, 3));
    assertThat(late.of(77)).isEqualTo(forward.of(77));
    for (int i = 0; i < 100; i++) {
      assertThat(late.of(i)).isEqualTo(forward.of(i));
    }
  }

  @Test
  void shouldRefuseSharesThatAreNone() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ClassSequence.of(List.of(0, 0)))
        .withMessageContaining("[0, 0]");
    assertThatIllegalArgumentException().isThrownBy(() -> ClassSequence.of(List.of(2, -1)));
  }
}
