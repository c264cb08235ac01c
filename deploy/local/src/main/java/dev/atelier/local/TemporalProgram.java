package dev.atelier.local;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;

/** Finds the {@code temporal} program on this machine, or downloads the pinned version. */
final class TemporalProgram {

  /** A published archive and what it must hash to. */
  record Release(URI archive, String sha256) {}

  static final String VERSION = "1.5.1";

  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5); // offline: go on soon
  private static final Duration DOWNLOAD_TIMEOUT = Duration.ofMinutes(5);

  private final Path bin;
  private final Consumer<String> notices;

  /**
   * @param bin where a downloaded program is kept
   */
  TemporalProgram(Path bin, Consumer<String> notices) {
    this.bin = bin;
    this.notices = notices;
  }

  /** Looks on the PATH, in the data folder and where {@code go install} puts it; else downloads. */
  Optional<Path> findOrDownload() throws InterruptedException {
    Optional<Path> found = find(searchPath());
    return found.isPresent() ? found : release().flatMap(this::downloadOrExplain);
  }

  /** Returns the first of the folders' {@code temporal} that runs. */
  static Optional<Path> find(List<Path> folders) throws InterruptedException {
    for (Path folder : folders) {
      Path candidate = folder.resolve("temporal");
      if (Files.isExecutable(candidate) && runs(candidate)) {
        return Optional.of(candidate);
      }
    }
    return Optional.empty();
  }

  private List<Path> searchPath() {
    String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
    return Stream.concat(
            Stream.of(path.split(":", -1)).filter(folder -> !folder.isEmpty()).map(Path::of),
            Stream.of(bin, Path.of(System.getProperty("user.home"), "go", "bin")))
        .toList();
  }

  private static boolean runs(Path program) throws InterruptedException {
    try {
      return new ProcessBuilder(program.toString(), "--version")
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start()
              .waitFor()
          == 0;
    } catch (IOException e) {
      return false; // such as a program for another architecture
    }
  }

  private static Optional<Release> release() {
    String address =
        "https://github.com/temporalio/cli/releases/download/v%1$s/temporal_cli_%1$s_linux_%2$s.tar.gz";
    return switch (System.getProperty("os.arch")) {
      case "amd64" ->
          Optional.of(
              new Release(
                  URI.create(address.formatted(VERSION, "amd64")),
                  "ddc95e08b0b076efd4ea9733a3f488eb7d2be875f8834e616cd2a37358b4852d"));
      case "aarch64" ->
          Optional.of(
              new Release(
                  URI.create(address.formatted(VERSION, "arm64")),
                  "bd1b0db9f18b051026de8bf6cc1505f2510f14bbb7a8b9a4a91fff46c77454f5"));
      default -> Optional.empty();
    };
  }

  private Optional<Path> downloadOrExplain(Release release) {
    notices.accept("Downloading Temporal %s (once)…".formatted(VERSION));
    try {
      return Optional.of(download(release));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    } catch (IOException e) {
      notices.accept("Cannot download Temporal: %s.".formatted(e));
      return Optional.empty();
    }
  }

  /**
   * Fetches an archive and unpacks its program; nothing is kept of one with another checksum.
   *
   * @throws IOException with both checksums when they differ
   */
  Path download(Release release) throws IOException, InterruptedException {
    Path archive = Files.createTempFile(bin, "temporal", ".part");
    Path unpacked = Files.createTempFile(bin, "temporal", ".part");
    try {
      fetch(release, archive);
      extractProgram(archive, unpacked);
      Files.setPosixFilePermissions(unpacked, PosixFilePermissions.fromString("rwxr-xr-x"));
      return Files.move(
          unpacked,
          bin.resolve("temporal"),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(archive);
      Files.deleteIfExists(unpacked);
    }
  }

  private static void fetch(Release release, Path target) throws IOException, InterruptedException {
    HttpResponse<InputStream> response =
        HttpClient.newBuilder()
            .connectTimeout(CONNECT_TIMEOUT)
            .followRedirects(HttpClient.Redirect.NORMAL)
            .build()
            .send(
                HttpRequest.newBuilder(release.archive()).timeout(DOWNLOAD_TIMEOUT).build(),
                HttpResponse.BodyHandlers.ofInputStream());
    MessageDigest digest = sha256();
    try (InputStream body = new DigestInputStream(response.body(), digest)) {
      if (response.statusCode() != 200) {
        throw new IOException("%s answered %d".formatted(release.archive(), response.statusCode()));
      }
      Files.copy(body, target, StandardCopyOption.REPLACE_EXISTING);
    }
    String found = HexFormat.of().formatHex(digest.digest());
    if (!found.equals(release.sha256())) {
      throw new IOException(
          "%s: expected sha256 %s, found %s".formatted(release.archive(), release.sha256(), found));
    }
  }

  private static void extractProgram(Path archive, Path target) throws IOException {
    try (TarArchiveInputStream tar =
        new TarArchiveInputStream(new GzipCompressorInputStream(Files.newInputStream(archive)))) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        if (entry.getName().equals("temporal")) {
          Files.copy(tar, target, StandardCopyOption.REPLACE_EXISTING);
          return;
        }
      }
    }
    throw new IOException("%s holds no file 'temporal'".formatted(archive));
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java platform has it
    }
  }
}
