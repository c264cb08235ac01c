package dev.atelier.cli;

/** How users name a model of an experiment. */
final class ModelName {

  static final String DESCRIPTION = "A student, counted from 1; or teacher, or one-to-one.";

  private ModelName() {}

  /** The model's key: of a number, that of the student. */
  static String keyOf(String name) {
    return name.matches("[0-9]+") ? "student-" + name : name;
  }
}
