package dev.atelier.cli.stack;

import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Properties;

/**
 * Where the API of a running local stack is, and the token that it wants: what the stack leaves in
 * its data folder for the command line and for curl, in files that only their owner can read.
 *
 * @param url {@code http://host:port}
 * @param token empty: it is open
 */
public record StackAddress(String url, Optional<String> token) {

  private static final String FILE = "client.properties";
  private static final String CURL = "curl";
  private static final String PROCESS = "process";

  /** The running stack of a data folder; empty: none runs there. */
  public static Optional<StackAddress> read(Path directory) throws IOException {
    Path file = directory.resolve(FILE);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    Properties stored = new Properties();
    try (Reader reader = Files.newBufferedReader(file)) {
      stored.load(reader);
    }
    String[] process = stored.getProperty(PROCESS, "").split("-", -1);
    // One that was killed leaves the file, and whoever listens there by now must not get the token.
    boolean runs =
        process.length == 2
            && process[0].matches("[0-9]{1,18}")
            && process[1].matches("[0-9]{1,18}")
            && new ProcessIdentity(Long.parseLong(process[0]), Long.parseLong(process[1])).alive();
    return runs && stored.getProperty("url") != null
        ? Optional.of(
            new StackAddress(
                stored.getProperty("url"), Optional.ofNullable(stored.getProperty("token"))))
        : Optional.empty();
  }

  /** Leaves it in the data folder: {@code client.properties}, and {@code curl} for its -K. */
  public void write(Path directory) throws IOException {
    ProcessIdentity self = ProcessIdentity.of(ProcessHandle.current().pid()).orElseThrow();
    Properties fields = new Properties();
    fields.setProperty("url", url);
    token.ifPresent(text -> fields.setProperty("token", text));
    fields.setProperty(PROCESS, self.pid() + "-" + self.startTicks());
    write(
        directory.resolve(FILE),
        writer -> fields.store(writer, "The local stack that runs now; for the command line"));
    write(
        directory.resolve(CURL),
        writer -> {
          writer.write("# Who you are to the local stack: curl -K ~/.atelier/curl ...\n");
          if (token.isPresent()) {
            writer.write("header = \"Authorization: Bearer %s\"\n".formatted(token.get()));
          }
        });
  }

  /** Takes it away. */
  public static void remove(Path directory) throws IOException {
    Files.deleteIfExists(directory.resolve(FILE));
    Files.deleteIfExists(directory.resolve(CURL));
  }

  private interface Content {
    void to(Writer writer) throws IOException;
  }

  private static void write(Path file, Content content) throws IOException {
    Path part =
        Files.createTempFile(
            file.getParent(),
            file.getFileName().toString(),
            ".part",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try (Writer writer = Files.newBufferedWriter(part)) {
      content.to(writer);
    }
    Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Whether an address is this API's. */
  public boolean isAt(String other) {
    return normal(other).equals(normal(url));
  }

  private static String normal(String address) {
    return address
        .replaceAll("/+$", "")
        .replaceFirst("^http://localhost(?=:|$)", "http://127.0.0.1");
  }
}
