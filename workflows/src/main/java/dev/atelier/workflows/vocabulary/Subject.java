package dev.atelier.workflows.vocabulary;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Optional;

/** What a set of models is called in results; in the order in which they are shown. */
public enum Subject {
  TEACHER("teacher", "teacher", "the teacher"),
  ONE_TO_ONE("one-to-one", "one-to-one", "one student that was trained on every timestep"),
  O2MKD("o2mkd", "O2MKD", "the students, each at the timesteps that it owns"),
  O2MKD_PARTIAL(
      "o2mkd-partial", "O2MKD, partial", "the same, with the teacher in the place of missing ones"),
  MERGED("merged", "merged", "the students, some of them merged");

  private final String word;
  private final String title;
  private final String description;

  Subject(String word, String title, String description) {
    this.word = word;
    this.title = title;
    this.description = description;
  }

  /** The subject of that word; empty: there is none. */
  public static Optional<Subject> named(String word) {
    return Arrays.stream(values()).filter(subject -> subject.word.equals(word)).findFirst();
  }

  /** The order in which words of subjects are shown; those of a later version come last. */
  public static Comparator<String> order() {
    return Comparator.<String>comparingInt(
            word -> named(word).map(Subject::ordinal).orElse(values().length))
        .thenComparing(Comparator.naturalOrder());
  }

  /** What people read for a word; one that a later version has added is itself. */
  public static String titleOf(String word) {
    return named(word).map(Subject::title).orElse(word);
  }

  /** Its name in file names and REST. */
  public String word() {
    return word;
  }

  /** What people call it. */
  public String title() {
    return title;
  }

  public String description() {
    return description;
  }
}
