package dev.atelier.opening;

import dev.atelier.dataset.PreparationListener;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/**
 * What a process is at, in a file that outlives it: lines of one length, the first its progress,
 * the second the file that it reads, the others what each of its threads decodes.
 */
final class Whereabouts implements PreparationListener, Closeable {

  private static final int LINE_BYTES = 512;
  private static final int MOST_CHARACTERS = 120; // of up to 3 bytes, behind a number
  private static final int MOST_BYTES = 1024 * LINE_BYTES; // whatever the process has written
  private static final int NAMED = 4;
  private static final int PROGRESS = 0;
  private static final int READING = 1;
  private static final int DECODING = 2;

  private final FileChannel file;
  private final AtomicInteger lines = new AtomicInteger(DECODING);
  private final Map<Thread, Integer> lineOf = new ConcurrentHashMap<>();
  private final AtomicInteger noted = new AtomicInteger();

  /** Begins to note in a file that is there. */
  Whereabouts(Path path) throws IOException {
    file = FileChannel.open(path, StandardOpenOption.WRITE);
  }

  @Override
  public void onProgress(String sentence) {
    write(PROGRESS, 0, sentence); // the same one again is no progress
  }

  @Override
  public void onRead(String name) {
    write(READING, noted.incrementAndGet(), name);
  }

  @Override
  public void onDecode(String name) {
    write(
        lineOf.computeIfAbsent(Thread.currentThread(), thread -> lines.getAndIncrement()),
        noted.incrementAndGet(),
        name);
  }

  /** The number tells a file from the next one of the same name. */
  private void write(int line, int number, String text) {
    String said = number + "\t" + cut(text.replaceAll("\\p{Cntrl}", " "));
    byte[] bytes = Arrays.copyOf(said.getBytes(StandardCharsets.UTF_8), LINE_BYTES);
    bytes[LINE_BYTES - 1] = '\n';
    try {
      file.write(ByteBuffer.wrap(bytes), (long) line * LINE_BYTES);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The end of a long name tells more than its beginning. */
  private static String cut(String text) {
    return text.length() <= MOST_CHARACTERS
        ? text
        : "…" + text.substring(text.length() - MOST_CHARACTERS);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }

  /**
   * The file as it was at a moment.
   *
   * @param text all of it; another one where the process has come further
   */
  record Moment(String text) {

    static Moment of(FileChannel file) throws IOException {
      ByteBuffer bytes = ByteBuffer.allocate(MOST_BYTES);
      while (bytes.hasRemaining() && file.read(bytes, bytes.position()) > 0) {
        // to its end
      }
      return new Moment(
          new String(bytes.array(), 0, bytes.position(), StandardCharsets.ISO_8859_1));
    }

    /** Whether the process has not begun. */
    boolean isEmpty() {
      return text.isEmpty();
    }

    /** How far the process is, as it says. */
    Optional<String> progress() {
      return line(PROGRESS);
    }

    /** What the process is at, as the end of a clause, with the blank before it; or nothing. */
    String names() {
      List<String> names = new ArrayList<>();
      for (int line = DECODING; line * LINE_BYTES < text.length(); line++) {
        line(line).ifPresent(names::add);
      }
      names.sort(Comparator.naturalOrder());
      if (names.isEmpty()) {
        line(READING).ifPresent(names::add);
      }
      if (names.isEmpty()) {
        return "";
      }
      String named =
          names.stream().limit(NAMED).map("'%s'"::formatted).collect(Collectors.joining(" or "));
      int more = names.size() - NAMED;
      return " at " + named + (more > 0 ? " or one of %d more".formatted(more) : "");
    }

    private Optional<String> line(int number) {
      int start = number * LINE_BYTES;
      if (start >= text.length()) {
        return Optional.empty();
      }
      String line = text.substring(start, Math.min(text.length(), start + LINE_BYTES));
      String said = line.substring(line.indexOf('\t') + 1).replaceAll("[\\x00\\n]+$", "");
      return Optional.of(
              new String(said.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8))
          .filter(name -> !name.isBlank());
    }
  }
}
