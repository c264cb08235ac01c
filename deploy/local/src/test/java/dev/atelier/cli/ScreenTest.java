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

  private Screen screen(boolean live) {
    return new Screen(new PrintStream(bytes, true, StandardCharsets.UTF_8), live);
  }
}
