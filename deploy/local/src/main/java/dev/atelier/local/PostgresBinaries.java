package dev.atelier.local;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.tukaani.xz.XZInputStream;

/** The Postgres programs that come as a jar on the class path, unpacked once per version. */
final class PostgresBinaries {

  /** By {@code os.arch}; the build takes the one of its machine along. */
  private static final Map<String, String> ARCHIVES =
      Map.of("amd64", "/postgres-linux-x86_64.txz", "aarch64", "/postgres-linux-arm_64.txz");

  private static final int OWNER_EXECUTES = 0100;

  private PostgresBinaries() {}

  /** Returns the folder that holds {@code bin/postgres} and {@code bin/initdb}. */
  static Path unpack(Path directory) throws IOException, StackException {
    String name = ARCHIVES.get(System.getProperty("os.arch"));
    if (name == null) {
      throw new StackException(
          "The local Postgres runs on x86-64 and aarch64 Linux only; this machine is %s."
              .formatted(System.getProperty("os.arch")));
    }
    byte[] archive;
    try (InputStream in = PostgresBinaries.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new StackException("%s is not on the class path.".formatted(name));
      }
      archive = in.readAllBytes();
    }
    Path target = directory.resolve("postgres-" + sha256(archive).substring(0, 12));
    if (Files.exists(target)) {
      return target;
    }
    Path part = directory.resolve(target.getFileName() + ".part");
    if (Files.exists(part)) {
      Folders.delete(part);
    }
    Files.createDirectories(part);
    try (TarArchiveInputStream tar =
        new TarArchiveInputStream(
            new XZInputStream(new BufferedInputStream(new ByteArrayInputStream(archive))))) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        unpackEntry(tar, entry, part);
      }
    }
    Files.move(part, target);
    return target;
  }

  private static void unpackEntry(TarArchiveInputStream tar, TarArchiveEntry entry, Path root)
      throws IOException {
    Path path = root.resolve(entry.getName()).normalize();
    if (!path.startsWith(root)) {
      throw new IOException("%s leads out of the archive".formatted(entry.getName()));
    }
    if (entry.isDirectory()) {
      Files.createDirectories(path);
      return;
    }
    Files.createDirectories(path.getParent());
    if (entry.isSymbolicLink()) {
      Files.createSymbolicLink(path, Path.of(entry.getLinkName()));
      return;
    }
    Files.copy(tar, path);
    if ((entry.getMode() & OWNER_EXECUTES) != 0) {
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java platform has it
    }
  }
}
