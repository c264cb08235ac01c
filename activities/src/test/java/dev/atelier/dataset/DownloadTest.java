package dev.atelier.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.atelier.spec.DatasetSpec;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DownloadTest {

  @TempDir Path temporary;

  private final List<String> ranges = new CopyOnWriteArrayList<>();
  private byte[] content = new byte[0];
  private String version = "\"1\"";
  private int breakAfterBytes = Integer.MAX_VALUE;
  private HttpServer server;
  private URI base;

  @BeforeEach
  void start() throws IOException {
    byte[] record = new byte[2 * 3073];
    Arrays.fill(record, (byte) 77);
    content =
        DatasetPreparationTest.gzip(
            DatasetPreparationTest.tar(Map.of("cifar-10-batches-bin/data_batch_1.bin", record)));
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::answer);
    server.start();
    base = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/");
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  @Test
  void shouldContinueABrokenDownload() throws Exception {
    breakAfterBytes = 100;
    assertThatThrownBy(() -> prepareCifar(md5(content)))
        .isInstanceOfSatisfying(
            DatasetException.class,
            e -> assertThat(e.kind()).isEqualTo(DatasetException.Kind.UNREACHABLE));

    breakAfterBytes = Integer.MAX_VALUE;
    assertThat(prepareCifar(md5(content)).manifest().images()).isEqualTo(2);
    assertThat(ranges).containsExactly("none", "bytes=100-");

    // The finished file is kept.
    prepareCifar(md5(content));
    assertThat(ranges).hasSize(2);
  }

  @Test
  void shouldStartAgainWhenTheFileChangedMeanwhile() throws Exception {
    Download download = new Download(temporary, sentence -> {}, SourceGuard.OPEN);
    URI uri = base.resolve("a.tar.gz?signature=secret");
    breakAfterBytes = 100;
    assertThatThrownBy(() -> download.fetch(uri, Optional.empty()))
        .hasMessageContaining("a.tar.gz")
        .hasMessageNotContaining("secret");
    breakAfterBytes = Integer.MAX_VALUE;
    version = "\"2\"";
    content = new byte[500];
    assertThat(Files.readAllBytes(download.fetch(uri, Optional.empty()))).isEqualTo(content);
  }

  @Test
  void shouldRefuseAWrongChecksumAndForgetTheFile() throws Exception {
    String expected = md5(new byte[1]);
    assertThatThrownBy(() -> prepareCifar(expected))
        .isInstanceOfSatisfying(
            DatasetException.class,
            e -> assertThat(e.kind()).isEqualTo(DatasetException.Kind.CORRUPT))
        .hasMessageContaining("expected MD5 " + expected + ", found " + md5(content));
    // Negative control: nothing of the wrong file is used when the right checksum is asked for.
    assertThat(prepareCifar(md5(content)).manifest().images()).isEqualTo(2);
    assertThat(ranges).containsExactly("none", "none");
  }

  @Test
  void shouldSayThatAUrlIsUnreachable() {
    assertThatThrownBy(
            () ->
                new Download(temporary, s -> {}, SourceGuard.OPEN)
                    .fetch(base.resolve("missing"), Optional.empty()))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("expected HTTP status 200, found 404");
    server.stop(0);
    assertThatThrownBy(
            () ->
                new Download(temporary, s -> {}, SourceGuard.OPEN)
                    .fetch(base.resolve("a"), Optional.empty()))
        .isInstanceOfSatisfying(
            DatasetException.class,
            e -> assertThat(e.kind()).isEqualTo(DatasetException.Kind.UNREACHABLE));
  }

  private PreparedDataset prepareCifar(String md5) {
    return new DatasetPreparation(
            temporary.resolve("cache"),
            uri -> {
              throw new IOException("no such object");
            },
            sentence -> {},
            base,
            md5,
            1 << 20)
        .prepare(new DatasetSpec("cifar10", "", 32, null), temporary.resolve("out"));
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      if (exchange.getRequestURI().getPath().equals("/missing")) {
        exchange.sendResponseHeaders(404, -1);
        return;
      }
      String range = exchange.getRequestHeaders().getFirst("Range");
      String wanted = exchange.getRequestHeaders().getFirst("If-Range");
      ranges.add(range == null ? "none" : range);
      int from = 0;
      if (range != null && (wanted == null || wanted.equals(version))) {
        from = Integer.parseInt(range.replaceAll("\\D", ""));
        exchange
            .getResponseHeaders()
            .set(
                "Content-Range",
                "bytes %d-%d/%d".formatted(from, content.length - 1, content.length));
      }
      exchange.getResponseHeaders().set("ETag", version);
      exchange.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
      int length = Math.min(breakAfterBytes, content.length - from);
      exchange.getResponseBody().write(content, from, length);
      exchange.getResponseBody().flush();
    }
  }

  private static String md5(byte[] bytes) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(bytes));
  }
}
