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
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What people ask the history, such as {@code students=4 p>=0.5 distance<20 "cifar"}: conditions
 * and words that must all hold, as SQL over {@code experiment e}.
 *
 * @param conditions of the {@code where}
 * @param joins that the conditions need, by alias
 * @param values of the named parameters
 */
public record HistoryQuery(
    List<String> conditions, Map<String, String> joins, Map<String, Object> values) {

  private static final int MAX_TERMS = 20;
  private static final Pattern TERM =
      Pattern.compile(
          "\\s*(?:(?<field>[A-Za-z][\\w.-]*)\\s*(?<op><=|>=|!=|=|<|>|~)\\s*)?+"
              + "(?:\"(?<quoted>[^\"]*)\"|(?<plain>[^\\s\"]+))");

  /** Everything. */
  public static final HistoryQuery ALL = new HistoryQuery(List.of(), Map.of(), Map.of());

  /**
   * Reads a query; what is wrong with it goes to {@code faults}, under the name {@code parameter}.
   */
  public static HistoryQuery parse(String parameter, String text, List<SpecFault> faults) {
    Builder query = new Builder();
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
        if (term.group("field") == null) {
          query.word(value, number);
        } else {
          query.condition(term.group("field"), term.group("op"), value, number);
        }
      } catch (IllegalArgumentException e) {
        faults.add(new SpecFault(parameter, e.getMessage()));
      }
      at = term.end();
    }
    return query.build();
  }

  /** What belongs to one of the projects; empty: everything. */
  public static HistoryQuery ofProjects(Optional<Set<String>> projects) {
    return projects
        .map(
            own ->
                new HistoryQuery(
                    List.of("e.project = any(:ownProjects)"),
                    Map.of(),
                    Map.of("ownProjects", own.toArray(String[]::new))))
        .orElse(ALL);
  }

  /** The query with the conditions of {@code other} as well. */
  public HistoryQuery and(HistoryQuery other) {
    Builder both = new Builder();
    both.conditions.addAll(conditions);
    both.joins.putAll(joins);
    both.values.putAll(values);
    both.conditions.addAll(other.conditions);
    both.joins.putAll(other.joins);
    both.values.putAll(other.values);
    return both.build();
  }

  private static final class Builder {
    private final List<String> conditions = new ArrayList<>();
    private final Map<String, String> joins = new LinkedHashMap<>();
    private final Map<String, Object> values = new HashMap<>();

    HistoryQuery build() {
      return new HistoryQuery(List.copyOf(conditions), Map.copyOf(joins), Map.copyOf(values));
    }

    void word(String word, int number) {
      String parameter = "word" + number;
      conditions.add("position(:%s in e.words) > 0".formatted(parameter));
      values.put(parameter, word.toLowerCase(Locale.ROOT));
    }

    void condition(String name, String operator, String value, int number) {
      QueryField field =
          QueryField.named(name, number)
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
      joins.putAll(field.joins());
      values.putAll(field.values());
      String parameter = "value" + number;
      conditions.add(
          switch (field.kind()) {
            case TEXT -> text(field.sql(), operator, value, parameter);
            case STAGE -> {
              values.put(parameter, stage(value).name());
              yield compared(field.sql(), equality(name, operator), ":" + parameter);
            }
            case NUMBER -> {
              values.put(parameter, number(name, value));
              yield compared(field.sql(), comparison(name, operator), ":" + parameter);
            }
            case TIME -> {
              values.put(parameter, time(name, value));
              yield compared(field.sql(), comparison(name, operator), ":" + parameter);
            }
            case JSON -> json(field.sql(), operator, value, parameter);
          });
    }

    private String text(String sql, String operator, String value, String parameter) {
      values.put(parameter, operator.equals("~") ? value.toLowerCase(Locale.ROOT) : value);
      return operator.equals("~")
          ? "position(:%s in lower(%s)) > 0".formatted(parameter, sql)
          : compared(sql, operator, ":" + parameter);
    }

    /** Numbers are compared as numbers where the literal and the field are both numbers. */
    private String json(String sql, String operator, String value, String parameter) {
      Optional<Double> literal = parsed(value);
      if (literal.isPresent() && !operator.equals("~")) {
        values.put(parameter, literal.get());
        return "case when jsonb_typeof(%1$s) = 'number' then %2$s else false end"
            .formatted(
                sql,
                compared("cast(%s as double precision)".formatted(sql), operator, ":" + parameter));
      }
      return text("(%s) #>> '{}'".formatted(sql), operator, value, parameter);
    }

    private static String compared(String sql, String operator, String value) {
      return operator.equals("!=")
          ? "%s is distinct from %s".formatted(sql, value)
          : "%s %s %s".formatted(sql, operator, value);
    }

    private static String comparison(String name, String operator) {
      if (operator.equals("~")) {
        throw new IllegalArgumentException(
            "compares '%s' with ~, which is for text; use =, !=, <, <=, > or >=.".formatted(name));
      }
      return operator;
    }

    private static String equality(String name, String operator) {
      if (!operator.equals("=") && !operator.equals("!=")) {
        throw new IllegalArgumentException(
            "compares '%s' with %s; use = or !=.".formatted(name, operator));
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
  }

  /** The time, if Postgres has it; throws {@link DateTimeException} for others. */
  static OffsetDateTime storable(OffsetDateTime time) {
    if (time.getYear() < 1 || time.getYear() > 9999) {
      throw new DateTimeException("The year must be 1 to 9999.");
    }
    return time;
  }
}
