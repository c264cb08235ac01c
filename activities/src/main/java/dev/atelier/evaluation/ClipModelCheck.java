package dev.atelier.evaluation;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Tries a CLIP model that a user brings. */
public final class ClipModelCheck {

  private static final int SIDE = 32; // pixels of the picture that it is tried with

  private ClipModelCheck() {}

  /**
   * Has it judge a picture and its prompt.
   *
   * @param name for messages
   * @param work a directory for temporary files
   * @throws ExtractorException if it cannot
   */
  public static void check(Path folder, String name, Path work) throws IOException {
    byte[] picture = new byte[3 * SIDE * SIDE];
    for (int i = 0; i < picture.length; i++) {
      picture[i] = (byte) (i * 31);
    }
    try (ClipJudge judge = ClipJudge.open(folder, name, "cpu", work)) {
      judge.judge(picture, 1, 3, SIDE, List.of("a photo"), judge.rows(1, true));
    }
  }
}
