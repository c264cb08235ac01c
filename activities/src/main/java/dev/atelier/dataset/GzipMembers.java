package dev.atelier.dataset;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;

/**
 * The content of a gzip: of all its members, one after the other. Zeros may follow, as tapes have
 * them and {@code gzip -t} accepts; anything else may not.
 */
final class GzipMembers extends InputStream {

  private final BufferedInputStream packed;
  private InputStream member;

  GzipMembers(InputStream in) throws IOException {
    packed = new BufferedInputStream(in, 1 << 16);
    member = open();
  }

  private InputStream open() throws IOException {
    return GzipCompressorInputStream.builder().setInputStream(packed).get();
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    while (true) {
      int read = member.read(buffer, offset, length);
      if (read >= 0 || !hasNext()) {
        return read;
      }
      member = open();
    }
  }

  private boolean hasNext() throws IOException {
    int next;
    do {
      packed.mark(1);
      next = packed.read();
    } while (next == 0);
    if (next >= 0) {
      packed.reset();
      if (next != 0x1F) {
        throw new IOException("The archive goes on after the end of its gzip.");
      }
    }
    return next >= 0;
  }

  @Override
  public void close() throws IOException {
    packed.close();
  }
}
