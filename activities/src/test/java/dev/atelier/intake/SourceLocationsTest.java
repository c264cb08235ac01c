package dev.atelier.intake;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.atelier.artifacts.ArtifactCache;
import dev.atelier.dataset.ArchiveLimits;
import dev.atelier.dataset.SourceGuard;
import dev.atelier.network.files.TeacherException;
import dev.atelier.opening.Opener;
import dev.atelier.spec.SourceLocation;
import dev.atelier.spec.SourcePolicy;
import dev.atelier.store.objects.ObjectStore;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the policy judges is what a worker opens, however it is written: every kind of source, by
 * the worker's own way to a user's file.
 */
class SourceLocationsTest {

  private static final String OWN = "atelier";

  @TempDir Path temporary;
  private static final List<String> ASKED = new CopyOnWriteArrayList<>();
  private static HttpServer server; // both the object store and a web server
  private static ObjectStore store;

  private Path allowed;
  private Path secret;

  @BeforeAll
  static void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", SourceLocationsTest::answer);
    server.start();
    store = new ObjectStore("http://127.0.0.1:" + port(), "key", "secret-key", OWN);
  }

  @AfterAll
  static void stop() {
    server.stop(0);
  }

  @BeforeEach
  void makeFiles() throws IOException {
    ASKED.clear();
    allowed = Files.createDirectory(temporary.resolve("allowed"));
    Files.createDirectory(allowed.resolve("inner"));
    Files.writeString(allowed.resolve("mine"), "mine");
    secret = Files.writeString(temporary.resolve("secret"), "secret");
    Files.createSymbolicLink(allowed.resolve("link"), temporary.resolve("allowed/inner"));
  }

  private static void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      boolean location = "location=".equals(exchange.getRequestURI().getRawQuery());
      if (!location) {
        ASKED.add(exchange.getRequestURI().getPath());
      }
      byte[] body =
          (location ? "<LocationConstraint>us-east-1</LocationConstraint>" : "content")
              .getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(200, body.length);
      exchange.getResponseBody().write(body);
    }
  }

  private static int port() {
    return server.getAddress().getPort();
  }

  private Path fetch(String source, SourcePolicy policy) {
    ArtifactCache cache =
        new ArtifactCache(
            temporary.resolve("cache"),
            OptionalLong.empty(),
            store,
            new SourceGuard(policy, ArchiveLimits.DEFAULTS),
            Opener.HERE);
    return new TeacherFiles(store, cache).fetch(source, Optional.empty(), sentence -> {}).path();
  }

  /** Public hosts, one directory, and every bucket but the platform's own. */
  private SourcePolicy closed() {
    return new SourcePolicy(
        Optional.of(List.of("data.example.org")),
        true,
        List.of(allowed.toString()),
        Optional.empty(),
        OWN);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "s3://atelier/experiments/x/teacher",
        "s3://atelier/experiments/x/",
        "s3://x@atelier/experiments/x/",
        "s3://team/../atelier/experiments/x/",
        "s3://team/..%2Fatelier/experiments/x/",
        "s3://team//atelier/experiments/x/",
        "s3://x@atelier/experiments/x/teacher",
        "s3://x:y@atelier/experiments/x/teacher",
        "s3://team@atelier/experiments/x/teacher",
        "s3://@atelier/experiments/x/teacher",
        "s3://atelier:80/experiments/x/teacher",
        "s3://atelier:/experiments/x/teacher",
        "S3://atelier/experiments/x/teacher",
        "s3://ATELIER/experiments/x/teacher",
        "s3://Atelier@atelier/experiments/x/teacher",
        "s3://%61telier/experiments/x/teacher",
        "s3://atelier%2Fexperiments/x/teacher",
        "s3://atelier./experiments/x/teacher",
        "s3:///atelier/experiments/x/teacher",
        "s3:/atelier/experiments/x/teacher",
        "s3:atelier/experiments/x/teacher",
        "s3://team/../atelier/experiments/x/teacher",
        "s3://team/a/../../atelier/experiments/x/teacher",
        "s3://team/%2e%2e/atelier/experiments/x/teacher",
        "s3://team/..%2Fatelier/experiments/x/teacher",
        "s3://team//atelier/experiments/x/teacher",
        "s3://team/./experiments/x/teacher",
        "s3://team/a%00b",
        "s3://team/a%0Ab",
        "s3://team/a?versionId=1",
        "s3://team/a#b",
        "s3://[::1]/a",
        "s3://te_am/a",
        "s3://team\\@atelier/a",
        " s3://atelier/experiments/x/teacher",
      })
  void shouldNotAskTheStoreForAnotherProjectsObject(String source) {
    assertThatThrownBy(() -> fetch(source, closed())).isInstanceOf(TeacherException.class);
    assertThat(ASKED).isEmpty();
    assertThat(closed().fault(source)).as("the API refuses it too").isPresent();
  }

  @ParameterizedTest
  @CsvSource({
    "s3://team/a/b.pt, /team/a/b.pt",
    "s3://team/a%20b.pt, /team/a b.pt",
    "s3://team/a%2Fb.pt, /team/a/b.pt",
    "s3://te-am.x/ä.pt, /te-am.x/ä.pt",
    "S3://team/a.pt, /team/a.pt",
  })
  void shouldAskTheStoreForTheBucketThatWasJudged(String source, String path) throws IOException {
    assertThat(closed().fault(source)).isEmpty();
    Path file = fetch(source, closed());
    assertThat(ASKED).containsExactly(path);
    assertThat(SourceLocation.parse(source))
        .isInstanceOfSatisfying(
            SourceLocation.StoredObject.class,
            object -> assertThat("/" + object.bucket() + "/" + object.key()).isEqualTo(path));
    assertThat(file).hasContent("content").startsWith(temporary.resolve("cache"));
  }

  @Test
  void shouldLetTheAttackThroughWhereNothingJudges() {
    fetch("s3://atelier/experiments/x/teacher", SourcePolicy.OPEN);
    assertThat(ASKED).containsExactly("/atelier/experiments/x/teacher");
    // What was judged once, and what was asked for.
    URI spelled = URI.create("s3://x@atelier/experiments/x/teacher");
    assertThat(spelled.getAuthority()).isNotEqualTo(OWN);
    assertThat(spelled.getHost()).isEqualTo(OWN);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://127.0.0.1:PORT/x",
        "hf://owner/name@0123456789abcdef0123456789abcdef01234567",
        "hf://owner/name@0123456789abcdef0123456789abcdef01234567/unet#credentials=a",
        "hf://127.0.0.1:PORT/name@0123456789abcdef0123456789abcdef01234567",
        "HTTP://127.0.0.1:PORT/x",
        "http://data.example.org@127.0.0.1:PORT/x",
        "http://data.example.org:80@127.0.0.1:PORT/x",
        "http://127.0.0.1:PORT\\@data.example.org/x",
        "http://127.0.0.1:PORT#@data.example.org/x",
        "http://127.0.0.1:PORT?@data.example.org/x",
        "http://localhost:PORT/x",
        "http://LOCALHOST.:PORT/x",
        "http://localhost%2e:PORT/x",
        "http://127.0.0.1%00.data.example.org:PORT/x",
        "http://127.1:PORT/x",
        "http://2130706433:PORT/x",
        "http://0x7f000001:PORT/x",
        "http://[::ffff:127.0.0.1]:PORT/x",
        "http://[::1%25lo]:PORT/x",
        "http://①②⑦.⓪.⓪.①:PORT/x",
        "http:127.0.0.1:PORT/x",
        "http:/127.0.0.1:PORT/x",
        "http:///127.0.0.1:PORT/x",
        "http://127.0.0.1:PORT /x",
        "http://data.example.org\t@127.0.0.1:PORT/x",
      })
  void shouldNotAskAHostThatIsNotAllowed(String pattern) {
    String source = pattern.replace("PORT", Integer.toString(port()));
    assertThatThrownBy(() -> fetch(source, closed())).isInstanceOf(TeacherException.class);
    assertThat(ASKED).isEmpty();
    assertThat(closed().fault(source)).as("the API refuses it too").isPresent();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://127.0.0.1:PORT/x",
        "HTTP://127.0.0.1:PORT/x",
        "http://LOCALHOST:PORT/x",
        "http://[::ffff:127.0.0.1]:PORT/x",
      })
  void shouldAskTheHostThatWasJudged(String pattern) {
    String source = pattern.replace("PORT", Integer.toString(port()));
    SourceLocation.WebFile judged = (SourceLocation.WebFile) SourceLocation.parse(source);
    SourcePolicy one =
        new SourcePolicy(
            Optional.of(List.of(judged.uri().getHost(), "::ffff:127.0.0.1", "127.0.0.1")),
            true,
            List.of(),
            Optional.empty(),
            OWN);
    assertThat(fetch(source, one)).hasContent("content");
    assertThat(ASKED).containsExactly("/x");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "DIR/../secret",
        "DIR/inner/../../secret",
        "DIR/link/../../secret",
        "file:DIR/../secret",
        "file:DIR/%2e%2e/secret",
        "file:DIR/inner/..%2F..%2Fsecret",
        "file://DIR/../secret",
        "file://localhost/DIR/../secret",
        "file://x@localhost/DIR/../secret",
        "FILE:DIR/../secret",
        "file:DIR/../secret?x",
        "file:DIR/../secret#x",
        "file:..//secret",
        "DIR-not/../secret",
      })
  void shouldNotOpenAFileElsewhere(String pattern) {
    String source = pattern.replace("DIR", allowed.toString());
    assertThatThrownBy(() -> fetch(source, closed())).isInstanceOf(TeacherException.class);
    assertThat(closed().fault(source)).as("the API refuses it too").isPresent();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"DIR/mine", "file:DIR/mine", "file://DIR/inner/../mine", "DIR/link/../mine"})
  void shouldOpenTheFileThatWasJudged(String pattern) {
    String source = pattern.replace("DIR", allowed.toString());
    assertThat(fetch(source, closed())).isEqualTo(allowed.resolve("mine"));
    String up = pattern.replace("DIR", allowed.toString()).replace("mine", "../secret");
    assertThat(fetch(up, SourcePolicy.OPEN)).as("negative control").isEqualTo(secret);
  }

  @Test
  void shouldCountTheBytesOfAnObject() {
    ArtifactCache few =
        new ArtifactCache(
            temporary.resolve("cache"),
            OptionalLong.empty(),
            store,
            new SourceGuard(closed(), new ArchiveLimits(10, 6, 200)),
            Opener.HERE);
    assertThatThrownBy(
            () ->
                new TeacherFiles(store, few)
                    .fetch("s3://team/a.pt", Optional.empty(), sentence -> {}))
        .isInstanceOf(TeacherException.class)
        .hasMessageContaining("more than 6 bytes (atelier.sources.archive-bytes)");
    assertThat(temporary.resolve("cache/downloads/team")).isEmptyDirectory();
    assertThat(fetch("s3://team/a.pt", closed())).as("negative control").hasContent("content");
  }
}
