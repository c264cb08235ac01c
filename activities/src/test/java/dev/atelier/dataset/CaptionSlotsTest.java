package dev.atelier.dataset;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CaptionSlotsTest {

  @TempDir Path temporary;

  @Test
  void shouldGiveTheCaptionsOfEachImageInTheOrderInWhichTheyCame() throws IOException {
    try (CaptionSlots slots = new CaptionSlots(temporary, 4)) {
      slots.add(2, "zwei");
      slots.add(0, "naught");
      slots.add(2, "deux \"2\"");
      slots.add(3, "三");
      slots.add(2, "two");
      assertThat(slots.has(1)).isFalse();
      assertThat(slots.has(2)).isTrue();
      ByteArrayOutputStream lines = new ByteArrayOutputStream();
      assertThat(slots.writeLines(List.of(0, 2, 3), lines)).isEqualTo(5);
      assertThat(lines.toString(StandardCharsets.UTF_8))
          .isEqualTo("[\"naught\"]\n[\"zwei\",\"deux \\\"2\\\"\",\"two\"]\n[\"三\"]\n");
    }
    assertThat(temporary).isEmptyDirectory();
  }

  @Test
  void shouldKeepAtMostSixtyFourCaptionsOfAnImage() throws IOException {
    try (CaptionSlots slots = new CaptionSlots(temporary, 1)) {
      for (int i = 0; i < 100; i++) {
        slots.add(0, "caption " + i);
      }
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      assertThat(slots.writeLines(List.of(0), line)).isEqualTo(64);
      assertThat(CaptionLine.read(line.toByteArray())).hasSize(64).endsWith("caption 63");
    }
  }

  @Test
  void shouldCleanCaptionsOfWhatNoFileOfLinesHolds() {
    assertThat(CaptionLine.clean(" \t a\nred\u0000 circle\u00a0 ")).hasValue("a red  circle\u00a0");
    assertThat(CaptionLine.clean("\ud83d\ude00 \ud800")).hasValue("\ud83d\ude00 \ufffd");
    assertThat(CaptionLine.clean(" \n ")).isEmpty();
    assertThat(CaptionLine.clean("")).isEmpty();
    assertThat(CaptionLine.clean("a".repeat(9000)).orElseThrow()).hasSize(4096);
    String emoji = CaptionLine.clean("a" + "\ud83d\ude00".repeat(5000)).orElseThrow();
    assertThat(emoji).hasSize(4095).endsWith("\ud83d\ude00");
    assertThat(CaptionLine.clean(emoji)).hasValue(emoji);
  }
}
