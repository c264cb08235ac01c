package dev.atelier.api.experiment;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.enums.SchemaType;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** The curves of one model. */
public record MetricSeries(List<Series> series) {

  /** One curve, by step. */
  public record Series(@Schema(examples = "loss") String name, List<Point> points) {}

  /**
   * A value at a step; written as {@code [step, value]}, with null for a value that is no number.
   */
  @JsonFormat(shape = JsonFormat.Shape.ARRAY)
  @JsonPropertyOrder({"step", "value"})
  @Schema(
      type = SchemaType.ARRAY,
      implementation = Double[].class,
      description = "Step and value; the value is null where it is no finite number")
  public record Point(int step, @JsonInclude(JsonInclude.Include.ALWAYS) Double value) {

    static Point of(int step, double value) {
      return new Point(step, Double.isFinite(value) ? value : null);
    }
  }
}
