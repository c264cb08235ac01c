package dev.atelier.local;

import dev.atelier.cli.stack.ProcessIdentity;
import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Stream;

/** The folder that holds all state of a local stack; locked while a stack runs on it. */
final class DataDirectory implements AutoCloseable {

  /** Generated once per data directory. */
  record Credentials(
      String postgresPassword, String s3AccessKey, String s3SecretKey, String apiToken) {}

  private static final String API_TOKEN = "api.token";

  private static final String LOCK = "atelier.lock";
  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rwx------");

  private final Path root;
  private final FileChannel lockFile;
  private final Path run;

  private DataDirectory(Path root, FileChannel lockFile, Path run) {
    this.root = root;
    this.lockFile = lockFile;
    this.run = run;
  }

  /**
   * Creates the folder if need be, and locks it.
   *
   * @throws StackException naming the process that runs a stack on it already
   */
  static DataDirectory open(Path directory) throws StackException {
    Path root = directory.toAbsolutePath().normalize();
    try {
      if (!Files.exists(root)) {
        Files.createDirectories(root);
        Files.setPosixFilePermissions(root, OWNER_ONLY);
      }
      closeToOthers(root);
      for (String folder : new String[] {"logs", "run", "bin"}) {
        Files.createDirectories(root.resolve(folder));
      }
      FileChannel lockFile = lock(root);
      ProcessIdentity self = ProcessIdentity.of(ProcessHandle.current().pid()).orElseThrow();
      lockFile.truncate(0);
      lockFile.write(
          ByteBuffer.wrap(Long.toString(self.pid()).getBytes(StandardCharsets.US_ASCII)), 0);
      // Named after this very process, so that a reaper of an earlier run never sees our children.
      Path run = root.resolve("run").resolve(self.pid() + "-" + self.startTicks());
      return new DataDirectory(root, lockFile, run);
    } catch (IOException e) {
      throw new StackException(
          "Cannot use the data directory %s: %s. Choose another with --data DIR."
              .formatted(root, e),
          e);
    }
  }

  /** What is a stack's own is put right; a folder of another use is not touched. */
  private static void closeToOthers(Path root) throws IOException, StackException {
    Set<PosixFilePermission> found = Files.getPosixFilePermissions(root);
    if (OWNER_ONLY.containsAll(found)) {
      return;
    }
    boolean own = Files.exists(root.resolve(LOCK));
    try (Stream<Path> files = Files.list(root)) {
      own |= files.findAny().isEmpty();
    }
    if (!own) {
      throw new StackException(
          "Other users can read the data directory %s (%s), and files that are not of Atelier lie in it. Run 'chmod 700 %s' if that is meant, or choose another --data DIR."
              .formatted(root, PosixFilePermissions.toString(found), root));
    }
    Files.setPosixFilePermissions(root, OWNER_ONLY);
  }

  private static FileChannel lock(Path root) throws IOException, StackException {
    FileChannel channel =
        FileChannel.open(
            root.resolve(LOCK),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    FileLock lock = null;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException e) {
      // held by this very process
    }
    if (lock == null) {
      String pid = Files.readString(root.resolve(LOCK)).trim();
      channel.close();
      throw new StackException(
          "A local stack already runs on %s (process %s). Stop it first, or choose another --data DIR."
              .formatted(root, pid.isEmpty() ? "unknown" : pid));
    }
    return channel;
  }

  Path root() {
    return root;
  }

  Path logs() {
    return root.resolve("logs");
  }

  Path bin() {
    return root.resolve("bin");
  }

  /** Pid files of all runs, one folder each. */
  Path runs() {
    return root.resolve("run");
  }

  /** Pid files of this run. */
  Path run() {
    return run;
  }

  Path credentialsFile() {
    return root.resolve("credentials.properties");
  }

  /** Reads the credentials, made at random the first time; only the owner can read the file. */
  Credentials credentials() throws IOException {
    Path file = credentialsFile();
    Properties stored = new Properties();
    if (Files.exists(file)) {
      try (Reader reader = Files.newBufferedReader(file)) {
        stored.load(reader);
      }
    } else {
      stored.setProperty("postgres.password", randomHex(24));
      stored.setProperty("s3.access-key", randomHex(10));
      stored.setProperty("s3.secret-key", randomHex(24));
    }
    if (stored.getProperty(API_TOKEN, "").isEmpty()) { // also where an earlier version wrote it
      stored.setProperty(API_TOKEN, "atl_" + randomHex(32));
      keep(stored, file);
    }
    return new Credentials(
        required(stored, "postgres.password"),
        required(stored, "s3.access-key"),
        required(stored, "s3.secret-key"),
        required(stored, API_TOKEN));
  }

  private void keep(Properties credentials, Path file) throws IOException {
    Path part =
        Files.createTempFile(
            root,
            "credentials",
            ".part",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try (Writer writer = Files.newBufferedWriter(part)) {
      credentials.store(writer, "Of this local stack only");
    }
    Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
  }

  private String required(Properties stored, String key) throws IOException {
    String value = stored.getProperty(key, "");
    if (value.isEmpty()) {
      throw new IOException("%s has no '%s'".formatted(credentialsFile(), key));
    }
    return value;
  }

  private static String randomHex(int bytes) {
    byte[] random = new byte[bytes];
    new SecureRandom().nextBytes(random);
    return HexFormat.of().formatHex(random);
  }

  @Override
  public void close() throws IOException {
    lockFile.close();
  }
}
