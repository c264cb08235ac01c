package dev.atelier.api.experiment.overview;

import dev.atelier.api.history.Condition;
import dev.atelier.api.history.Cursor;
import dev.atelier.api.history.HistoryQuery;
import dev.atelier.api.history.Operator;
import dev.atelier.api.history.QueryField;
import dev.atelier.api.history.Sort;
import dev.atelier.api.parameter.IdBeginning;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.spec.FormerName;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BinaryOperator;

/**
 * A page of the history as SQL over {@code experiment e}. What users write is in no text but in the
 * values of parameters.
 */
final class HistorySql {

  private final List<String> conditions = new ArrayList<>();
  private final Map<String, String> joins = new LinkedHashMap<>(); // by alias
  private final Map<String, Object> values = new HashMap<>(); // by the parameter's name
  private final Map<String, Lookup> lookups = new HashMap<>(); // by the parameter's name
  private final Rows rows;
  private final String sorted;
  private final String order;

  /**
   * Which rows: what is sorted by a figure is asked for in two parts, of which an index has one.
   */
  enum Rows {
    ALL,
    WITH_THE_FIGURE, // that they are sorted by
    WITHOUT_IT
  }

  /**
   * A query for ids, which become the value of a parameter: what they are decides how the page is
   * best looked for.
   *
   * @param values of its own parameters, by name
   */
  record Lookup(String sql, Map<String, Object> values) {}

  /** What the query describes, from the cursor on. */
  HistorySql(HistoryQuery query, Sort sort, Optional<Cursor> after, Rows rows) {
    this.rows = rows;
    sorted = field(sort.field());
    String direction = sort.descending() ? "desc" : "asc";
    if (sort.field() == QueryField.Own.CREATED) {
      order = "e.created_at %1$s, e.id %1$s".formatted(direction); // as the index has it
    } else if (rows == Rows.WITH_THE_FIGURE) {
      order = "%s %s, e.id desc".formatted(sorted, direction); // as the index has it
      conditions.add(sorted + " is not null");
    } else {
      order = "%s %s nulls last, e.id desc".formatted(sorted, direction);
    }
    if (rows == Rows.WITHOUT_IT) {
      conditions.add(sorted + " is null");
    }
    query.conditions().forEach(condition -> conditions.add(condition(condition)));
    after.ifPresent(cursor -> conditions.add(beyond(sort, cursor)));
  }

  /** The value that the list is sorted by. */
  String sorted() {
    return sorted;
  }

  /** Of {@code order by}. */
  String order() {
    return order;
  }

  /** Of {@code from}, after the experiment. */
  String joins() {
    return String.join(" ", joins.values());
  }

  /** Of {@code where}, after {@code true}. */
  String conditions() {
    return String.join("", conditions.stream().map(" and (%s)"::formatted).toList());
  }

  /** Of the parameters, by name. */
  Map<String, Object> values() {
    return values;
  }

  /** What is to be asked first, by the name of the parameter that is an array of its ids. */
  Map<String, Lookup> lookups() {
    return lookups;
  }

  private String condition(Condition condition) {
    if (condition instanceof Condition.Word word) {
      return "position(%s in e.words) > 0".formatted(value(word.word()));
    }
    if (condition instanceof Condition.OfText text) {
      return text(text);
    }
    if (condition instanceof Condition.OfNumber number) {
      return number(number);
    }
    if (condition instanceof Condition.OfTime time) {
      return compared(field(time.field()), time.operator(), value(time.value()));
    }
    if (condition instanceof Condition.Labelled labelled) {
      return "e.labels @> cast(%s as jsonb)".formatted(value(SpecJson.write(labelled.labels())));
    }
    if (condition instanceof Condition.IdBegins begins) {
      return "e.id collate \"C\" >= %s and e.id collate \"C\" < %s"
          .formatted(value(begins.beginning()), value(begins.beginning() + IdBeginning.BEYOND));
    }
    Condition.InProjects own = (Condition.InProjects) condition;
    return "e.project = any(%s)".formatted(value(own.projects().toArray(String[]::new)));
  }

  private String text(Condition.OfText text) {
    if (text.field() instanceof QueryField.Label label && text.operator() == Operator.EQUAL) {
      return condition(new Condition.Labelled(Map.of(label.key(), text.value())));
    }
    if (text.field() instanceof QueryField.OfSpec ofSpec) {
      boolean unequal = text.operator() == Operator.NOT_EQUAL;
      Operator operator = unequal ? Operator.EQUAL : text.operator();
      String holds = ofSpec(ofSpec, text.value(), (json, asked) -> text(json, operator, asked));
      return unequal ? "not coalesce(%s, false)".formatted(holds) : holds;
    }
    return compared(field(text.field()), text.operator(), value(text.value()));
  }

  private static String text(String json, Operator operator, String value) {
    return compared("(%s) #>> '{}'".formatted(json), operator, value);
  }

