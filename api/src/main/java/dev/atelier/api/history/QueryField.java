package dev.atelier.api.history;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Something that experiments are asked for or sorted by.
 *
 * @param name as people write it
 * @param sql its value in a query over {@code experiment e} and the {@code joins}
 * @param joins what the value needs besides, by name
 * @param values of the parameters in {@code sql}, by name
 */
public record QueryField(
    String name, Kind kind, String sql, Map<String, String> joins, Map<String, Object> values) {

  /** What its values are. */
  public enum Kind {
    TEXT,
    STAGE,
    NUMBER,
    TIME,
    JSON // of any type: compared as the literal is
  }

  static final QueryField CREATED = plain("created", Kind.TIME, "e.created_at");

  private static final Map<String, QueryField> PLAIN = new LinkedHashMap<>();

  static {
    for (QueryField field :
        List.of(
            plain("id", Kind.TEXT, "e.id"),
            plain("name", Kind.TEXT, "e.name"),
            plain("project", Kind.TEXT, "e.project"),
            plain("stage", Kind.STAGE, "e.stage"),
            plain("dataset", Kind.TEXT, "e.dataset_source"),
            plain("students", Kind.NUMBER, "e.students"),
            plain("p", Kind.NUMBER, "e.specific_probability"),
            plain("seed", Kind.NUMBER, "e.seed"),
            CREATED,
            plain("updated", Kind.TIME, "e.updated_at"),
            plain("finished", Kind.TIME, "e.finished_at"),
            plain(
                "study",
                Kind.TEXT,
                "(select sm.study_id from study_member sm where sm.experiment_id = e.id)"))) {
      PLAIN.put(field.name(), field);
    }
  }

  private static final List<String> SUBJECTS =
      List.of("o2mkd", "o2mkd-partial", "teacher", "one-to-one", "merged");
  private static final Map<String, String> FIGURES =
      Map.of("distance", "distance", "macs", "macs_per_step");
  private static final Pattern SPEC_PATH = Pattern.compile("[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*");

  private static QueryField plain(String name, Kind kind, String sql) {
    return new QueryField(name, kind, sql, Map.of(), Map.of());
  }

  /** Names to write, for people. */
  static List<String> names() {
    return Stream.concat(
            PLAIN.keySet().stream(),
            List.of(
                "distance",
                "macs",
                "distance.<subject>",
                "macs.<subject>",
                "label.<key>",
                "spec.<field>")
                .stream())
        .toList();
  }

  /**
   * The field that people call {@code name}; empty: there is none.
   *
   * @param number tells its parameters from those of other fields of the query
   */
  static Optional<QueryField> named(String name, int number) {
    if (PLAIN.containsKey(name)) {
      return Optional.of(PLAIN.get(name));
    }
    int dot = name.indexOf('.');
    String first = dot < 0 ? name : name.substring(0, dot);
    String rest = dot < 0 ? "" : name.substring(dot + 1);
    if (FIGURES.containsKey(first)) {
      String subject = rest.isEmpty() ? "o2mkd" : rest;
      return SUBJECTS.contains(subject)
          ? Optional.of(figure(name, FIGURES.get(first), subject))
          : Optional.empty();
    }
    String parameter = "field" + number;
    if (first.equals("label") && !rest.isEmpty()) {
      return Optional.of(
          new QueryField(
              name, Kind.TEXT, "e.labels ->> :" + parameter, Map.of(), Map.of(parameter, rest)));
    }
    if (first.equals("spec") && SPEC_PATH.matcher(rest).matches()) {
      String path = "{%s}".formatted(String.join(",", Arrays.asList(rest.split("\\."))));
      return Optional.of(
          new QueryField(
              name,
              Kind.JSON,
              "e.spec #> cast(:%s as text[])".formatted(parameter),
              Map.of(),
              Map.of(parameter, path)));
    }
    return Optional.empty();
  }

  private static QueryField figure(String name, String column, String subject) {
    String alias = "v_" + subject.replace('-', '_');
    return new QueryField(
        name,
        Kind.NUMBER,
        "%s.%s".formatted(alias, column),
        Map.of(
            alias,
            "left join evaluation %1$s on %1$s.experiment_id = e.id and %1$s.subject = '%2$s'"
                .formatted(alias, subject)),
        Map.of());
  }
}
