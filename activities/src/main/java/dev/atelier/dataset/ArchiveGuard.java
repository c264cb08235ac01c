package dev.atelier.dataset;

import dev.atelier.untrusted.HeapBudget;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/** Counts what one pass over an archive unpacks, and stops it where that is too much. */
final class ArchiveGuard {

  private static final long RATIO_FROM_BYTES = 256L << 20; // a small one does no harm

  private final ArchiveLimits limits;
  private final long packedBytes;
  private long entries;
  private long bytes;

  ArchiveGuard(ArchiveLimits limits, long packedBytes) {
    this.limits = limits;
    this.packedBytes = Math.max(1, packedBytes);
  }

  /** Counts a file whose name nobody holds. */
  void row() throws IOException {
    if (++entries > limits.entries()) {
      throw new IOException(
          "The archive has more than %d files (atelier.sources.archive-entries)."
              .formatted(limits.entries()));
    }
  }

  /** Counts a file of the archive and checks its name, which is held. */
  void entry(String name) throws IOException {
    row();
    if (entries > HeapBudget.archiveEntries()) {
      throw new IOException(
          "The archive has more than %d files, whose list this worker's heap has no room for."
              .formatted(HeapBudget.archiveEntries()));
    }
    String forward = name.replace('\\', '/');
    if (forward.startsWith("/")
        || forward.matches("(?s)[A-Za-z]:.*")
        || Arrays.asList(forward.split("/")).contains("..")) {
      throw new IOException(
          "The archive holds the name '%s', which leads out of it."
              .formatted(EntryName.shown(name)));
    }
  }

  /** The stream, counted. */
  InputStream counting(InputStream in) {
    return new FilterInputStream(in) {
      @Override
      public int read() throws IOException {
        int read = super.read();
        count(read < 0 ? 0 : 1);
        return read;
      }

      @Override
      public int read(byte[] buffer, int offset, int length) throws IOException {
        int read = super.read(buffer, offset, length);
        count(Math.max(0, read));
        return read;
      }

      @Override
      public long skip(long wanted) throws IOException {
        long skipped = super.skip(wanted);
        count(skipped);
        return skipped;
      }
    };
  }

  private void count(long unpacked) throws IOException {
    bytes += unpacked;
    if (bytes > limits.bytes()) {
      throw new IOException(
          "The archive unpacks to more than %d bytes (atelier.sources.archive-bytes)."
              .formatted(limits.bytes()));
    }
    if (bytes > RATIO_FROM_BYTES && bytes / packedBytes >= limits.ratio()) {
      throw new IOException(
          "The archive unpacks to more than %d times its size (atelier.sources.archive-ratio)."
              .formatted(limits.ratio()));
    }
  }
}
