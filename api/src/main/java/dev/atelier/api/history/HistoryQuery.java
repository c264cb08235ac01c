package dev.atelier.api.history;

import dev.atelier.api.spec.NearestName;
import dev.atelier.spec.SpecFault;
import dev.atelier.workflows.Stage;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What people ask the history, such as {@code students=4 p>=0.5 distance<20 "cifar"}: conditions
 * and words that must all hold.
 */
public record HistoryQuery(List<Condition> conditions) {

  private static final int MAX_TERMS = 20;
  private static final Pattern TERM =
      Pattern.compile(
          "\\s*(?:(?<field>[A-Za-z][\\w.-]*)\\s*(?<op><=|>=|!=|=|<|>|~)\\s*)?+"
              + "(?:\"(?<quoted>[^\"]*)\"|(?<plain>[^\\s\"]+))");

  /** Everything. */
  public static final HistoryQuery ALL = new HistoryQuery(List.of());

  /**
   * Reads a query; what is wrong with it goes to {@code faults}, under the name {@code parameter}.
   */
  public static HistoryQuery parse(String parameter, String text, List<SpecFault> faults) {
    List<Condition> conditions = new ArrayList<>();
    Matcher term = TERM.matcher(text);
    int at = 0;
    int number = 0;
    while (at < text.length() && !text.substring(at).isBlank()) {
      if (!term.find(at) || term.start() != at) {
        faults.add(
            new SpecFault(
                parameter, "cannot be read from '%s' on.".formatted(text.substring(at).strip())));
        break;
      }
      if (++number > MAX_TERMS) {
        faults.add(new SpecFault(parameter, "has more than %d conditions.".formatted(MAX_TERMS)));
        break;
      }
      String value = Optional.ofNullable(term.group("quoted")).orElseGet(() -> term.group("plain"));
      try {
        conditions.add(
            term.group("field") == null
                ? new Condition.Word(value.toLowerCase(Locale.ROOT))
                : condition(term.group("field"), Operator.of(term.group("op")), value));
      } catch (IllegalArgumentException e) {
        faults.add(new SpecFault(parameter, e.getMessage()));
      }
      at = term.end();
    }
    return new HistoryQuery(List.copyOf(conditions));
  }

  /** What belongs to one of the projects; empty: everything. */
  public static HistoryQuery ofProjects(Optional<Set<String>> projects) {
    return projects.map(own -> of(new Condition.InProjects(own))).orElse(ALL);
  }

  /** All for which the condition holds. */
  public static HistoryQuery of(Condition condition) {
    return new HistoryQuery(List.of(condition));
  }

  /** The query with the conditions of {@code other} as well. */
  public HistoryQuery and(HistoryQuery other) {
    return new HistoryQuery(Stream.concat(conditions.stream(), other.conditions.stream()).toList());
  }

  private static Condition condition(String name, Operator operator, String value) {
    QueryField field =
        QueryField.named(name)
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "asks for the unknown field '%s'%s; it may ask for %s."
                            .formatted(
                                name,
                                NearestName.to(name, QueryField.names())
                                    .map(" (did you mean '%s'?)"::formatted)
                                    .orElse(""),
                                String.join(", ", QueryField.names()))));
    return switch (field.kind()) {
      case TEXT -> new Condition.OfText(field, operator, value);
      case STAGE -> new Condition.OfText(field, equality(name, operator), stage(value).name());
      case NUMBER -> new Condition.OfNumber(field, comparison(name, operator), number(name, value));
      case TIME -> new Condition.OfTime(field, comparison(name, operator), time(name, value));
      case JSON ->
          operator == Operator.CONTAINS
              ? new Condition.OfText(field, operator, value)
              : parsed(value)
                  .<Condition>map(number -> new Condition.OfNumber(field, operator, number))
                  .orElseGet(() -> new Condition.OfText(field, operator, value));
    };
  }

  private static Operator comparison(String name, Operator operator) {
    if (operator == Operator.CONTAINS) {
      throw new IllegalArgumentException(
          "compares '%s' with ~, which is for text; use =, !=, <, <=, > or >=.".formatted(name));
    }
    return operator;
  }

  private static Operator equality(String name, Operator operator) {
    if (operator != Operator.EQUAL && operator != Operator.NOT_EQUAL) {
      throw new IllegalArgumentException(
          "compares '%s' with %s; use = or !=.".formatted(name, operator.sign()));
    }
    return operator;
  }

  private static Stage stage(String value) {
    return Arrays.stream(Stage.values())
        .filter(stage -> stage.name().equalsIgnoreCase(value))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "compares 'stage' with '%s': expected one of %s."
                        .formatted(value, Arrays.toString(Stage.values()))));
  }

  private static double number(String name, String value) {
    return parsed(value)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "compares '%s' with '%s': expected a number.".formatted(name, value)));
  }

  private static Optional<Double> parsed(String value) {
    try {
      return Optional.of(Double.valueOf(value)).filter(Double::isFinite);
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  private static OffsetDateTime time(String name, String value) {
    try {
      return value.length() == "2026-01-31".length()
          ? storable(LocalDate.parse(value).atStartOfDay().atOffset(ZoneOffset.UTC))
          : storable(Instant.parse(value).atOffset(ZoneOffset.UTC));
    } catch (DateTimeException e) {
      throw new IllegalArgumentException(
          "compares '%s' with '%s': expected a date such as 2026-01-31 or a time such as 2026-01-31T12:00:00Z."
              .formatted(name, value),
          e);
    }
  }

  /** The time, if Postgres has it; throws {@link DateTimeException} for others. */
  static OffsetDateTime storable(OffsetDateTime time) {
    if (time.getYear() < 1 || time.getYear() > 9999) {
      throw new DateTimeException("The year must be 1 to 9999.");
    }
    return time;
  }
}
