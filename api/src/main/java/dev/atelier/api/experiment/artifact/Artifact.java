package dev.atelier.api.experiment.artifact;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/** Where the file of an artifact is and what it must be. */
public record Artifact(
    String name, String kind, String objectKey, String contentType, long bytes, String sha256) {

  /**
   * Copies its content.
   *
   * @throws IOException if it has not as many bytes as the artifact
   */
  public void copy(InputStream content, OutputStream out) throws IOException {
    try (content) {
      byte[] buffer = new byte[1 << 14];
      long copied = 0;
      for (int read; (read = content.read(buffer)) >= 0; ) {
        copied += read;
        if (copied > bytes) {
          break;
        }
        out.write(buffer, 0, read);
      }
      if (copied != bytes) {
        throw new IOException(
            "The file of artifact '%s' has %s than its %d bytes."
                .formatted(name, copied < bytes ? "fewer" : "more", bytes));
      }
    }
  }
}
