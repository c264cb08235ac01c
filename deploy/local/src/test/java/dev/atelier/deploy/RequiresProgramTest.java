package dev.atelier.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RequiresProgramTest {

  @Test
  void shouldRunWhenTheProgramIsThere() {
    Optional<Path> found = Optional.of(Path.of("/bin/sh"));
    assertThat(RequiresProgram.Condition.evaluate("sh", found, true).isDisabled()).isFalse();
  }

  @Test
  void shouldSkipWithTheReasonWhenTheProgramIsMissing() {
    var result = RequiresProgram.Condition.evaluate("absent", Optional.empty(), false);
    assertThat(result.isDisabled()).isTrue();
    assertThat(result.getReason().orElseThrow()).contains("'absent'");
  }

  @Test
  void shouldFailInsteadOfSkippingWhenEveryRealPartIsRequired() {
    assertThatThrownBy(() -> RequiresProgram.Condition.evaluate("absent", Optional.empty(), true))
        .hasMessageContaining("'absent'")
        .hasMessageContaining("ATELIER_REQUIRE_REAL=1");
  }
}
