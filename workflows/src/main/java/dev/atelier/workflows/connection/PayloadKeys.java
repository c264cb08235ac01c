package dev.atelier.workflows.connection;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;

/**
 * Keys of AES-256 by id, from a file with a line {@code ID BASE64} for each; the first encrypts,
 * all decrypt.
 */
public final class PayloadKeys {

  private static final long MAX_BYTES = 64 * 1024;
  private static final int KEY_BYTES = 32;
  private static final Pattern LINE = Pattern.compile("(\\S+)\\s+(\\S+)");
  private static final Pattern ID = Pattern.compile("[A-Za-z0-9._-]{1,64}");
  private static final Set<PosixFilePermission> OF_OTHERS =
      PosixFilePermissions.fromString("------rwx");

  private final Path file;
  private final Map<String, SecretKey> keys = new LinkedHashMap<>();

  private PayloadKeys(Path file) {
    this.file = file;
  }

  /**
   * Reads them.
   *
   * @param setting that names the file, for messages, which quote no key
   * @throws IllegalArgumentException if the file cannot be read, is open to other users, or has a
   *     line that is none of a key
   */
  public static PayloadKeys read(String setting, Path file) {
    PayloadKeys read = new PayloadKeys(file);
    try {
      requireClosed(setting, file);
      long bytes = Files.size(file);
      if (bytes > MAX_BYTES) {
        throw new IllegalArgumentException(
            "%s names '%s', which has %d bytes; expected keys in at most %d."
                .formatted(setting, file, bytes, MAX_BYTES));
      }
      List<String> lines = Files.readAllLines(file, StandardCharsets.ISO_8859_1);
      for (int i = 0; i < lines.size(); i++) {
        String line = lines.get(i).strip();
        if (!line.isEmpty() && !line.startsWith("#")) {
          read.add(line, "%s names '%s', whose line %d ".formatted(setting, file, i + 1));
        }
      }
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "%s names '%s', which cannot be read: %s.".formatted(setting, file, e), e);
    }
    if (read.keys.isEmpty()) {
      throw new IllegalArgumentException(
          "%s names '%s', which has no key; expected a line such as: 2026-12 BASE64 (of %d random bytes)."
              .formatted(setting, file, KEY_BYTES));
    }
    return read;
  }

  private static void requireClosed(String setting, Path file) throws IOException {
    if (!FileSystems.getDefault().supportedFileAttributeViews().contains("posix")) {
      return;
    }
    Set<PosixFilePermission> found = Files.getPosixFilePermissions(file);
    if (found.stream().anyMatch(OF_OTHERS::contains)) {
      throw new IllegalArgumentException(
          "%s names '%s', which other users may use (%s); expected none of them to: chmod o= %s"
              .formatted(setting, file, PosixFilePermissions.toString(found), file));
    }
  }

  private void add(String line, String where) {
    Matcher parts = LINE.matcher(line);
    if (!parts.matches() || !ID.matcher(parts.group(1)).matches()) {
      throw new IllegalArgumentException(
          where
              + "is no key; expected an id of letters, digits, '.', '_' and '-', a space, and %d bytes as Base64."
                  .formatted(KEY_BYTES));
    }
    byte[] key;
    try {
      key = Base64.getDecoder().decode(parts.group(2));
    } catch (IllegalArgumentException e) {
      // Without its cause, which quotes the key.
      throw new IllegalArgumentException(
          where + "has a key '%s' that is not Base64.".formatted(parts.group(1)));
    }
    if (key.length != KEY_BYTES) {
      throw new IllegalArgumentException(
          where
              + "has a key '%s' of %d bytes; expected %d."
                  .formatted(parts.group(1), key.length, KEY_BYTES));
    }
    if (keys.put(parts.group(1), new SecretKeySpec(key, "AES")) != null) {
      throw new IllegalArgumentException(
          where + "has a key '%s', as one before it.".formatted(parts.group(1)));
    }
  }

  /** The id of the key that encrypts. */
  String first() {
    return keys.keySet().iterator().next();
  }

  Optional<SecretKey> key(String id) {
    return Optional.ofNullable(keys.get(id));
  }

  /** The file and the ids, never the keys. */
  @Override
  public String toString() {
    return "'%s' with the keys %s".formatted(file, String.join(", ", keys.keySet()));
  }
}
