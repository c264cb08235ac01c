package dev.atelier.dataset;

import dev.atelier.spec.ShapesSource;
import dev.atelier.spec.ShapesSource.Hue;
import dev.atelier.spec.ShapesSource.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Draws one clear shape per image: circle, square, triangle or cross, upright, in one of six
 * saturated hues on a dark ground; easy enough that a small model learns it in minutes, and a bad
 * one shows. An image depends on seed, index and resolution alone, and one index shows the same
 * scene at every resolution.
 */
public final class ShapesGenerator {

  private static final List<Shape> SHAPES = List.of(Shape.values());
  private static final List<Hue> HUES = List.of(Hue.values());

  /** Names of the shapes, in the order of their labels. */
  static final List<String> CLASSES = SHAPES.stream().map(Shape::word).toList();

  // Each means the same; %1$s is the hue, %2$s the shape.
  private static final String PLAIN = "a %1$s %2$s";
  private static final List<String> WORDINGS =
      List.of(
          "%1$s %2$s",
          "the %1$s %2$s",
          "one %1$s %2$s",
          "a %2$s that is %1$s",
          "a %2$s in %1$s",
          "a picture of a %1$s %2$s",
          "an image of a %1$s %2$s",
          "a drawing of a %1$s %2$s");
  private static final int FURTHER_WORDINGS = 2;
  private static final long OF_CAPTIONS = 0x63617074696F6E73L; // draws of their own

  private static final int CHANNELS = 3;
  private static final double[] GROUND = {0.06, 0.06, 0.1};

  private final long seed;

  public ShapesGenerator(long seed) {
    this.seed = seed;
  }

  /** What image {@code index} shows. */
  public ShapesSource.Scene scene(int index) {
    Scene scene = new Scene(seed, index);
    return new ShapesSource.Scene(scene.hue, scene.shape);
  }

  /** The first image from {@code index} on that shows none of {@code unwanted} scenes. */
  int next(int index, Set<ShapesSource.Scene> unwanted) {
    int next = index;
    while (unwanted.contains(scene(next))) {
      next++;
    }
    return next;
  }

  /**
   * Captions of image {@code index}, all of one meaning: hue and shape in plain words, and two of
   * eight other wordings.
   */
  List<String> captions(int index) {
    ShapesSource.Scene scene = scene(index);
    Draws draws = new Draws(Draws.mix(Draws.mix(seed ^ OF_CAPTIONS) + index));
    List<String> left = new ArrayList<>(WORDINGS);
    List<String> wordings = new ArrayList<>(List.of(PLAIN));
    for (int i = 0; i < FURTHER_WORDINGS; i++) {
      wordings.add(left.remove((int) (draws.next() * left.size())));
    }
    return wordings.stream()
        .map(wording -> wording.formatted(scene.hue().word(), scene.shape().word()))
        .toList();
  }

  /** The shape's index in {@link #CLASSES}. */
  int label(int index) {
    return SHAPES.indexOf(scene(index).shape());
  }

  /** Image {@code index} as uint8 [3, H, W]. */
  public byte[] render(int index, int resolution) {
    Scene scene = new Scene(seed, index);
    int plane = resolution * resolution;
    byte[] chw = new byte[CHANNELS * plane];
    double pixel = 1.0 / resolution;
    for (int y = 0; y < resolution; y++) {
      for (int x = 0; x < resolution; x++) {
        double distance = scene.signedDistance((x + 0.5) * pixel, (y + 0.5) * pixel);
        // The share of the pixel inside a straight edge that passes at this distance.
        double coverage = Math.min(1, Math.max(0, 0.5 - distance / pixel));
        for (int c = 0; c < CHANNELS; c++) {
          double value = coverage * scene.ink[c] + (1 - coverage) * GROUND[c];
          chw[c * plane + y * resolution + x] = (byte) Math.round(255 * value);
        }
      }
    }
    return chw;
  }

  private static final class Scene {
    final Shape shape;
    final Hue hue;
    final double centreX;
    final double centreY;
    final double radius;
    final double[] ink;

    Scene(long seed, int index) {
      Draws draws = new Draws(Draws.mix(Draws.mix(seed) + index));
      shape = SHAPES.get((int) (draws.next() * SHAPES.size()));
      radius = 0.36 + 0.06 * draws.next();
      double freedom = 0.06;
      centreX = 0.5 + freedom * (2 * draws.next() - 1);
      centreY = 0.5 + freedom * (2 * draws.next() - 1);
      int sixth = (int) (draws.next() * HUES.size());
      hue = HUES.get(sixth);
      ink = hsv(sixth / (double) HUES.size(), 1, 1);
    }

    /** Distance to the shape's edge, negative inside, in units of the image side. */
    double signedDistance(double imageX, double imageY) {
      double x = imageX - centreX;
      double y = imageY - centreY;
      return switch (shape) {
        case CIRCLE -> Math.sqrt(x * x + y * y) - 0.85 * radius;
        case SQUARE -> box(x, y, 0.72 * radius, 0.72 * radius);
        case TRIANGLE -> {
          double apothem = radius / 2; // of an equilateral triangle with circumradius `radius`
          double slanted = Math.abs(x) * Math.sqrt(3) / 2 - y / 2;
          yield Math.max(slanted, y) - apothem;
        }
        case CROSS ->
            Math.min(
                box(x, y, 0.95 * radius, 0.3 * radius), box(x, y, 0.3 * radius, 0.95 * radius));
      };
    }

    private static double box(double x, double y, double halfWidth, double halfHeight) {
      return Math.max(Math.abs(x) - halfWidth, Math.abs(y) - halfHeight);
    }

    private static double[] hsv(double hue, double saturation, double value) {
      double[] rgb = new double[3];
      for (int c = 0; c < 3; c++) {
        double k = (6 * hue + 5 - 2 * c) % 6;
        if (k < 0) {
          k += 6;
        }
        rgb[c] = value * (1 - saturation * Math.max(0, Math.min(1, Math.min(k, 4 - k))));
      }
      return rgb;
    }
  }

  /** SplitMix64 (Steele, Lea and Flood 2014), written out so that no Java release changes it. */
  private static final class Draws {

    private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;
    private long state;

    Draws(long state) {
      this.state = state;
    }

    /** Uniform in [0, 1). */
    double next() {
      state += GOLDEN_GAMMA;
      return (mix(state) >>> 11) * 0x1.0p-53;
    }

    static long mix(long z) {
      long a = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
      long b = (a ^ (a >>> 27)) * 0x94D049BB133111EBL;
      return b ^ (b >>> 31);
    }
  }
}
