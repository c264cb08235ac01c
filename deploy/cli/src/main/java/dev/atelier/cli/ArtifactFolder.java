package dev.atelier.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** A folder of the user that files from the API are written to, each whole or not at all. */
final class ArtifactFolder {

  private final Path directory;

  ArtifactFolder(Path directory) {
    this.directory = directory;
  }

  /** Writes a file and returns where it is. */
  Path fetch(AtelierApi api, ExperimentReport.Artifact artifact)
      throws CommandFailure, InterruptedException {
    Path file = target(artifact);
    try {
      Files.createDirectories(directory);
      write(api, artifact, file);
    } catch (IOException e) {
      throw new CommandFailure("Cannot write %s: %s.".formatted(file, e), e);
    }
    return file;
  }

  private Path target(ExperimentReport.Artifact artifact) throws CommandFailure {
    Path file = directory.resolve(artifact.name()).normalize();
    if (!directory.normalize().equals(file.getParent())) {
      throw new CommandFailure("'%s' is not a plain file name.".formatted(artifact.name()));
    }
    return file;
  }

  /** Writes beside the target and renames when the checksum is right. */
  private void write(AtelierApi api, ExperimentReport.Artifact artifact, Path file)
      throws IOException, CommandFailure, InterruptedException {
    Path part = Files.createTempFile(directory, artifact.name(), ".part");
    try {
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
      Files.move(part, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(part);
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java platform has it
    }
  }
}
