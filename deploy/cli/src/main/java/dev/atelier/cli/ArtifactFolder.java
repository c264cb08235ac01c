package dev.atelier.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;

/**
 * A folder of the user that files from the API are written to, each whole or not at all. What has
 * several names is fetched once.
 */
final class ArtifactFolder {

  /** Smaller files are copied, so that who changes one changes no other. */
  private static final long LINKED_BYTES = 1 << 20;

  private final Path directory;
  private final Map<String, Path> fetched = new HashMap<>(); // by SHA-256

  ArtifactFolder(Path directory) {
    this.directory = directory;
  }

  /** Writes a file and returns where it is. */
  Path fetch(AtelierApi api, ExperimentReport.Artifact artifact)
      throws CommandFailure, InterruptedException {
    Path file = target(artifact);
    try {
      Files.createDirectories(file.getParent());
      write(api, artifact, file);
    } catch (IOException e) {
      throw new CommandFailure("Cannot write %s: %s.".formatted(file, e), e);
    }
    fetched.put(artifact.sha256(), file);
    return file;
  }

  /** Names may have folders, which stay below this one. */
  private Path target(ExperimentReport.Artifact artifact) throws CommandFailure {
    Path name = Path.of(artifact.name());
    Path root = directory.toAbsolutePath().normalize();
    Path file = root.resolve(name);
    if (!file.equals(file.normalize()) || !file.startsWith(root) || file.equals(root)) {
      throw new CommandFailure("'%s' is not a plain file name.".formatted(artifact.name()));
    }
    return directory.resolve(name);
  }

  /** Writes beside the target and renames when the checksum is right. */
  private void write(AtelierApi api, ExperimentReport.Artifact artifact, Path file)
      throws IOException, CommandFailure, InterruptedException {
    Path part = Files.createTempFile(file.getParent(), file.getFileName().toString(), ".part");
    try {
      if (fetched.containsKey(artifact.sha256())) {
        repeat(fetched.get(artifact.sha256()), part);
      } else {
        download(api, artifact, part);
      }
      Files.move(part, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static void download(AtelierApi api, ExperimentReport.Artifact artifact, Path part)
      throws IOException, CommandFailure, InterruptedException {
    MessageDigest digest = sha256();
    try (InputStream in = new DigestInputStream(api.download(artifact.href()), digest)) {
      Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
    }
    String found = HexFormat.of().formatHex(digest.digest());
    if (!found.equals(artifact.sha256())) {
      throw new CommandFailure(
          "Cannot export '%s': expected sha256 %s, found %s."
              .formatted(artifact.name(), artifact.sha256(), found));
    }
  }

  private static void repeat(Path fetched, Path part) throws IOException {
    if (Files.size(fetched) >= LINKED_BYTES) {
      Files.delete(part);
      try {
        Files.createLink(part, fetched);
        return;
      } catch (UnsupportedOperationException | FileSystemException e) {
        // Not every file system has links: it is copied.
      }
    }
    Files.copy(fetched, part, StandardCopyOption.REPLACE_EXISTING);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java platform has it
    }
  }
}
