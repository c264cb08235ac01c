package dev.atelier.api.experiment.model;

import dev.atelier.api.parameter.ListParameters;
import jakarta.ws.rs.QueryParam;
import java.util.Arrays;
import java.util.List;

/** Which part of which curves is asked for; each may be null. */
public record CurveParameters(
    @QueryParam("series") String series,
    @QueryParam("points") String points,
    @QueryParam("from") String from,
    @QueryParam("to") String to) {

  /**
   * The same in numbers.
   *
   * @throws dev.atelier.api.problem.ProblemException 400 if they are none
   */
  MetricSeries.Wanted wanted() {
    ListParameters parameters = new ListParameters();
    List<String> names =
        parameters.text("series", series).stream()
            .flatMap(text -> Arrays.stream(text.split(",")))
            .map(String::strip)
            .filter(name -> !name.isEmpty())
            .distinct()
            .toList();
    MetricSeries.Wanted wanted =
        new MetricSeries.Wanted(
            names,
            parameters.atLeast("from", from, 0, 0),
            parameters.atLeast("to", to, 0, Integer.MAX_VALUE),
            parameters.atLeast("points", points, 4, Integer.MAX_VALUE));
    parameters.check();
    return wanted;
  }
}
