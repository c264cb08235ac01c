package dev.atelier.dataset;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** The SHA-256 of what is read, as lower-case hex; says about once a second how much that is. */
final class ContentHash {

  private static final long REPORT_INTERVAL_NANOS = 1_000_000_000;
  private static final long MEGABYTE = 1_000_000;

  private final PreparationListener listener;
  private long bytes;
  private long reported = System.nanoTime();

  ContentHash(PreparationListener listener) {
    this.listener = listener;
  }

  String of(InputStream in) throws IOException {
    MessageDigest digest = sha256();
    byte[] buffer = new byte[1 << 16];
    for (int read; (read = in.read(buffer)) >= 0; ) {
      digest.update(buffer, 0, read);
      bytes += read;
      if (System.nanoTime() - reported >= REPORT_INTERVAL_NANOS) {
        reported = System.nanoTime();
        listener.onProgress("read %d MB to see whether it is known".formatted(bytes / MEGABYTE));
      }
      if (Thread.currentThread().isInterrupted()) {
        throw new InterruptedIOException("The preparation was interrupted.");
      }
    }
    return hex(digest.digest());
  }

  static String of(byte[] bytes) {
    return hex(sha256().digest(bytes));
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
  }

  static String hex(byte[] digest) {
    return HexFormat.of().formatHex(digest);
  }
}
