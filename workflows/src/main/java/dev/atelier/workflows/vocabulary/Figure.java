package dev.atelier.workflows.vocabulary;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Optional;

/** What is known of a subject beside its {@link Metric}s, in the order in which it is shown. */
public enum Figure {
  DISTANCE("distance", "distance", Form.FIGURE),
  MACS_PER_STEP("macsPerStep", "MACs per step", Form.COUNT),
  ACCELERATION("acceleration", "acceleration", Form.FACTOR),
  PARAMETERS("parameters", "parameters", Form.COUNT),
  WEIGHTS("weightsBytes", "weights", Form.BYTES),
  IMAGES_PER_SECOND("imagesPerSecond", "images/s", Form.RATE),
  PEAK_MEMORY("peakMemoryBytes", "peak memory", Form.BYTES);

  private enum Form {
    FIGURE,
    COUNT,
    FACTOR,
    BYTES,
    RATE
  }

  private final String word;
  private final String title;
  private final Form form;

  Figure(String word, String title, Form form) {
    this.word = word;
    this.title = title;
    this.form = form;
  }

  /** The figure of that word; empty: there is none, or it is a metric. */
  public static Optional<Figure> named(String word) {
    return Arrays.stream(values()).filter(figure -> figure.word.equals(word)).findFirst();
  }

  /**
   * The order in which figures are shown by name: those here, then metrics in theirs, then names
   * that a later version has added.
   */
  public static Comparator<String> order() {
    return Comparator.comparingInt(Figure::rank).thenComparing(Comparator.naturalOrder());
  }

  private static int rank(String word) {
    return named(word)
        .map(Figure::ordinal)
        .orElseGet(
            () ->
                values().length
                    + Arrays.stream(Metric.values())
                        .filter(metric -> metric.key().equals(word))
                        .findFirst()
                        .map(Metric::ordinal)
                        .orElse(Metric.values().length));
  }

  /** What people read for a figure of any name. */
  public static String titleOf(String word) {
    return named(word)
        .map(Figure::title)
        .or(
            () ->
                Arrays.stream(Metric.values())
                    .filter(metric -> metric.key().equals(word))
                    .findFirst()
                    .map(Metric::title))
        .orElse(word);
  }

  /** A value of the figure of any name, as it is written. */
  public static String write(String word, double value) {
    return named(word).map(figure -> figure.write(value)).orElseGet(() -> Notation.figure(value));
  }

  /** Its name in JSON. */
  public String word() {
    return word;
  }

  /** What people call it. */
  public String title() {
    return title;
  }

  /** A value of it, as it is written. */
  public String write(double value) {
    return switch (form) {
      case FIGURE -> Notation.figure(value);
      case COUNT -> Notation.count(value);
      case FACTOR -> Notation.factor(value);
      case BYTES -> Notation.bytes(value);
      case RATE -> Notation.rate(value);
    };
  }
}
