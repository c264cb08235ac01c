package dev.atelier.local;

import java.util.List;
import java.util.Map;

/** A command line and what its environment adds to the supervisor's. */
record Launch(List<String> command, Map<String, String> environment) {

  Launch {
    command = List.copyOf(command);
    environment = Map.copyOf(environment);
  }

  static Launch of(List<String> command) {
    return new Launch(command, Map.of());
  }
}
