package dev.atelier.opening;

import dev.atelier.opening.OpenerProcess.Answer;
import dev.atelier.untrusted.OneLine;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * How a worker and an {@link OpenerServer} talk. The worker asks; the server says how far it is
 * until it wants the files; the worker sends them; the server says how far it is, sends what was
 * made of them, and the answer.
 */
final class Wire {

  static final int MAX_REQUEST_BYTES = 1 << 20;
  static final int SILENCE_MS = 60_000; // of the other side, which says something each second

  static final int SENTENCE = 300; // characters

  private static final int CHUNK = 1 << 16;

  /** What the server says next, in a byte. */
  enum Message {
    PROGRESS('P'), // a sentence
    SEND('S'), // the worker's turn
    FILE('F'), // name, length and bytes of what was made
    ANSWER('A'); // the last

    final int code;

    Message(char code) {
      this.code = code;
    }
  }

  /**
   * What a worker asks.
   *
   * @param opening whose file or folder has its name in the folder that the files are put into
   */
  record Request(
      Opening opening,
      long timeoutSeconds,
      long memoryBytes,
      long heapBytes,
      long datasetHeapBytes,
      long weightsBytes) {}

  private Wire() {}

  static void writeJson(DataOutputStream out, Object value) throws IOException {
    byte[] json = OpenerProcess.JSON.writeValueAsBytes(value);
    out.writeInt(json.length);
    out.write(json);
  }

  static <T> T readJson(DataInputStream in, Class<T> type) throws IOException {
    int length = in.readInt();
    if (length < 0 || length > MAX_REQUEST_BYTES) {
      throw new IOException("a message of %d bytes".formatted(length));
    }
    return OpenerProcess.JSON.readValue(in.readNBytes(length), type);
  }

  static void writeProgress(DataOutputStream out, String sentence) throws IOException {
    out.writeByte(Message.PROGRESS.code);
    out.writeUTF(OneLine.of(sentence, SENTENCE));
    out.flush();
  }

  static void writeAnswer(DataOutputStream out, Answer answer) throws IOException {
    out.writeByte(Message.ANSWER.code);
    writeJson(out, answer);
    out.flush();
  }

  /** The message with that code; less than 0: the connection has ended. */
  static Message message(int code) throws IOException {
    for (Message message : Message.values()) {
      if (message.code == code) {
        return message;
      }
    }
    throw code < 0 ? new EOFException("no answer") : new IOException("message " + code);
  }

  /**
   * Sends a file; what cannot be read is no fault of the connection's.
   *
   * @throws UncheckedIOException if the content cannot be read, or has another length
   */
  static void writeFile(DataOutputStream out, String name, long bytes, InputStream content)
      throws IOException {
    out.writeUTF(name);
    out.writeLong(bytes);
    byte[] chunk = new byte[CHUNK];
    for (long left = bytes; left > 0; ) {
      int read = read(content, chunk, left, name);
      out.write(chunk, 0, read);
      left -= read;
    }
  }

  private static int read(InputStream content, byte[] chunk, long left, String name) {
    try {
      int read = content.read(chunk, 0, (int) Math.min(left, chunk.length));
      if (read < 0) {
        throw new EOFException("'%s' changed while it was read".formatted(name));
      }
      return read;
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot read '%s'.".formatted(name), e);
    }
  }

  /**
   * Receives the bytes of a file whose name and length were read; what cannot be kept is no fault
   * of the connection's, which goes on behind the file.
   *
   * @param between is run after each part
   * @throws UncheckedIOException if the file cannot be written
   */
  static void readFile(DataInputStream in, Path file, long bytes, Runnable between)
      throws IOException {
    long left = bytes;
    try (OutputStream out = create(file)) {
      byte[] chunk = new byte[CHUNK];
      while (left > 0) {
        int read = in.read(chunk, 0, (int) Math.min(left, chunk.length));
        if (read < 0) {
          throw new EOFException("'%s' ends early".formatted(file.getFileName()));
        }
        left -= read;
        write(out, chunk, read, file);
        between.run();
      }
    } catch (UncheckedIOException e) {
      in.skipNBytes(left);
      throw e;
    }
  }

  private static OutputStream create(Path file) {
    try {
      Files.createDirectories(file.getParent());
      return Files.newOutputStream(file);
    } catch (IOException e) {
      throw cannotWrite(file, e);
    }
  }

  private static void write(OutputStream out, byte[] chunk, int bytes, Path file) {
    try {
      out.write(chunk, 0, bytes);
    } catch (IOException e) {
      throw cannotWrite(file, e);
    }
  }

  private static UncheckedIOException cannotWrite(Path file, IOException e) {
    return new UncheckedIOException(
        "Cannot write '%s': %s".formatted(file.getFileName(), e.getMessage()), e);
  }
}
