package dev.atelier.workflows.vocabulary;

import java.util.Arrays;
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

  /** Its name in file names, tables and REST. */
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
