package dev.atelier.api.history;

import dev.atelier.workflows.vocabulary.Subject;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Something that experiments are asked for or sorted by. */
public sealed interface QueryField {

  /** Names with dots between. */
  Pattern SPEC_PATH = Pattern.compile("[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*");

  /** What the values of a field are. */
  enum Kind {
    TEXT,
    STAGE,
    NUMBER,
    TIME,
    JSON // of any type: compared as the literal is
  }

  /** As people write it. */
  String text();

  Kind kind();

  /** What every experiment has. */
  enum Own implements QueryField {
    ID("id", Kind.TEXT),
    NAME("name", Kind.TEXT),
    PROJECT("project", Kind.TEXT),
    STAGE("stage", Kind.STAGE),
    DATASET("dataset", Kind.TEXT),
    STUDENTS("students", Kind.NUMBER),
    SPECIFIC_PROBABILITY("p", Kind.NUMBER),
    SEED("seed", Kind.NUMBER),
    CREATED("created", Kind.TIME),
    UPDATED("updated", Kind.TIME),
    FINISHED("finished", Kind.TIME),
    STUDY("study", Kind.TEXT);

    private final String text;
    private final Kind kind;

    Own(String text, Kind kind) {
      this.text = text;
      this.kind = kind;
    }

    @Override
    public String text() {
      return text;
    }

    @Override
    public Kind kind() {
      return kind;
    }
  }

  /** What was measured of a subject. */
  record Figure(String text, Measure measure, Subject subject) implements QueryField {

    /** What is asked of a subject. */
    public enum Measure {
      DISTANCE("distance"),
      MACS("macs");

      private final String text;

      Measure(String text) {
        this.text = text;
      }
    }

    @Override
    public Kind kind() {
      return Kind.NUMBER;
    }
  }

  /** The value of a label. */
  record Label(String text, String key) implements QueryField {

    @Override
    public Kind kind() {
      return Kind.TEXT;
    }
  }

  /** A field of the spec, which names of parents and its own lead to. */
  record OfSpec(String text, List<String> path) implements QueryField {

    @Override
    public Kind kind() {
      return Kind.JSON;
    }
  }

  /** Names to write, for people. */
  static List<String> names() {
    return Stream.concat(
            Arrays.stream(Own.values()).map(Own::text),
            Stream.of(
                "distance",
                "macs",
                "distance.<subject>",
                "macs.<subject>",
                "label.<key>",
                "spec.<field>"))
        .toList();
  }

  /** A field of the spec; what has a column of its own is read there. */
  private static QueryField ofSpec(String name, String path) {
    if (path.startsWith("labels.")) {
      return new Label(name, path.substring("labels.".length()));
    }
    return path.equals("name") ? Own.NAME : new OfSpec(name, List.of(path.split("\\.")));
  }

  /** The field that people call {@code name}; empty: there is none. */
  static Optional<QueryField> named(String name) {
    Optional<QueryField> own =
        Arrays.stream(Own.values())
            .filter(field -> field.text().equals(name))
            .<QueryField>map(field -> field)
            .findFirst();
    if (own.isPresent()) {
      return own;
    }
    int dot = name.indexOf('.');
    String first = dot < 0 ? name : name.substring(0, dot);
    String rest = dot < 0 ? "" : name.substring(dot + 1);
    if (first.equals("label") && !rest.isEmpty()) {
      return Optional.of(new Label(name, rest));
    }
    if (first.equals("spec") && SPEC_PATH.matcher(rest).matches()) {
      return Optional.of(ofSpec(name, rest));
    }
    Optional<Subject> subject = rest.isEmpty() ? Optional.of(Subject.O2MKD) : Subject.named(rest);
    return Arrays.stream(Figure.Measure.values())
        .filter(measure -> measure.text.equals(first))
        .findFirst()
        .flatMap(measure -> subject.map(of -> new Figure(name, measure, of)));
  }
}
