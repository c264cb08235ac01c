package dev.atelier.api.parameter;

import dev.atelier.api.history.Condition;
import dev.atelier.api.history.Cursor;
import dev.atelier.api.history.HistoryQuery;
import dev.atelier.api.history.Operator;
import dev.atelier.api.history.QueryField.Own;
import dev.atelier.api.history.Sort;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.spec.SpecFault;
import dev.atelier.workflows.Stage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;

/** Reads the query parameters of lists and reports all that are wrong together. */
public final class ListParameters {

  private final List<SpecFault> faults = new ArrayList<>();

  public int limit(String text, int standard, int most) {
    if (text == null) {
      return standard;
    }
    OptionalLong value = wholeNumber(text);
    if (value.isEmpty() || value.getAsLong() < 1 || value.getAsLong() > most) {
      fault("limit", "must be a whole number from 1 to %d, found '%s'.".formatted(most, text));
      return standard;
    }
    return (int) value.getAsLong();
  }

  public Optional<Cursor> cursor(String text, Sort sort) {
    if (text == null) {
      return Optional.empty();
    }
    Optional<Cursor> cursor = Cursor.decode(text, sort);
    if (cursor.isEmpty()) {
      fault("cursor", "must be the nextCursor of an earlier page in the same order.");
    }
    return cursor;
  }

  public HistoryQuery query(String text) {
    return text("q", text).map(q -> HistoryQuery.parse("q", q, faults)).orElse(HistoryQuery.ALL);
  }

  public Sort sort(String text) {
    return text("sort", text).map(s -> Sort.parse("sort", s, faults)).orElse(Sort.NEWEST);
  }

  /** The filters that have parameters of their own. */
  public HistoryQuery conditions(
      String stage, String name, String dataset, List<String> labels, String idBeginning) {
    List<Condition> conditions = new ArrayList<>();
    stage(stage).ifPresent(value -> conditions.add(is(Own.STAGE, Operator.EQUAL, value.name())));
    text("name", name).ifPresent(part -> conditions.add(is(Own.NAME, Operator.CONTAINS, part)));
    text("dataset", dataset)
        .ifPresent(source -> conditions.add(is(Own.DATASET, Operator.EQUAL, source)));
    Map<String, String> wanted = labels(labels);
    if (!wanted.isEmpty()) {
      conditions.add(new Condition.Labelled(wanted));
    }
    text(IdBeginning.NAME, idBeginning)
        .ifPresent(beginning -> conditions.add(new Condition.IdBegins(beginning)));
    return new HistoryQuery(List.copyOf(conditions));
  }

  private static Condition is(Own field, Operator operator, String value) {
    return new Condition.OfText(field, operator, value);
  }

  /** Ids with commas between, from {@code least} to {@code most} of them. */
  public List<String> ids(String text, int least, int most) {
    List<String> ids =
        text("ids", text).stream()
            .flatMap(t -> Arrays.stream(t.split(",")))
            .map(String::strip)
            .filter(id -> !id.isEmpty())
            .distinct()
            .toList();
    if (ids.size() < least || ids.size() > most) {
      fault(
          "ids",
          "must be %d to %d ids with commas between, found %d.".formatted(least, most, ids.size()));
    }
    return ids;
  }

  /** Whether {@code text} is true; false where it is not given. */
  public boolean yes(String field, String text) {
    if (text != null && !text.equals("true") && !text.equals("false")) {
      fault(field, "must be true or false, found '%s'.".formatted(text));
    }
    return "true".equals(text);
  }

  /** A whole number from {@code least} on; {@code standard} where it is not given. */
  public int atLeast(String field, String text, int least, int standard) {
    if (text == null) {
      return standard;
    }
    OptionalLong value = wholeNumber(text);
    if (value.isEmpty() || value.getAsLong() < least || value.getAsLong() > Integer.MAX_VALUE) {
      fault(field, "must be a whole number from %d on, found '%s'.".formatted(least, text));
      return standard;
    }
    return (int) value.getAsLong();
  }

  public long eventCursor(String field, String text) {
    if (text == null) {
      return 0;
    }
    OptionalLong value = wholeNumber(text);
    if (value.isEmpty() || value.getAsLong() < 0) {
      fault(field, "must be the id of an event, found '%s'.".formatted(text));
    }
    return value.orElse(0);
  }

  private Optional<Stage> stage(String text) {
    if (text == null) {
      return Optional.empty();
    }
    Optional<Stage> stage =
        Arrays.stream(Stage.values())
            .filter(s -> s.name().equals(text.toUpperCase(Locale.ROOT)))
            .findFirst();
    if (stage.isEmpty()) {
      fault(
          "stage",
          "must be one of %s, found '%s'.".formatted(Arrays.toString(Stage.values()), text));
    }
    return stage;
  }

  public Optional<String> text(String field, String text) {
    if (text != null && text.indexOf('\0') >= 0) {
      fault(field, "must not contain the character NUL.");
      return Optional.empty();
    }
    return Optional.ofNullable(text).filter(t -> !t.isEmpty());
  }

  private Map<String, String> labels(List<String> pairs) {
    Map<String, String> labels = new TreeMap<>();
    for (String pair : pairs) {
      int colon = pair.indexOf(':');
      if (colon < 1 || pair.indexOf('\0') >= 0) {
        fault("label", "must be key:value, found '%s'.".formatted(pair));
      } else {
        labels.put(pair.substring(0, colon), pair.substring(colon + 1));
      }
    }
    return labels;
  }

  /** Throws the problem that names every parameter that was wrong, if any was. */
  public void check() {
    if (!faults.isEmpty()) {
      SpecFault first = faults.get(0);
      throw new ProblemException(
          ProblemType.INVALID_PARAMETER, "%s %s".formatted(first.field(), first.message()), faults);
    }
  }

  private void fault(String field, String message) {
    faults.add(new SpecFault(field, message));
  }

  private static OptionalLong wholeNumber(String text) {
    try {
      return OptionalLong.of(Long.parseLong(text));
    } catch (NumberFormatException e) {
      return OptionalLong.empty();
    }
  }
}
