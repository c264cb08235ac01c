package dev.atelier.local;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** The log file of one child; what grew past the cap is set aside, also while the child writes. */
record ChildLog(Path file) {

  static final long CAP_BYTES = 8L << 20;
  private static final int TAIL_BYTES = 16 << 10;

  /**
   * Moves what a file past the cap holds to {@code <name>.1}, in place of what was there. The child
   * goes on with the same file, which it appends to; what it writes between the copy and the cut,
   * some microseconds, is lost.
   */
  void rotate() throws IOException {
    if (!Files.exists(file) || Files.size(file) <= CAP_BYTES) {
      return;
    }
    try (FileChannel log =
            FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
        FileChannel aside =
            FileChannel.open(
                file.resolveSibling(file.getFileName() + ".1"),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE,
                StandardOpenOption.TRUNCATE_EXISTING)) {
      long copied = 0;
      while (copied < log.size()) {
        copied += log.transferTo(copied, log.size() - copied, aside);
      }
      log.truncate(0);
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
