package dev.atelier.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.atelier.spec.DatasetSpec;
import dev.atelier.spec.SourcePolicy;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import okhttp3.Dns;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SourceGuardTest {

  private static final byte[] RECORD = new byte[3073];

  @TempDir Path temporary;
  private HttpServer server;
  private String redirect = "";
  private int asked;
  private final List<String> sent = new CopyOnWriteArrayList<>();

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/",
        exchange -> {
          try (exchange) {
            asked++;
            sent.add(
                exchange.getRequestURI().getPath()
                    + " "
                    + exchange.getRequestHeaders().getFirst("Authorization"));
            boolean moves = exchange.getRequestURI().getPath().equals("/moved");
            if (moves) {
              exchange.getResponseHeaders().set("Location", redirect);
            }
            exchange.sendResponseHeaders(moves ? 302 : 200, moves ? -1 : 4);
            if (!moves) {
              exchange.getResponseBody().write(new byte[] {1, 2, 3, 4});
            }
          }
        });
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private URI at(String host, String path) {
    return URI.create("http://%s:%d/%s".formatted(host, server.getAddress().getPort(), path));
  }

  private static SourceGuard hosts(boolean privateAddresses, String... hosts) {
    return new SourceGuard(
        new SourcePolicy(
            Optional.of(List.of(hosts)), privateAddresses, List.of(), Optional.empty(), ""),
        ArchiveLimits.DEFAULTS);
  }

  @Test
  void shouldNotFollowARedirectToAHostThatIsNotAllowed() throws IOException {
    redirect = at("localhost", "file").toString();
    Download here = new Download(temporary, s -> {}, hosts(true, "127.0.0.1"));
    assertThatThrownBy(() -> here.fetch(at("127.0.0.1", "moved"), Optional.empty()))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("'localhost'")
        .hasMessageContaining("expected one of 127.0.0.1");
    assertThat(asked).isEqualTo(1);

    Download both = new Download(temporary, s -> {}, hosts(true, "127.0.0.1", "localhost"));
    assertThat(Files.size(both.fetch(at("127.0.0.1", "moved"), Optional.empty()))).isEqualTo(4);
  }

  @Test
  void shouldNotFollowARedirectToAPrivateAddressOrAnotherScheme() {
    Dns names = host -> List.of(InetAddress.getLoopbackAddress());
    for (String goal : List.of("file:///etc/passwd", "ftp://a.example/x", "gopher:x")) {
      redirect = goal;
      assertThatThrownBy(
              () ->
                  new Download(temporary, s -> {}, SourceGuard.OPEN, names)
                      .fetch(at("a.example", "moved"), Optional.empty()))
          .isInstanceOf(DatasetException.class)
          .hasMessageContaining("redirects from http");
    }
  }

  @Test
  void shouldSayNothingOfASignatureThatItIsRedirectedTo() {
    for (String goal :
        List.of(
            "http://127.0.0.1:1/a?X-Amz-Signature=abc",
            "http://127.0.0.1/a b?X-Amz-Signature=abc",
            "http:///a?X-Amz-Signature=abc",
            "ftp://u:abc@host/a")) {
      redirect = goal;
      assertThatThrownBy(
              () ->
                  new Download(temporary, s -> {}, SourceGuard.OPEN)
                      .fetch(at("127.0.0.1", "moved"), Optional.empty()))
          .isInstanceOf(DatasetException.class)
          .satisfies(e -> assertThat(trace(e)).contains("/moved'").doesNotContain("abc"));
    }
  }

  /** As a log has it, causes included. */
  private static String trace(Throwable failure) {
    StringWriter trace = new StringWriter();
    failure.printStackTrace(new PrintWriter(trace));
    return trace.toString();
  }

  @Test
  void shouldNotConnectToANameWithAPrivateAddressAmongItsAddresses() throws IOException {
    Dns names =
        host ->
            List.of(
                InetAddress.getByAddress(host, new byte[] {8, 8, 8, 8}),
                InetAddress.getByAddress(host, new byte[] {127, 0, 0, 1}));
    URI uri = at("a.example", "file");
    assertThatThrownBy(
            () ->
                new Download(temporary, s -> {}, hosts(false, "*"), names)
                    .fetch(uri, Optional.empty()))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("'a.example', whose address is not public");
    assertThat(asked).isZero();

    Dns loopback = host -> List.of(InetAddress.getByAddress(host, new byte[] {127, 0, 0, 1}));
    Download open = new Download(temporary, s -> {}, hosts(true, "*"), loopback);
    assertThat(Files.size(open.fetch(uri, Optional.empty()))).isEqualTo(4);
  }

  @Test
  void shouldSendNamedCredentialsToTheirHostsAlone() throws IOException {
    Path file =
        Files.writeString(
            temporary.resolve("credentials"),
            """
            vision.hosts=127.0.0.1, *.example.org
            vision.value=Bearer 42
            other.hosts=localhost
            other.header=X-Key
            other.value=43
            """);
    SourceGuard guard =
        new SourceGuard(
            SourcePolicy.OPEN, ArchiveLimits.DEFAULTS, new SourceCredentials(Optional.of(file)));
    redirect = at("localhost", "goal").toString();
    fetch(guard, at("127.0.0.1", "moved") + "#credentials=vision");
    assertThat(sent).containsExactly("/moved Bearer 42", "/goal null");

    sent.clear();
    fetch(guard, at("127.0.0.1", "file").toString());
    assertThat(sent).as("not named").containsExactly("/file null");

    // A file that was fetched with them is there for nobody else.
    fetch(guard, at("127.0.0.1", "file") + "#credentials=vision");
    assertThat(sent).containsExactly("/file null", "/file Bearer 42");

    for (String name : List.of("other", "unknown")) {
      assertThatThrownBy(() -> fetch(guard, at("127.0.0.1", "x") + "#credentials=" + name))
          .isInstanceOf(DatasetException.class)
          .hasMessageContaining("names the credentials '" + name + "'")
          .hasMessageNotContaining("43");
    }
    SourceGuard tlsOnly =
        new SourceGuard(
            new SourcePolicy(Optional.empty(), false, List.of(), Optional.empty(), ""),
            ArchiveLimits.DEFAULTS,
            new SourceCredentials(Optional.of(file)));
    assertThatThrownBy(() -> fetch(tlsOnly, "http://a.example.org/x#credentials=vision"))
        .hasMessageContaining("expected https");
  }

  private void fetch(SourceGuard guard, String source) {
    new DatasetPreparation(
            temporary.resolve("downloads"),
            object -> {
              throw new IOException("no store");
            },
            sentence -> {},
            guard)
        .fetch(source);
  }

  @Test
  void shouldNotLeaveTheAllowedDirectoryThroughALink() throws IOException {
    Path secret = Files.write(temporary.resolve("data_batch_1.bin"), RECORD);
    Path allowed = Files.createDirectory(temporary.resolve("allowed"));
    Files.write(allowed.resolve("data_batch_2.bin"), RECORD);
    assertThat(prepare(allowed, below(allowed)).manifest().images()).isEqualTo(1);

    Path link = Files.createSymbolicLink(allowed.resolve("link"), temporary);
    assertThatThrownBy(() -> prepare(link.resolve(secret.getFileName()), below(allowed)))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("leads to '%s'".formatted(secret.toRealPath()));

    assertThatThrownBy(() -> prepare(allowed, below(allowed)))
        .as("a folder")
        .hasMessageContaining("leads to '%s'".formatted(temporary.toRealPath()));
    Files.delete(link);

    Files.createSymbolicLink(allowed.resolve("data_batch_3.bin"), secret);
    assertThatThrownBy(() -> prepare(allowed, below(allowed)))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("leads to '%s'".formatted(secret.toRealPath()));
    assertThat(prepare(allowed, SourceGuard.OPEN).manifest().images())
        .as("negative control")
        .isEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"../data_batch_1.bin", "a/../../data_batch_1.bin", "/etc/x.png", "C:\\x.png"})
  void shouldRefuseAnArchiveWhoseNamesLeadOutOfIt(String name) throws IOException {
    Path zip = temporary.resolve("out.zip");
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(zip))) {
      out.putNextEntry(new ZipEntry(name));
      out.write(RECORD);
    }
    assertThatThrownBy(() -> prepare(zip, SourceGuard.OPEN))
        .isInstanceOf(DatasetException.class)
        .hasMessageContaining("leads out of it");
  }

  @Test
  void shouldRefuseAnArchiveThatUnpacksToTooMuch() throws IOException {
    byte[] tar =
        DatasetPreparationTest.tar(Map.of("data_batch_1.bin", RECORD, "data_batch_2.bin", RECORD));
    Path file = Files.write(temporary.resolve("a.tar.gz"), DatasetPreparationTest.gzip(tar));
    assertThatThrownBy(() -> prepare(file, limits(1, 1 << 20, 200)))
        .hasMessageContaining("more than 1 files");
    assertThatThrownBy(() -> prepare(file, limits(10, 4000, 200)))
        .hasMessageContaining("more than 4000 bytes");
    assertThat(prepare(file, limits(2, 1 << 20, 200)).manifest().images()).isEqualTo(2);
  }

  @Test
  void shouldRefuseAnArchiveThatUnpacksToManyTimesItsSize() throws IOException {
    InputStream zeros =
        new InputStream() {
          @Override
          public int read() {
            return 0;
          }

          @Override
          public long skip(long bytes) {
            return bytes;
          }
        };
    ArchiveLimits limits = new ArchiveLimits(1, Long.MAX_VALUE, 100);
    assertThatThrownBy(() -> new ArchiveGuard(limits, 10 << 20).counting(zeros).skip(1 << 30))
        .hasMessageContaining("more than 100 times its size");
    assertThat(new ArchiveGuard(limits, 11 << 20).counting(zeros).skip(1 << 30))
        .as("negative control")
        .isEqualTo(1 << 30);
  }

  private static SourceGuard limits(long entries, long bytes, int ratio) {
    return new SourceGuard(SourcePolicy.OPEN, new ArchiveLimits(entries, bytes, ratio));
  }

  private static SourceGuard below(Path directory) {
    return new SourceGuard(
        new SourcePolicy(
            Optional.empty(), false, List.of(directory.toString()), Optional.empty(), ""),
        ArchiveLimits.DEFAULTS);
  }

  private PreparedDataset prepare(Path source, SourceGuard guard) {
    return new DatasetPreparation(
            temporary.resolve("cache"),
            uri -> {
              throw new IOException("no such object");
            },
            sentence -> {},
            guard)
        .prepare(new DatasetSpec(source.toString(), "", 8, null), temporary.resolve("prepared"));
  }
}
