package dev.atelier.cli;

import picocli.CommandLine.Option;

/** How long a list may be. */
final class LimitOption {

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "50",
      description = "At most so many (${DEFAULT-VALUE}).")
  private int limit;

  int value() {
    return limit;
  }
}
