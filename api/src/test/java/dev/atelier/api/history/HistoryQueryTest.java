package dev.atelier.api.history;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.api.history.Condition.OfNumber;
import dev.atelier.api.history.Condition.OfText;
import dev.atelier.api.history.Condition.Word;
import dev.atelier.api.history.QueryField.Own;
import dev.atelier.spec.SpecFault;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HistoryQueryTest {

  @Test
  void shouldReadConditionsAndWords() {
    List<SpecFault> faults = new ArrayList<>();

    HistoryQuery query =
        HistoryQuery.parse("q", "students=4 p >= 0.5 name~\"two words\" Cifar", faults);

    assertThat(faults).isEmpty();
    assertThat(query.conditions())
        .containsExactly(
            new OfNumber(Own.STUDENTS, Operator.EQUAL, 4),
            new OfNumber(Own.SPECIFIC_PROBABILITY, Operator.AT_LEAST, 0.5),
            new OfText(Own.NAME, Operator.CONTAINS, "two words"),
            new Word("cifar"));
  }

  @Test
  void shouldCompareAFieldOfTheSpecAsTheLiteralIs() {
    QueryField seed = new QueryField.OfSpec("spec.seed", List.of("seed"));

    assertThat(HistoryQuery.parse("q", "spec.seed=7 spec.seed~7 spec.seed=x", new ArrayList<>()))
        .isEqualTo(
            new HistoryQuery(
                List.of(
                    new OfNumber(seed, Operator.EQUAL, 7),
                    new OfText(seed, Operator.CONTAINS, "7"),
                    new OfText(seed, Operator.EQUAL, "x"))));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          studens=4        | did you mean 'students'
          students~4       | which is for text
          students=four    | expected a number
          created>soon     | expected a date
          created>0000-01-01 | expected a date
          created>+999999999-12-31T00:00:00Z | expected a date
          created<-100000-01-01T00:00:00Z | expected a date
          created>2026-13-01 | expected a date
          stage=DOEN       | expected one of
          stage>DONE       | use = or !=
          distance.nobody<3| unknown field
          spec.a..b=1      | unknown field
          name="open       | cannot be read from 'name="open'
          """)
  void shouldSayWhatIsWrongWithAQuery(String text, String expected) {
    List<SpecFault> faults = new ArrayList<>();

    HistoryQuery.parse("q", text, faults);

    assertThat(faults).hasSize(1);
    assertThat(faults.get(0).field()).isEqualTo("q");
    assertThat(faults.get(0).message()).contains(expected);
  }

  @Test
  void shouldRefuseACursorOfAnotherOrder() {
    List<SpecFault> faults = new ArrayList<>();
    Sort distance = Sort.parse("sort", "distance", faults);
    Cursor cursor = new Cursor("distance", java.util.Optional.of("3.5"), "20261123-083604-zhzt");

    assertThat(Cursor.decode(cursor.encode(), distance)).contains(cursor);
    assertThat(Cursor.decode(cursor.encode(), Sort.NEWEST)).isEmpty();
    assertThat(Cursor.decode("%%%", distance)).isEmpty();
    Cursor farOff =
        new Cursor("-created", java.util.Optional.of("+999999999-12-31T00:00:00Z"), "a");
    assertThat(Cursor.decode(farOff.encode(), Sort.NEWEST)).as("no time of Postgres").isEmpty();
    assertThat(faults).isEmpty();
  }
}
