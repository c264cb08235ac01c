package dev.atelier.report;

import java.util.List;

/** Horizontal bars, from zero, of one measure over things with names. */
record BarPlot(String title, String axisLabel, List<Bar> bars) {

  /**
   * One bar.
   *
   * @param colour index of the palette
   * @param text the value, in words
   */
  record Bar(String name, double value, double spread, int colour, String text) {}

  private static final int WIDTH = 680;
  private static final int LEFT = 250;
  private static final int RIGHT = 150; // room for the text of the longest bar
  private static final int TOP = 34;
  private static final int ROW = 30;
  private static final int LONGEST_NAME = 34;

  Svg draw() {
    Svg svg = new Svg(WIDTH, TOP + bars.size() * ROW + 36, title);
    svg.text(12, 20, "start", "", Svg.shortened(title, 90));
    double highest =
        bars.stream().mapToDouble(b -> b.value + b.spread).filter(Double::isFinite).max().orElse(1);
    double scale = (WIDTH - LEFT - RIGHT) / (highest > 0 ? highest : 1);
    for (int i = 0; i < bars.size(); i++) {
      drawBar(svg, bars.get(i), TOP + i * (double) ROW, scale);
    }
    double bottom = TOP + bars.size() * (double) ROW;
    svg.line(LEFT, TOP, LEFT, bottom, "axis");
    svg.text(LEFT, bottom + 22, "start", "soft", axisLabel);
    return svg;
  }

  private static void drawBar(Svg svg, Bar bar, double top, double scale) {
    double middle = top + ROW / 2.0;
    svg.text(LEFT - 10, middle + 4, "end", "", Svg.shortened(bar.name, LONGEST_NAME));
    double end = LEFT;
    if (Double.isFinite(bar.value)) {
      svg.rectangle(LEFT, top + 6, bar.value * scale, ROW - 12, Svg.colour(bar.colour));
      end += Math.max(0, bar.value + bar.spread) * scale;
      if (bar.spread > 0) {
        double low = LEFT + Math.max(0, bar.value - bar.spread) * scale;
        svg.line(low, middle, end, middle, "axis");
        svg.line(low, middle - 5, low, middle + 5, "axis");
        svg.line(end, middle - 5, end, middle + 5, "axis");
      }
    }
    svg.text(end + 8, middle + 4, "start", "", bar.text);
  }
}
