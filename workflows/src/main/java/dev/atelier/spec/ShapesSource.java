package dev.atelier.spec;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * The source {@code shapes[?count=N&seed=S&without=HUE+SHAPE,...]} of a dataset.
 *
 * @param count images
 * @param without scenes of which no image is drawn, in the order of hue and shape
 */
public record ShapesSource(int count, long seed, Set<Scene> without) {

  private static final int DEFAULT_COUNT = 4096;
  private static final int MOST = 10_000_000;

  /** The hues, each a sixth of the circle on from the one before. */
  public enum Hue {
    RED,
    YELLOW,
    GREEN,
    CYAN,
    BLUE,
    MAGENTA;

    /** Such as: red. */
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** The shapes, in the order of their labels. */
  public enum Shape {
    CIRCLE,
    SQUARE,
    TRIANGLE,
    CROSS;

    /** Such as: circle. */
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What an image shows. */
  public record Scene(Hue hue, Shape shape) implements Comparable<Scene> {
    @Override
    public int compareTo(Scene other) {
      int byHue = hue.compareTo(other.hue);
      return byHue == 0 ? shape.compareTo(other.shape) : byHue;
    }
  }

  private enum Parameter {
    COUNT,
    SEED,
    WITHOUT;

    static Parameter named(String name) {
      return Arrays.stream(values())
          .filter(parameter -> parameter.name().toLowerCase(Locale.ROOT).equals(name))
          .findFirst()
          .orElseThrow(
              () ->
                  malformed(
                      "has the unknown parameter '%s': shapes takes count, seed and without."
                          .formatted(name)));
    }
  }

  public ShapesSource {
    without = java.util.Collections.unmodifiableSet(new TreeSet<>(without));
  }

  /** Whether a source is one of these, well-formed or not. */
  public static boolean isNamed(String source) {
    return source.equals("shapes") || source.startsWith("shapes?");
  }

  /**
   * Reads a source that {@link #isNamed} tells.
   *
   * @throws SourceLocation.MalformedSourceException if a parameter is not as it should be
   */
  public static ShapesSource parse(String source) {
    Map<Parameter, String> given = parameters(source);
    long count = number(given, Parameter.COUNT, DEFAULT_COUNT);
    if (count < 1 || count > MOST) {
      throw malformed("needs a count from 1 to %d, found %d.".formatted(MOST, count));
    }
    Set<Scene> without =
        given.containsKey(Parameter.WITHOUT) ? scenes(given.get(Parameter.WITHOUT)) : Set.of();
    return new ShapesSource((int) count, number(given, Parameter.SEED, 0), without);
  }

  private static Map<Parameter, String> parameters(String source) {
    Map<Parameter, String> given = new HashMap<>();
    if (source.indexOf('?') < 0) {
      return given;
    }
    for (String pair : source.substring("shapes?".length()).split("&", -1)) {
      String[] parts = pair.split("=", 2);
      String value = parts.length < 2 ? "" : parts[1];
      if (given.put(Parameter.named(parts[0]), value) != null) {
        throw malformed("names the parameter %s twice.".formatted(parts[0]));
      }
    }
    return given;
  }

  private static long number(Map<Parameter, String> given, Parameter name, long usual) {
    String text = given.get(name);
    try {
      return text == null ? usual : Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw malformed(
          "needs a whole number for %s, found '%s'."
              .formatted(name.name().toLowerCase(Locale.ROOT), text));
    }
  }

  private static Set<Scene> scenes(String text) {
    Set<Scene> scenes = new TreeSet<>();
    for (String scene : text.split(",", -1)) {
      scenes.add(scene(scene));
    }
    if (scenes.size() == Hue.values().length * Shape.values().length) {
      throw malformed("is without every scene: nothing is left to draw.");
    }
    return scenes;
  }

  private static Scene scene(String text) {
    for (Hue hue : Hue.values()) {
      for (Shape shape : Shape.values()) {
        if (text.equals(hue.word() + "+" + shape.word())) {
          return new Scene(hue, shape);
        }
      }
    }
    throw malformed(
        "needs hues and shapes for without, as in red+circle,blue+cross, found '%s'."
            .formatted(text));
  }

  private static SourceLocation.MalformedSourceException malformed(String message) {
    return new SourceLocation.MalformedSourceException(message);
  }
}
