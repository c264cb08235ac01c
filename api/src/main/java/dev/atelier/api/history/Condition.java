package dev.atelier.api.history;

import java.time.OffsetDateTime;
import java.util.Map;
import java.util.Set;

/** What must hold for an experiment. */
public sealed interface Condition {

  /** It has the word, in lower case, in its id, name, dataset or labels. */
  record Word(String word) implements Condition {}

  /** A field is text that compares so. */
  record OfText(QueryField field, Operator operator, String value) implements Condition {}

  /** A field is a number that compares so. */
  record OfNumber(QueryField field, Operator operator, double value) implements Condition {}

  /** A field is a time that compares so. */
  record OfTime(QueryField field, Operator operator, OffsetDateTime value) implements Condition {}

  /** It has all of these labels. */
  record Labelled(Map<String, String> labels) implements Condition {}

  /** Its id begins so. */
  record IdBegins(String beginning) implements Condition {}

  /** It belongs to one of these projects. */
  record InProjects(Set<String> projects) implements Condition {}
}
