package dev.atelier.workflows.vocabulary;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** The same table is read by the dashboard's notation.js in {@code DashboardIT}. */
class NotationTest {

  private static final Map<String, Function<JsonNode, String>> FORMS =
      Map.ofEntries(
          Map.entry("figure", of -> Notation.figure(number(of.get(0)))),
          Map.entry("tick", of -> Notation.tick(number(of.get(0)))),
          Map.entry("given", of -> Notation.given(number(of.get(0)))),
          Map.entry("spread", of -> Notation.spread(number(of.get(0)), number(of.get(1)))),
          Map.entry("count", of -> Notation.count(number(of.get(0)))),
          Map.entry("bytes", of -> Notation.bytes(number(of.get(0)))),
          Map.entry("rate", of -> Notation.rate(number(of.get(0)))),
          Map.entry("factor", of -> Notation.factor(number(of.get(0)))),
          Map.entry("progress", of -> Notation.progress(number(of.get(0)))),
          Map.entry("share", of -> Notation.share(number(of.get(0)))),
          Map.entry("account", of -> Notation.account(number(of.get(0)))),
          Map.entry("duration", of -> Notation.duration(number(of.get(0)))),
          Map.entry("ago", of -> Notation.ago(number(of.get(0)))),
          Map.entry("time", of -> Notation.time(instant(of), offset(of))),
          Map.entry("moment", of -> Notation.moment(instant(of), offset(of))),
          Map.entry("write", of -> Figure.write(of.get(0).asText(), number(of.get(1)))),
          Map.entry("nameOf", of -> Figure.titleOf(of.get(0).asText())));

  @Test
  void shouldWriteEveryCaseOfTheTableThatTheDashboardReadsToo() throws IOException {
    JsonNode table;
    try (InputStream in = NotationTest.class.getResourceAsStream("notation.json")) {
      table = new ObjectMapper().readTree(in);
    }
    assertThat(new TreeMap<>(FORMS).keySet())
        .containsExactlyInAnyOrderElementsOf(table::fieldNames);
    FORMS.forEach(
        (name, form) ->
            table
                .get(name)
                .forEach(
                    row ->
                        assertThat(form.apply(row))
                            .as("%s %s", name, row)
                            .isEqualTo(row.get(row.size() - 1).asText())));
  }

  @Test
  void shouldOrderSubjectsAndFiguresInOneWay() {
    assertThat(
            List.of("later", "merged", "o2mkd", "one-to-one", "teacher").stream()
                .sorted(Subject.order()))
        .containsExactly("teacher", "one-to-one", "o2mkd", "merged", "later");
    assertThat(
            List.of("later", "precision", "kernelDistance", "parameters", "macsPerStep", "distance")
                .stream()
                .sorted(Figure.order()))
        .containsExactly(
            "distance", "macsPerStep", "parameters", "kernelDistance", "precision", "later");
  }

  @Test
  void shouldOrderModelsByKindAndNumber() {
    assertThat(
            List.of("merged-1", "student-10", "student-9", "one-to-one", "teacher").stream()
                .sorted(new ModelOrder()))
        .containsExactly("teacher", "one-to-one", "student-9", "student-10", "merged-1");
  }

  private static double number(JsonNode node) {
    return node.isNull() ? Double.NaN : node.asDouble();
  }

  private static Instant instant(JsonNode of) {
    return Instant.parse(of.get(0).asText());
  }

  private static ZoneOffset offset(JsonNode of) {
    return ZoneOffset.ofTotalSeconds(60 * of.get(1).asInt());
  }
}
