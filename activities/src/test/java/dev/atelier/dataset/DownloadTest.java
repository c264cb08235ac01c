package dev.atelier.dataset;

import static java.nio.charset.StandardCharsets.UTF_8;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DownloadTest {

  @TempDir Path temporary;

  private final List<String> ranges = new CopyOnWriteArrayList<>();
  private byte[] content = new byte[0];
  private String version = "\"1\"";
  private String validator = "ETag";
  private int failing;
  private final List<Integer> statuses = new CopyOnWriteArrayList<>();
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

  /** A server whose file is told apart by {@code header}: its tag or its date. */
  @ParameterizedTest
  @ValueSource(strings = {"ETag", "Last-Modified"})
  void shouldAskAgainForWhatIsKeptAndFetchOnlyWhatHasChanged(String header) throws Exception {
    validator = header;
    version = header.equals("ETag") ? "\"1\"" : "Sat, 28 Nov 2026 10:00:00 GMT";
    Download download = new Download(temporary, notices, SourceGuard.OPEN);
    URI uri = base.resolve("a.tar.gz");
    assertThat(Files.readAllBytes(download.fetch(uri, Optional.empty()))).isEqualTo(content);
    assertThat(Files.readAllBytes(download.fetch(uri, Optional.empty()))).isEqualTo(content);
    assertThat(statuses).containsExactly(200, 304);

    version = header.equals("ETag") ? "\"2\"" : "Sat, 28 Nov 2026 11:00:00 GMT";
    content = new byte[500];
    assertThat(Files.readAllBytes(download.fetch(uri, Optional.empty()))).isEqualTo(content);
    download.fetch(uri, Optional.empty());
    assertThat(statuses).containsExactly(200, 304, 200, 304);
    assertThat(heard).isEmpty();
  }

  @Test
  void shouldFetchAgainWhatAServerTellsNoVersionOf() {
    validator = "X-None";
    Download download = new Download(temporary, notices, SourceGuard.OPEN);
    download.fetch(base.resolve("a"), Optional.empty());
    content = new byte[3];
    assertThat(download.fetch(base.resolve("a"), Optional.empty())).hasBinaryContent(content);
    assertThat(statuses).containsExactly(200, 200);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 429, 503})
  void shouldUseWhatIsKeptWithAWordWhenTheServerIsAway(int status) {
    Download download = new Download(temporary, notices, SourceGuard.OPEN);
    URI uri = base.resolve("a.tar.gz?signature=secret");
    Path kept = download.fetch(uri, Optional.empty());
    if (status == 0) {
      server.stop(0);
    } else {
      failing = status;
    }
    assertThat(download.fetch(uri, Optional.empty())).isEqualTo(kept).hasBinaryContent(content);
    assertThat(heard)
        .singleElement()
        .asString()
        .startsWith("The server of '%s' is away (".formatted(base.resolve("a.tar.gz")))
        .contains("what was fetched at 20")
        .doesNotContain("secret");
  }

  @Test
  void shouldNotUseWhatIsKeptWhenTheServerRefuses() {
    Download download = new Download(temporary, notices, SourceGuard.OPEN);
    URI uri = base.resolve("a.tar.gz");
    download.fetch(uri, Optional.empty());
    failing = 403;
    assertThatThrownBy(() -> download.fetch(uri, Optional.empty()))
        .hasMessageContaining("expected HTTP status 200, found 403");
    failing = 0;
    assertThat(download.fetch(uri, Optional.empty())).as("still kept").exists();
    assertThat(statuses).containsExactly(200, 403, 304);
  }

  @Test
  void shouldForgetWhatProvesUnreadable() throws Exception {
    byte[] whole = content;
    content = "<!DOCTYPE html><title>Virus scan warning</title>".getBytes(UTF_8);
    validator = "X-None";
    String source = base.resolve("set.tar.gz").toString();
    assertThatThrownBy(() -> prepare(source))
        .isInstanceOfSatisfying(
            DatasetException.class,
            e -> assertThat(e.kind()).isEqualTo(DatasetException.Kind.CORRUPT))
        .hasMessageContaining("'%s'".formatted(source))
        .hasMessageContaining("The server sent a web page of 48 bytes as '")
        .hasMessageContaining("-set.tar.gz'; the file is not kept");
    assertThat(temporary.resolve("cache")).isEmptyDirectory();

    content = Arrays.copyOf(whole, whole.length / 2);
    assertThatThrownBy(() -> prepare(source)).hasMessageContaining("ends early");
    assertThat(temporary.resolve("cache")).isEmptyDirectory();

    content = whole;
    assertThat(prepare(source).manifest().images()).isEqualTo(2);
    server.stop(0);
    assertThat(prepare(source).manifest().images()).as("kept once it is read").isEqualTo(2);
  }

  private PreparedDataset prepare(String source) {
    DatasetPreparation.Source found =
        new DatasetPreparation(
                temporary.resolve("cache"),
                uri -> {
                  throw new IOException("no such object");
                },
                notices,
                SourceGuard.OPEN)
            .find(new DatasetSpec(source, "", 32, null));
    found.content();
    return found.prepare(temporary.resolve("out"));
  }

  private final List<String> heard = new CopyOnWriteArrayList<>();
  private final PreparationListener notices =
      new PreparationListener() {
        @Override
        public void onProgress(String sentence) {}

        @Override
        public void onNotice(String sentence) {
          heard.add(sentence);
        }
      };

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
      if (failing > 0) {
        statuses.add(failing);
        exchange.sendResponseHeaders(failing, -1);
        return;
      }
      String known =
          exchange
              .getRequestHeaders()
              .getFirst(validator.equals("ETag") ? "If-None-Match" : "If-Modified-Since");
      if (version.equals(known)) {
        statuses.add(304);
        exchange.sendResponseHeaders(304, -1);
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
      exchange.getResponseHeaders().set(validator, version);
      statuses.add(from > 0 ? 206 : 200);
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
