package dev.atelier.api.experiment.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** A curve in arrays that grow, so that a hundred thousand points cost little. */
final class Curve {

  private int[] steps = new int[256];
  private double[] values = new double[256];
  private int size;

  void add(int step, double value) {
    if (size == steps.length) {
      steps = Arrays.copyOf(steps, 2 * size);
      values = Arrays.copyOf(values, 2 * size);
    }
    steps[size] = step;
    values[size++] = value;
  }

  /** Adds points and returns how many. */
  int addAll(Integer[] newSteps, Double[] newValues) {
    for (int i = 0; i < newSteps.length; i++) {
      add(newSteps[i], newValues[i]);
    }
    return newSteps.length;
  }

  /** This curve with the points of {@code other}, which count where both have one of a step. */
  Curve overlaidBy(Curve other) {
    if (size == 0 || other.size == 0) {
      return size == 0 ? other : this;
    }
    Curve both = new Curve();
    int own = 0;
    for (int i = 0; i < other.size; i++) {
      for (; own < size && steps[own] < other.steps[i]; own++) {
        both.add(steps[own], values[own]);
      }
      if (own < size && steps[own] == other.steps[i]) {
        own++;
      }
      both.add(other.steps[i], other.values[i]);
    }
    for (; own < size; own++) {
      both.add(steps[own], values[own]);
    }
    return both;
  }

  int size() {
    return size;
  }

  /** -1 when there is no point. */
  int lastStep() {
    return size == 0 ? -1 : steps[size - 1];
  }

  /**
   * About {@code most} points: of each of {@code most / 2} equal stretches of points the lowest and
   * the highest, so that no spike is lost, and the first and the last point. A value that is no
   * number counts as the highest.
   */
  List<MetricSeries.Point> thinned(int most) {
    if (size <= most) {
      return IntStream.range(0, size).mapToObj(this::point).toList();
    }
    int stretches = Math.max(1, (most - 2) / 2);
    List<MetricSeries.Point> points = new ArrayList<>(most);
    points.add(point(0));
    for (int s = 0; s < stretches; s++) {
      int from = 1 + (int) ((long) (size - 2) * s / stretches);
      int to = 1 + (int) ((long) (size - 2) * (s + 1) / stretches);
      int lowest = from;
      int highest = from;
      for (int i = from + 1; i < to; i++) {
        lowest = Double.compare(values[i], values[lowest]) < 0 ? i : lowest;
        highest = Double.compare(values[i], values[highest]) > 0 ? i : highest;
      }
      if (from < to) {
        points.add(point(Math.min(lowest, highest)));
        if (lowest != highest) {
          points.add(point(Math.max(lowest, highest)));
        }
      }
    }
    points.add(point(size - 1));
    return points;
  }

  private MetricSeries.Point point(int i) {
    return MetricSeries.Point.of(steps[i], values[i]);
  }
}
