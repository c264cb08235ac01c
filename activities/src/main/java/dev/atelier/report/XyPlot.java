package dev.atelier.report;

import dev.atelier.workflows.vocabulary.Notation;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** Lines or points over two axes, each linear or logarithmic. */
record XyPlot(String title, Axis x, Axis y, List<Series> series) {

  /** How an axis is divided; a logarithmic one has no place for what is not positive. */
  enum Scale {
    LINEAR,
    LOG
  }

  /** What an axis shows, with its unit. */
  record Axis(String label, Scale scale) {}

  /**
   * A value.
   *
   * @param spread half the length of its error bar in y; 0 draws none
   */
  record Point(double x, double y, double spread) {}

  /** How a series is drawn. */
  enum Shape {
    POINTS,
    LINE,
    LINE_WITH_POINTS
  }

  /**
   * What one name in the legend stands for.
   *
   * @param faint the same before smoothing, drawn pale behind; may be empty
   */
  record Series(String name, Shape shape, List<Point> points, List<Point> faint) {}

  private static final int WIDTH = 680;
  private static final int LEFT = 78;
  private static final int RIGHT = 24;
  private static final int TOP = 34;
  private static final int PLOT_HEIGHT = 280;
  private static final int BOTTOM = 58;
  private static final int LEGEND_ROW = 20;
  private static final int LEGEND_COLUMNS = 2;
  private static final int LONGEST_LEGEND = 36;
  private static final String[] DASHES = {"none", "7 3", "2 3", "9 3 2 3"};

  Svg draw() {
    int legendRows = (series.size() + LEGEND_COLUMNS - 1) / LEGEND_COLUMNS;
    Svg svg = new Svg(WIDTH, TOP + PLOT_HEIGHT + BOTTOM + legendRows * LEGEND_ROW + 4, title);
    Range horizontal = range(x.scale, Point::x, p -> 0);
    Range vertical = range(y.scale, Point::y, Point::spread);
    drawAxes(svg, horizontal, vertical);
    for (int i = 0; i < series.size(); i++) {
      drawSeries(svg, i, horizontal, vertical);
      int column = i % LEGEND_COLUMNS;
      int row = i / LEGEND_COLUMNS;
      drawLegend(
          svg,
          i,
          LEFT + column * (WIDTH - LEFT) / (double) LEGEND_COLUMNS,
          TOP + PLOT_HEIGHT + BOTTOM + row * (double) LEGEND_ROW + 4);
    }
    return svg;
  }

  private void drawAxes(Svg svg, Range horizontal, Range vertical) {
    svg.text(LEFT, 20, "start", "", Svg.shortened(title, 80));
    int bottom = TOP + PLOT_HEIGHT;
    for (double tick : vertical.ticks()) {
      double at = atY(vertical, tick);
      svg.line(LEFT, at, WIDTH - RIGHT, at, "grid");
      svg.text(LEFT - 8, at + 4, "end", "soft", Notation.tick(tick));
    }
    for (double tick : horizontal.ticks()) {
      double at = atX(horizontal, tick);
      svg.line(at, bottom, at, bottom + 5, "axis");
      svg.text(at, bottom + 20, "middle", "soft", Notation.tick(tick));
    }
    svg.line(LEFT, bottom, WIDTH - RIGHT, bottom, "axis");
    svg.text((LEFT + WIDTH - RIGHT) / 2.0, bottom + 42, "middle", "", x.label);
    svg.verticalText(18, TOP + PLOT_HEIGHT / 2.0, y.label);
  }

  private void drawSeries(Svg svg, int index, Range horizontal, Range vertical) {
    Series drawn = series.get(index);
    String colour = Svg.colour(index);
    if (!drawn.faint.isEmpty()) {
      svg.polyline(path(drawn.faint, horizontal, vertical), colour, 1, 0.25, "none");
    }
    if (drawn.shape != Shape.POINTS) {
      svg.polyline(path(drawn.points, horizontal, vertical), colour, 2, 1, dashes(index));
    }
    if (drawn.shape != Shape.LINE) {
      drawn.points.stream()
          .filter(this::drawable)
          .forEach(p -> drawPoint(svg, index, p, horizontal, vertical));
    }
  }

  private void drawPoint(Svg svg, int index, Point point, Range horizontal, Range vertical) {
    double px = atX(horizontal, point.x);
    if (point.spread > 0) {
      double top = atY(vertical, point.y + point.spread);
      double bottom = atY(vertical, Math.max(vertical.low, point.y - point.spread));
      String colour = Svg.colour(index);
      svg.stroke(px, top, px, bottom, colour);
      svg.stroke(px - 4, top, px + 4, top, colour);
      svg.stroke(px - 4, bottom, px + 4, bottom, colour);
    }
    String hover =
        "%s: %s, %s"
            .formatted(series.get(index).name, Notation.tick(point.x), Notation.tick(point.y));
    svg.marker(px, atY(vertical, point.y), index, hover);
  }

