package dev.atelier.cli;

import picocli.CommandLine.Parameters;

/** Which model of an experiment a command is about. */
final class ModelArgument {

  @Parameters(
      index = "1",
      paramLabel = "K",
      description = "A student, counted from 1; or teacher, or one-to-one.")
  private String name;

  String key() {
    return keyOf(name);
  }

  static String keyOf(String name) {
    return name.matches("[0-9]+") ? "student-" + name : name;
  }
}
