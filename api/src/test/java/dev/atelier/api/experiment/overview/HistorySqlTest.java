package dev.atelier.api.experiment.overview;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.api.history.Cursor;
import dev.atelier.api.history.HistoryQuery;
import dev.atelier.api.history.Sort;
import dev.atelier.spec.SpecFault;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class HistorySqlTest {

  private final List<SpecFault> faults = new ArrayList<>();

  @Test
  void shouldNeverPutTextOfTheUserIntoSql() {
    String attack = "x';drop";
    HistoryQuery query =
        HistoryQuery.parse(
            "q",
            "%1$s name=\"%1$s\" label.kk=%1$s spec.kk=%1$s stage=DONE".formatted(attack),
            faults);
    Sort sort = Sort.parse("sort", "label." + attack, faults);

    HistorySql sql =
        new HistorySql(
            query,
            sort,
            Optional.of(new Cursor(sort.text(), Optional.of(attack), "a")),
            HistorySql.Rows.ALL);

    assertThat(faults).isEmpty();
    assertThat(sql.joins() + sql.conditions() + sql.sorted() + sql.order())
        .doesNotContain("drop")
        .doesNotContain("kk");
    assertThat(sql.values().values()).contains(attack, "{kk}", "{\"kk\":\"" + attack + "\"}");
    HistorySql.Lookup lookup = sql.lookups().values().iterator().next();
    assertThat(lookup.sql()).doesNotContain("drop").doesNotContain("kk");
    assertThat(lookup.values()).containsEntry("asked", attack);
  }

  @Test
  void shouldJoinTheFiguresOfASubjectOnceHoweverOftenTheyAreAskedFor() {
    HistoryQuery query = HistoryQuery.parse("q", "distance<20 macs>3 distance.teacher<9", faults);

    HistorySql sql =
        new HistorySql(
            query,
            Sort.parse("sort", "distance", faults),
            Optional.empty(),
            HistorySql.Rows.WITH_THE_FIGURE);

    assertThat(faults).isEmpty();
    assertThat(sql.joins()).containsOnlyOnce("join evaluation v_o2mkd on");
    assertThat(sql.joins()).containsOnlyOnce("join evaluation v_teacher on");
    assertThat(sql.values().values()).containsOnlyOnce("o2mkd");
    assertThat(sql.order()).isEqualTo("v_o2mkd.distance asc, e.id desc");
  }
}