  private void drawLegend(Svg svg, int index, double left, double top) {
    Series drawn = series.get(index);
    if (drawn.shape == Shape.LINE) {
      String points =
          "%s,%s %s,%s".formatted(Svg.n(left), Svg.n(top), Svg.n(left + 18), Svg.n(top));
      svg.polyline(points, Svg.colour(index), 3, 1, dashes(index));
    } else {
      svg.marker(left + 9, top, index, drawn.name);
    }
    svg.text(left + 26, top + 4, "start", "", Svg.shortened(drawn.name, LONGEST_LEGEND));
  }

  /** Lines of one colour differ in their dashes. */
  private static String dashes(int index) {
    return DASHES[index / Svg.COLOURS % DASHES.length];
  }

  private String path(List<Point> points, Range horizontal, Range vertical) {
    StringBuilder path = new StringBuilder();
    for (Point point : points) {
      if (drawable(point)) {
        path.append(Svg.n(atX(horizontal, point.x)))
            .append(',')
            .append(Svg.n(atY(vertical, point.y)))
            .append(' ');
      }
    }
    return path.toString().strip();
  }

  private boolean drawable(Point point) {
    return drawable(point.x, x.scale) && drawable(point.y, y.scale);
  }

  private static boolean drawable(double value, Scale scale) {
    return Double.isFinite(value) && (scale == Scale.LINEAR || value > 0);
  }

  private static double atX(Range range, double value) {
    return LEFT + range.fraction(value) * (WIDTH - LEFT - RIGHT);
  }

  private static double atY(Range range, double value) {
    return TOP + (1 - range.fraction(value)) * PLOT_HEIGHT;
  }

  private Range range(Scale scale, ToDoubleFunction<Point> value, ToDoubleFunction<Point> spread) {
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    for (Series drawn : series) {
      for (List<Point> points : List.of(drawn.points, drawn.faint)) {
        for (Point point : points) {
          if (drawable(point)) {
            double centre = value.applyAsDouble(point);
            double half = spread.applyAsDouble(point);
            low = Math.min(low, drawable(centre - half, scale) ? centre - half : centre);
            high = Math.max(high, centre + half);
          }
        }
      }
    }
    return Range.around(low, high, scale);
  }

  /** The values that an axis shows. */
  record Range(double low, double high, Scale scale) {

    /** A little more than [low, high]; something arbitrary where there is no value. */
    static Range around(double low, double high, Scale scale) {
      if (low > high) {
        return new Range(scale == Scale.LOG ? 0.1 : 0, 1, scale);
      }
      if (scale == Scale.LOG) {
        double margin = low == high ? 2 : Math.pow(high / low, 0.06);
        return new Range(low / margin, high * margin, scale);
      }
      double span = high - low;
      double margin = span == 0 ? Math.max(Math.abs(high) * 0.1, 0.5) : span * 0.06;
      boolean nearZero = low >= 0 && low < 0.4 * high;
      return new Range(nearZero ? 0 : low - margin, high + margin, scale);
    }

    double fraction(double value) {
      return scale == Scale.LOG
          ? (Math.log(value) - Math.log(low)) / (Math.log(high) - Math.log(low))
          : (value - low) / (high - low);
    }

    /** Round values within the range: steps of 1, 2 or 5 times a power of ten. */
    List<Double> ticks() {
      boolean narrow = scale == Scale.LOG && Math.log10(high / low) < 0.7;
      return scale == Scale.LINEAR || narrow ? linearTicks() : logTicks();
    }

    private List<Double> linearTicks() {
      double rough = (high - low) / 5;
      double power = Math.pow(10, Math.floor(Math.log10(rough)));
      double step = power * (rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : 5);
      List<Double> ticks = new ArrayList<>();
      for (long i = (long) Math.ceil(low / step - 1e-9); i * step <= high; i++) {
        // Rounded, so that 0.30000000000000004 is 0.3.
        ticks.add(Double.parseDouble(String.format(Locale.ROOT, "%.12g", i * step)));
      }
      return ticks;
    }

    private List<Double> logTicks() {
      int[] digits = Math.log10(high / low) < 3 ? new int[] {1, 2, 5} : new int[] {1};
      List<Double> ticks = new ArrayList<>();
      for (int power = (int) Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
        for (int digit : digits) {
          double tick = Double.parseDouble(digit + "e" + power);
          if (tick >= low && tick <= high) {
            ticks.add(tick);
          }
        }
      }
      return ticks;
    }
  }
}
