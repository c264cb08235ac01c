package dev.atelier.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.report.XyPlot.Axis;
import dev.atelier.report.XyPlot.Point;
import dev.atelier.report.XyPlot.Scale;
import dev.atelier.report.XyPlot.Series;
import dev.atelier.report.XyPlot.Shape;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The drift of a teacher over the timesteps, and where it was cut into ranges. */
final class DriftPlot {

  private static final ObjectMapper JSON = new ObjectMapper();

  private DriftPlot() {}

  /** Draws {@code drift.json}. */
  static Svg draw(String title, byte[] drift) {
    JsonNode tree;
    try {
      tree = JSON.readTree(drift);
    } catch (IOException e) {
      throw new IllegalArgumentException("drift.json is not JSON.", e);
    }
    List<Point> curve = new ArrayList<>();
    JsonNode lengths = tree.path("lengths");
    for (int i = 0; i < lengths.size(); i++) {
      int between = tree.path("curve").path("bins").path(i).path("high").asInt();
      curve.add(new Point(between, lengths.get(i).asDouble(), 0));
    }
    double top = curve.stream().mapToDouble(Point::y).max().orElse(1);
    List<Series> series = new ArrayList<>();
    series.add(new Series("drift to the next bin", Shape.LINE, curve, List.of()));
    for (JsonNode range : tree.path("ranges")) {
      int cut = range.path("low").asInt();
      if (cut > 0) {
        List<Point> line = List.of(new Point(cut, 0, 0), new Point(cut, top, 0));
        series.add(new Series("cut at t = " + cut, Shape.LINE, line, List.of()));
      }
    }
    return new XyPlot(
            title,
            new Axis("timestep t (0: nearly clean)", Scale.LINEAR),
            new Axis(unit(tree.path("signal").asText()), Scale.LINEAR),
            series)
        .draw();
  }

  private static String unit(String signal) {
    return switch (signal.toLowerCase(Locale.ROOT)) {
      case "input" -> "√Fréchet distance of inputs";
      case "cka" -> "arccos(CKA) of features (rad)";
      default -> "√Fréchet distance of features";
    };
  }
}