  private String number(Condition.OfNumber number) {
    return number.field() instanceof QueryField.OfSpec ofSpec
        ? ofSpec(ofSpec, number.value(), (json, asked) -> number(json, number.operator(), asked))
        : compared(field(number.field()), number.operator(), value(number.value()));
  }

  /** What is no number compares as none. */
  private static String number(String json, Operator operator, String value) {
    return "case when jsonb_typeof(%1$s) = 'number' then %2$s else false end"
        .formatted(json, compared("cast(%s as double precision)".formatted(json), operator, value));
  }

  /**
   * Asked of the values that specs have, whose experiments an index knows; of a spec itself where
   * its values are not gathered yet.
   *
   * @param asked what the value is compared with
   * @param holds what must hold of an expression that is JSON, and of one for {@code asked}
   */
  private String ofSpec(QueryField.OfSpec field, Object asked, BinaryOperator<String> holds) {
    String path = String.join(".", field.path());
    String[] paths =
        FormerName.of(path)
            .map(name -> new String[] {name.present(), name.former()})
            .orElseGet(() -> new String[] {path});
    String ids = "ids" + lookups.size();
    lookups.put(
        ids,
        new Lookup(
            "select v.id from spec_value v where v.path = any(:paths) and "
                + holds.apply("v.value", ":asked"),
            Map.of("paths", paths, "asked", asked)));
    return "e.spec_values && :%s or e.spec_values is null and %s"
        .formatted(ids, holds.apply(field(field), value(asked)));
  }

  private static String compared(String field, Operator operator, String value) {
    return switch (operator) {
      case EQUAL, LESS, AT_MOST, GREATER, AT_LEAST ->
          "%s %s %s".formatted(field, operator.sign(), value);
      case NOT_EQUAL -> "%s is distinct from %s".formatted(field, value);
      case CONTAINS -> "position(lower(%s) in lower(%s)) > 0".formatted(value, field);
    };
  }

  /** What holds for the rows after the cursor. */
  private String beyond(Sort sort, Cursor cursor) {
    String id = value(cursor.id());
    if (cursor.value().isEmpty()) {
      return "%s is null and e.id < %s".formatted(sorted, id);
    }
    String last = value(sort.read(cursor.value().get()));
    String beyond = sort.descending() ? "<" : ">";
    if (rows == Rows.WITH_THE_FIGURE) {
      return "%1$s %2$s= %3$s and (%1$s %2$s %3$s or e.id < %4$s)"
          .formatted(sorted, beyond, last, id);
    }
    return sort.field() == QueryField.Own.CREATED
        ? "(e.created_at, e.id) %s (%s, %s)".formatted(beyond, last, id)
        : "%1$s %2$s %3$s or (%1$s = %3$s and e.id < %4$s) or %1$s is null"
            .formatted(sorted, beyond, last, id);
  }

  private String field(QueryField field) {
    if (field instanceof QueryField.Own own) {
      return own(own);
    }
    if (field instanceof QueryField.Figure figure) {
      return figure(figure);
    }
    if (field instanceof QueryField.Label label) {
      return "e.labels ->> " + value(label.key());
    }
    QueryField.OfSpec ofSpec = (QueryField.OfSpec) field;
    return FormerName.of(String.join(".", ofSpec.path()))
        .map(name -> "coalesce(%s, %s)".formatted(spec(name.present()), spec(name.former())))
        .orElseGet(() -> spec(String.join(".", ofSpec.path())));
  }

  private String spec(String path) {
    return "e.spec #> cast(%s as text[])"
        .formatted(value("{%s}".formatted(path.replace('.', ','))));
  }

  private static String own(QueryField.Own field) {
    return switch (field) {
      case ID -> "e.id";
      case NAME -> "e.name";
      case PROJECT -> "e.project";
      case STAGE -> "e.stage";
      case DATASET -> "e.dataset_source";
      case STUDENTS -> "e.students";
      case SPECIFIC_PROBABILITY -> "e.specific_probability";
      case SEED -> "e.seed";
      case CREATED -> "e.created_at";
      case UPDATED -> "e.updated_at";
      case FINISHED -> "e.finished_at";
      case STUDY -> "(select sm.study_id from study_member sm where sm.experiment_id = e.id)";
    };
  }

  private String figure(QueryField.Figure figure) {
    String alias = "v_" + figure.subject().name().toLowerCase(Locale.ROOT);
    if (!joins.containsKey(alias)) {
      joins.put(
          alias,
          "%1$s join evaluation %2$s on %2$s.experiment_id = e.id and %2$s.subject = %3$s"
              .formatted(
                  joins.isEmpty() && rows == Rows.WITH_THE_FIGURE ? "" : "left", // sorted by first
                  alias,
                  value(figure.subject().word())));
    }
    return switch (figure.measure()) {
      case DISTANCE -> alias + ".distance";
      case MACS -> alias + ".macs_per_step";
    };
  }

  /** Keeps a value, and gives the parameter that stands for it. */
  private String value(Object value) {
    String name = "value" + values.size();
    values.put(name, value);
    return ":" + name;
  }
}
