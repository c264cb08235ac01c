package dev.atelier.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The drift of a teacher over the timesteps, and where it was cut into ranges.
 *
 * @param signal whose drift it is: input, feature or cka
 * @param curve drift between neighbouring bins over the timestep between them
 * @param cuts the boundaries between ranges
 */
record DriftPlot(String signal, List<Plot.Point> curve, List<Integer> cuts) {

  private static final ObjectMapper JSON = new ObjectMapper();

  /** Reads {@code drift.json}; empty: it has no curve. */
  static Optional<DriftPlot> read(byte[] drift) {
    JsonNode tree;
    try {
      tree = JSON.readTree(drift);
    } catch (IOException e) {
      throw new IllegalArgumentException("drift.json is not JSON.", e);
    }
    List<Plot.Point> curve = new ArrayList<>();
    JsonNode bins = tree.path("curve").path("bins");
    JsonNode lengths = tree.path("lengths");
    for (int i = 0; i < lengths.size(); i++) {
      curve.add(new Plot.Point(bins.path(i).path("high").asInt(), lengths.get(i).asDouble(), 0));
    }
    List<Integer> cuts = new ArrayList<>();
    for (JsonNode range : tree.path("ranges")) {
      if (range.path("low").asInt() > 0) {
        cuts.add(range.path("low").asInt());
      }
    }
    return curve.isEmpty()
        ? Optional.empty()
        : Optional.of(new DriftPlot(tree.path("signal").asText(), curve, cuts));
  }

  Optional<byte[]> svg(String title) {
    double top = curve.stream().mapToDouble(Plot.Point::y).max().orElse(1);
    List<Plot.Point> comb = new ArrayList<>();
    for (int cut : cuts) {
      comb.add(new Plot.Point(cut, 0, 0));
      comb.add(new Plot.Point(cut, top, 0));
      comb.add(new Plot.Point(cut, 0, 0));
    }
    return Plot.svg(
        "Drift over timesteps, " + title,
        "timestep t",
        unit(),
        Plot.Style.LINES,
        List.of(new Plot.Series("drift", curve), new Plot.Series("cuts", comb)));
  }

  private String unit() {
    return switch (signal) {
      case "input" -> "√Fréchet distance of inputs to the next bin";
      case "cka" -> "arccos(CKA) of features to the next bin, rad";
      default -> "√Fréchet distance of features to the next bin";
    };
  }
}
