package dev.atelier.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RequiresProgramTest {

  @Test
  void shouldRunWhenTheProgramIsThere() {
    Optional<Path> found = Optional.of(Path.of("/bin/sh"));
    assertThat(RequiresProgram.Condition.evaluate("sh", found).isDisabled()).isFalse();
  }

  @Test
  void shouldSkipWithTheReasonThatTheRunsTableReadsWhenTheProgramIsMissing() {
    var result = RequiresProgram.Condition.evaluate("absent", Optional.empty());
    assertThat(result.isDisabled()).isTrue();
    assertThat(result.getReason()).contains("missing: absent");
  }
}
