package dev.atelier.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScreenTest {

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  @Test
  void shouldPrintLinesAboveTheBlockOnATerminal() {
    Screen screen = screen(true);

    screen.show(List.of("bar 1", "bar 2"));
    screen.print("worker-1 ended");

    assertThat(bytes.toString(StandardCharsets.UTF_8))
        .isEqualToNormalizingNewlines(
            "\u001b[?7lbar 1\nbar 2\n\u001b[?7h"
                + "\u001b[2A\r\u001b[Jworker-1 ended\n"
                + "\u001b[?7lbar 1\nbar 2\n\u001b[?7h");
  }

  @Test
  void shouldPrintNoControlCharactersElsewhere() {
    Screen screen = screen(false);

    screen.show(List.of("bar 1"));
    screen.print("a line");

    assertThat(bytes.toString(StandardCharsets.UTF_8)).isEqualToNormalizingNewlines("a line\n");
  }

  @Test
  void shouldShowWhatWouldCommandTheTerminal() {
    Screen screen = screen(true);

    screen.print("line1\nline2\u001b[31m \u0007\u009b2J\u202egnp.exe ä😀");
    screen.show(List.of("a\rb"));

    assertThat(bytes.toString(StandardCharsets.UTF_8))
        .isEqualToNormalizingNewlines(
            "line1\\nline2\\u001b[31m \\u0007\\u009b2J\\u202egnp.exe ä😀\n"
                + "\u001b[?7la\\rb\n\u001b[?7h");
  }

  @Test
  void shouldKeepTheLinesOfATextButNoOtherCommands() {
    screen(false).printText("a:\n\tb\u001b[31m");

    assertThat(bytes.toString(StandardCharsets.UTF_8))
        .isEqualToNormalizingNewlines("a:\n\tb\\u001b[31m\n");
  }

  @Test
  void shouldKeepTheRowsOfATableWhateverTheNamesAre() {
    screen(false)
        .print(
            TextTable.toTheLeft("NAME", "STAGE")
                .row("line1\nline2\u001b[31m", "DONE")
                .row("b", "DONE")
                .lines());

    assertThat(bytes.toString(StandardCharsets.UTF_8))
        .isEqualToNormalizingNewlines(
            """
            NAME                    STAGE
            ──────────────────────  ─────
            line1\\nline2\\u001b[31m  DONE
            b                       DONE
            """);
  }

  private Screen screen(boolean live) {
    return new Screen(new PrintStream(bytes, true, StandardCharsets.UTF_8), live);
  }
}
