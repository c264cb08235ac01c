package dev.atelier.api.experiment.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CurveTest {

  @Test
  void shouldKeepASpikeOfOnePointAmongAHundredThousand() {
    Curve curve = new Curve();
    Random random = new Random(7);
    for (int i = 0; i < 100_000; i++) {
      curve.add(i, i == 54_321 ? 99 : i == 70_001 ? -99 : random.nextDouble());
    }

    List<MetricSeries.Point> points = curve.thinned(1000);

    assertThat(points).hasSizeBetween(900, 1000);
    assertThat(points)
        .contains(MetricSeries.Point.of(54_321, 99), MetricSeries.Point.of(70_001, -99));
    assertThat(points).isSortedAccordingTo((a, b) -> Integer.compare(a.step(), b.step()));
    assertThat(points).doesNotHaveDuplicates();
    assertThat(points.get(0).step()).isZero();
    assertThat(points.get(points.size() - 1).step()).isEqualTo(99_999);
  }

  @Test
  void shouldLeaveAShortCurveAsItIs() {
    Curve curve = new Curve();
    for (int i = 0; i < 10; i++) {
      curve.add(5 * i, -i);
    }

    assertThat(curve.thinned(10)).hasSize(10);
    assertThat(curve.thinned(10).get(3)).isEqualTo(MetricSeries.Point.of(15, -3));
  }

  @Test
  void shouldKeepAValueThatIsNoNumberAsAGap() {
    Curve curve = new Curve();
    for (int i = 0; i < 1000; i++) {
      curve.add(i, i == 500 ? Double.NaN : 1);
    }

    assertThat(curve.thinned(10)).contains(MetricSeries.Point.of(500, Double.NaN));
  }
}
