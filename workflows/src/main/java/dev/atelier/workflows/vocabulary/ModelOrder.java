package dev.atelier.workflows.vocabulary;

import java.util.Comparator;
import java.util.List;

/** The order in which models are shown, by their keys: as the subjects, then by number. */
public final class ModelOrder implements Comparator<String> {

  private static final List<String> KINDS = List.of("teacher", "one-to-one", "student-", "merged-");

  @Override
  public int compare(String one, String other) {
    int byKind = Integer.compare(kind(one), kind(other));
    int byLength = Integer.compare(one.length(), other.length()); // student-10 is after student-9
    return byKind != 0 ? byKind : byLength != 0 ? byLength : one.compareTo(other);
  }

  private static int kind(String key) {
    return (int) KINDS.stream().takeWhile(kind -> !key.startsWith(kind)).count();
  }
}
