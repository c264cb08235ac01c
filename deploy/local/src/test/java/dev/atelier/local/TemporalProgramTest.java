package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TemporalProgramTest {

  private static final String PROGRAM = "#!/bin/sh\necho temporal version test\n";

  @TempDir private Path bin;
  private HttpServer server;
  private byte[] archive;

  @BeforeEach
  void serve() throws IOException {
    archive = archive("temporal");
    server = HttpServer.create(Ports.loopback(0), 0);
    server.createContext(
        "/temporal.tar.gz",
        exchange -> {
          exchange.sendResponseHeaders(200, archive.length);
          exchange.getResponseBody().write(archive);
          exchange.close();
        });
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  @Test
  void shouldInstallTheProgramWhenItsChecksumIsRight() throws Exception {
    Path program = program().download(release("/temporal.tar.gz", sha256(archive)));

    assertThat(program).isEqualTo(bin.resolve("temporal")).isExecutable().hasContent(PROGRAM);
    assertThat(TemporalProgram.find(List.of(bin))).contains(program);
  }

  @Test
  void shouldKeepNothingWhenTheChecksumIsWrong() throws Exception {
    String expected = "0".repeat(64);
    String found = sha256(archive);

    assertThatThrownBy(() -> program().download(release("/temporal.tar.gz", expected)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("expected sha256 " + expected)
        .hasMessageContaining("found " + found);
    assertThat(bin).isEmptyDirectory();
  }

  @Test
  void shouldKeepNothingWhenTheArchiveHoldsNoProgram() throws Exception {
    archive = archive("README");

    TemporalProgram.Release release = release("/temporal.tar.gz", sha256(archive));

    assertThatThrownBy(() -> program().download(release))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("holds no file 'temporal'");
    assertThat(bin).isEmptyDirectory();
  }

  @Test
  void shouldNameTheAnswerWhenThereIsNoArchive() {
    assertThatThrownBy(() -> program().download(release("/missing", "0".repeat(64))))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("answered 404");
  }

  @Test
  void shouldPassOverAProgramThatDoesNotRun() throws Exception {
    Path broken = Files.writeString(bin.resolve("temporal"), "#!/bin/sh\nexit 1\n");
    assertThat(broken.toFile().setExecutable(true)).isTrue();

    assertThat(TemporalProgram.find(List.of(bin))).isEmpty();
  }

  private TemporalProgram program() {
    return new TemporalProgram(bin, notice -> {});
  }

  private TemporalProgram.Release release(String path, String sha256) {
    return new TemporalProgram.Release(
        URI.create("http://127.0.0.1:%d%s".formatted(server.getAddress().getPort(), path)), sha256);
  }

  private static byte[] archive(String name) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (TarArchiveOutputStream tar =
        new TarArchiveOutputStream(new GzipCompressorOutputStream(bytes))) {
      byte[] content = PROGRAM.getBytes(StandardCharsets.UTF_8);
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
}
