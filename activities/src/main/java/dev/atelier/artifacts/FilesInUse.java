package dev.atelier.artifacts;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeSet;

/**
 * Which files of the cache this process may still be using: whatever was asked for while work was
 * under way that has not ended since. Which work asked is not told, so a file stays for all of it.
 */
final class FilesInUse {

  private final Map<Path, Long> lastAsked = new HashMap<>(); // guarded by this, as the rest
  private final TreeSet<Long> underWay = new TreeSet<>(); // when each work began
  private long clock;

  /** Work begins; its number ends it. */
  synchronized long begin() {
    underWay.add(++clock);
    return clock;
  }

  /** The file is asked for. */
  synchronized void ask(Path file) {
    lastAsked.put(file, ++clock);
  }

  /** Work ends; what nobody can be using any more is deleted. */
  synchronized void end(long work) throws IOException {
    underWay.remove(work);
    long earliest = underWay.isEmpty() ? Long.MAX_VALUE : underWay.first();
    for (Iterator<Map.Entry<Path, Long>> files = lastAsked.entrySet().iterator();
        files.hasNext(); ) {
      Map.Entry<Path, Long> file = files.next();
      if (file.getValue() < earliest) {
        Files.deleteIfExists(file.getKey());
        files.remove();
      }
    }
  }
}
