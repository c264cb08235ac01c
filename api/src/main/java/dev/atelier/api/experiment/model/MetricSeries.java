package dev.atelier.api.experiment.model;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import dev.atelier.api.export.Table;
import dev.atelier.api.export.Table.Column;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** The curves of one model. */
public record MetricSeries(List<Series> series) {

  /**
   * One curve, by step.
   *
   * @param total points in the range that was asked for, of which {@code points} may be a part
   */
  public record Series(
      @Schema(examples = "loss") String name,
      List<Point> points,
      @Schema(description = "Points in the range; more than are shown if it was thinned out")
          long total) {}

  /**
   * Which part of the curves is wanted.
   *
   * @param names of the curves; empty: all
   * @param from first step
   * @param to last step
   * @param points about how many of each curve; more are thinned out so that every extreme stays
   */
  record Wanted(List<String> names, int from, int to, int points) {}

  /** Curves by name, each thinned out to about the points that are wanted. */
  static MetricSeries of(Map<String, Curve> curves, Wanted wanted) {
    return new MetricSeries(
        curves.entrySet().stream()
            .map(
                curve ->
                    new Series(
                        curve.getKey(),
                        curve.getValue().thinned(wanted.points()),
                        curve.getValue().size()))
            .toList());
  }

  /** A row for each point of each curve. */
  Table table() {
    return new Table(
        List.of(Column.text("series"), Column.integer("step"), Column.real("value")),
        sink -> {
          for (Series curve : series) {
            for (Point point : curve.points()) {
              sink.row(curve.name(), point.step(), Optional.ofNullable(point.value()));
            }
          }
        });
  }

  /**
   * A value at a step; written as {@code [step, value]}, with null for a value that is no number.
   */
  @JsonFormat(shape = JsonFormat.Shape.ARRAY)
  @JsonPropertyOrder({"step", "value"})
  @Schema(
      type = SchemaType.ARRAY,
      implementation = Double.class,
      description = "Step and value; the value is null where it is no finite number")
  public record Point(int step, @JsonInclude(JsonInclude.Include.ALWAYS) Double value) {

    static Point of(int step, double value) {
      return new Point(step, Double.isFinite(value) ? value : null);
    }
  }
}
