package dev.atelier.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.VectorGraphicsEncoder.VectorGraphicsFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.XYSeries.XYSeriesRenderStyle;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Points and lines over two labelled axes, as SVG. */
final class Plot {

  private static final Logger LOG = LoggerFactory.getLogger(Plot.class);
  private static final int WIDTH = 760;
  private static final int HEIGHT = 420;

  /** Okabe and Ito's colours, which people who confuse red and green can tell apart. */
  private static final Color[] COLOURS = {
    new Color(0x0072B2),
    new Color(0xD55E00),
    new Color(0x009E73),
    new Color(0xCC79A7),
    new Color(0xE69F00),
    new Color(0x56B4E9),
    new Color(0x000000),
    new Color(0xB8A900)
  };

  /** How the points of a series are joined. */
  enum Style {
    POINTS,
    LINES
  }

  /** One point; a deviation of 0 has no error bar. */
  record Point(double x, double y, double deviation) {}

  /** Points under one name. */
  record Series(String name, List<Point> points) {}

  private Plot() {}

  /**
   * Draws a plot; empty: this machine has no fonts to draw with, or there is nothing to show.
   *
   * @param xLabel with the unit
   * @param yLabel with the unit
   */
  static Optional<byte[]> svg(
      String title, String xLabel, String yLabel, Style style, List<Series> series) {
    List<Series> shown = series.stream().filter(s -> !s.points().isEmpty()).toList();
    if (shown.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(draw(title, xLabel, yLabel, style, shown));
    } catch (NullPointerException | InternalError | NoClassDefFoundError | UnsatisfiedLinkError e) {
      // Java draws text with the system's fonts, and says so in these ways when there are none.
      LOG.warn("Plots are left out: no fonts found (fontconfig and a font are needed).", e);
      return Optional.empty();
    }
  }

  private static byte[] draw(
      String title, String xLabel, String yLabel, Style style, List<Series> series) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle(xLabel)
            .yAxisTitle(yLabel)
            .build();
    Font text = new Font(Font.SANS_SERIF, Font.PLAIN, 13);
    chart
        .getStyler()
        .setChartBackgroundColor(Color.WHITE)
        .setPlotBackgroundColor(Color.WHITE)
        .setPlotBorderVisible(false)
        .setChartTitleBoxVisible(false)
        .setLegendPosition(LegendPosition.OutsideE)
        .setLegendBorderColor(Color.WHITE)
        .setBaseFont(text)
        .setChartTitleFont(text.deriveFont(Font.BOLD, 15))
        .setLegendFont(text)
        .setSeriesColors(COLOURS);
    chart
        .getStyler()
        .setAxisTitleFont(text)
        .setAxisTickLabelsFont(text)
        .setPlotGridLinesColor(new Color(0xE0E0E0))
        .setErrorBarsColorSeriesColor(true);
    if (style == Style.POINTS) {
      chart.getStyler().setDefaultSeriesRenderStyle(XYSeriesRenderStyle.Scatter);
    }
    for (Series one : series) {
      boolean spread = one.points().stream().anyMatch(p -> p.deviation() > 0);
      double[] x = one.points().stream().mapToDouble(Point::x).toArray();
      double[] y = one.points().stream().mapToDouble(Point::y).toArray();
      double[] deviation = one.points().stream().mapToDouble(Point::deviation).toArray();
      XYSeries drawn =
          spread ? chart.addSeries(one.name(), x, y, deviation) : chart.addSeries(one.name(), x, y);
      drawn.setLineStyle(new BasicStroke(2f));
      drawn.setMarker(x.length > 60 ? SeriesMarkers.NONE : SeriesMarkers.CIRCLE);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      VectorGraphicsEncoder.saveVectorGraphic(chart, out, VectorGraphicsFormat.SVG);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }
}
