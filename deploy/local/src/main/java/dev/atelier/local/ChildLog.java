package dev.atelier.local;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/** The log file of one child; what grew past the cap is set aside at the next start. */
record ChildLog(Path file) {

  static final long CAP_BYTES = 8L << 20;
  private static final int TAIL_BYTES = 16 << 10;

  /** Moves a file past the cap to {@code <name>.1}, in place of the one that was there. */
  void rotate() throws IOException {
    if (Files.exists(file) && Files.size(file) > CAP_BYTES) {
      Files.move(
          file,
          file.resolveSibling(file.getFileName() + ".1"),
          StandardCopyOption.REPLACE_EXISTING);
    }
  }

  /** Returns the last lines, oldest first. */
  List<String> tail(int lines) {
    try (RandomAccessFile log = new RandomAccessFile(file.toFile(), "r")) {
      long from = Math.max(0, log.length() - TAIL_BYTES);
      log.seek(from);
      byte[] bytes = new byte[(int) (log.length() - from)];
      log.readFully(bytes);
      List<String> all = new String(bytes, StandardCharsets.UTF_8).lines().toList();
      return all.subList(Math.max(0, all.size() - lines), all.size());
    } catch (IOException e) {
      return List.of();
    }
  }
}
