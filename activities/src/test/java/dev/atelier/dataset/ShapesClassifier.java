package dev.atelier.dataset;

import java.util.ArrayList;
import java.util.List;

/**
 * Tells colour and shape of images such as {@link ShapesGenerator} draws, without knowing how it
 * does: by the hue of what is bright, and by the drawn outline that overlaps it best.
 */
public final class ShapesClassifier {

  /** What an image shows. */
  public record Seen(String colour, String shape) {}

  private static final List<String> COLOURS =
      List.of("red", "yellow", "green", "cyan", "blue", "magenta");
  private static final List<double[]> RGB =
      List.of(
          new double[] {1, 0, 0},
          new double[] {1, 1, 0},
          new double[] {0, 1, 0},
          new double[] {0, 1, 1},
          new double[] {0, 0, 1},
          new double[] {1, 0, 1});
  private static final List<String> SHAPES = List.of("circle", "square", "triangle", "cross");
  private static final double GROUND = 0.1; // brightest channel of what lies behind
  private static final int FINE = 4; // points per side of a pixel

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Outline(String shape, double[] mask, double norm) {}

  private final int side;
  private final List<Outline> outlines = new ArrayList<>();

  public ShapesClassifier(int side) {
    this.side = side;
    for (String shape : SHAPES) {
      for (double radius = 0.34; radius <= 0.44; radius += 0.02) {
        for (double cx = 0.42; cx <= 0.58; cx += 0.02) {
          for (double cy = 0.42; cy <= 0.58; cy += 0.02) {
            double[] mask = mask(shape, cx, cy, radius);
            outlines.add(new Outline(shape, mask, norm(mask)));
          }
        }
      }
    }
  }

  private double[] mask(String shape, double cx, double cy, double radius) {
    double[] mask = new double[side * side];
    int n = side * FINE;
    for (int y = 0; y < n; y++) {
      for (int x = 0; x < n; x++) {
        if (inside(shape, (x + 0.5) / n - cx, (y + 0.5) / n - cy, radius)) {
          mask[y / FINE * side + x / FINE] += 1.0 / (FINE * FINE);
        }
      }
    }
    return mask;
  }

  private static boolean inside(String shape, double x, double y, double r) {
    return switch (shape) {
      case "circle" -> Math.hypot(x, y) < 0.85 * r;
      case "square" -> Math.max(Math.abs(x), Math.abs(y)) < 0.72 * r;
      case "triangle" -> y < r / 2 && Math.abs(x) * Math.sqrt(3) < y + r;
      default ->
          (Math.abs(x) < 0.95 * r && Math.abs(y) < 0.3 * r)
              || (Math.abs(x) < 0.3 * r && Math.abs(y) < 0.95 * r);
    };
  }

  private static double norm(double[] values) {
    double sum = 0;
    for (double value : values) {
      sum += value * value;
    }
    return Math.sqrt(sum);
  }

  /** What an 8-bit image [3, H, W] shows. */
  public Seen classify(byte[] chw, int offset) {
    int plane = side * side;
    double[] ink = new double[plane];
    double[] colour = new double[3];
    for (int i = 0; i < plane; i++) {
      double brightest = 0;
      for (int c = 0; c < 3; c++) {
        brightest = Math.max(brightest, (chw[offset + c * plane + i] & 0xFF) / 255.0);
      }
      ink[i] = Math.max(0, (brightest - GROUND) / (1 - GROUND));
      for (int c = 0; c < 3; c++) {
        colour[c] += ink[i] * (chw[offset + c * plane + i] & 0xFF) / 255.0;
      }
    }
    return new Seen(nearest(colour), overlapping(ink));
  }

  private static String nearest(double[] colour) {
    String best = "";
    double most = -1;
    for (int k = 0; k < RGB.size(); k++) {
      double dot = 0;
      for (int c = 0; c < 3; c++) {
        dot += colour[c] * RGB.get(k)[c];
      }
      double cosine = dot / (norm(colour) * norm(RGB.get(k)) + 1e-12);
      if (cosine > most) {
        most = cosine;
        best = COLOURS.get(k);
      }
    }
    return best;
  }

  private String overlapping(double[] ink) {
    String best = "";
    double most = -1;
    for (Outline outline : outlines) {
      double dot = 0;
      for (int i = 0; i < ink.length; i++) {
        dot += ink[i] * outline.mask[i];
      }
      double cosine = dot / outline.norm;
      if (cosine > most) {
        most = cosine;
        best = outline.shape;
      }
    }
    return best;
  }
}
