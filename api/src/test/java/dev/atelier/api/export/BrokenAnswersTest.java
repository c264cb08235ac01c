package dev.atelier.api.export;

import static dev.atelier.api.Launches.launch;
import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.matchesPattern;

import dev.atelier.api.LocalServers;
import dev.atelier.api.WrittenLog;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.common.http.TestHTTPResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import io.restassured.response.Response;
import jakarta.inject.Inject;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import javax.sql.DataSource;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * An answer that fails is an error or is cut off where every client sees it: on the wire, chunked,
 * compressed and over HTTP/2, at the start, in the middle and before its last batch.
 */
@Tag("slow")
@QuarkusTest
@TestProfile(BrokenAnswersTest.Small.class)
@WithTestResource(LocalServers.class)
class BrokenAnswersTest {

  /** Few connections, and answers that are compressed where the client may. */
  public static class Small implements QuarkusTestProfile {
    @Override
    public Map<String, String> getConfigOverrides() {
      return Map.of(
          "quarkus.datasource.jdbc.max-size", "2",
          "quarkus.datasource.jdbc.acquisition-timeout", "500ms",
          "quarkus.http.enable-compression", "true",
          "quarkus.http.compress-media-types",
              "text/csv,application/vnd.apache.arrow.stream,application/json,image/png",
          "quarkus.datasource.jdbc.additional-jdbc-properties.options", "-c lock_timeout=500ms",
          "atelier.reconcile-every", "1h",
          "atelier.maintenance.deletions-every", "1h",
          "atelier.webhooks.dispatch-every", "1h");
    }
  }

  private static final String NOBODY_LISTENS = "08001"; // SQL states
  private static final String STARTING_UP = "57P03";
  private static final int EVENTS = 60_000; // more bytes than all buffers hold, 60 pages

  @Inject Jdbi jdbi;
  @Inject DataSource pool;

  @TestHTTPResource("/")
  URI base;

  private String id = "";

  @BeforeEach
  void prepare() {
    id = launch();
  }

  @AfterEach
  void forget() {
    jdbi.useHandle(handle -> handle.execute("delete from event where experiment_id = ?", id));
  }

  private void addEvents(int count) {
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into event (experiment_id, kind, detail)
                select ?, 'note', md5(i::text) || md5((i + 1)::text) || repeat(md5((i + 2)::text), 20)
                from generate_series(1, ?) i
                """,
                id,
                count));
  }

  private enum Format {
    CSV("text/csv"),
    ARROW("application/vnd.apache.arrow.stream");

    private final String type;

    Format(String type) {
      this.type = type;
    }
  }

  private enum Wire {
    PLAIN,
    GZIP,
    HTTP2
  }

  /** What came of a request, as far as it came. */
  private record Received(String head, ByteArrayOutputStream body, boolean whole) {}

  private interface Meanwhile {
    void happen() throws Exception;
  }

  /** Reads some of an answer, lets something happen, and reads the rest. */
  private Received receive(String path, String accept, Wire wire, Meanwhile meanwhile)
      throws Exception {
    return wire == Wire.HTTP2
        ? receiveHttp2(path, accept, meanwhile)
        : receiveRaw(path, accept, wire, meanwhile);
  }

  private Received receiveRaw(String path, String accept, Wire wire, Meanwhile meanwhile)
      throws Exception {
    try (Socket socket = new Socket()) {
      socket.setReceiveBufferSize(1 << 14);
      socket.connect(new java.net.InetSocketAddress(base.getHost(), base.getPort()));
      socket.setSoTimeout(30_000);
      String request =
          "GET %s HTTP/1.1\r\nHost: %s:%d\r\nAccept: %s\r\n%s\r\n"
              .formatted(
                  path,
                  base.getHost(),
                  base.getPort(),
                  accept,
                  wire == Wire.GZIP ? "Accept-Encoding: gzip\r\n" : "");
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      InputStream in = socket.getInputStream();
      ByteArrayOutputStream head = new ByteArrayOutputStream();
      while (!head.toString(StandardCharsets.ISO_8859_1).endsWith("\r\n\r\n")) {
        int next = in.read();
        if (next < 0) {
          break;
        }
        head.write(next);
      }
      String headers = head.toString(StandardCharsets.ISO_8859_1);
      meanwhile.happen();
      if (headers.isEmpty()) {
        return new Received("", new ByteArrayOutputStream(), false); // closed with all that waited
      }
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      boolean whole = false;
      if (headers.toLowerCase(java.util.Locale.ROOT).contains("transfer-encoding: chunked")) {
        whole = readChunks(in, body);
      } else {
        java.util.regex.Matcher length =
            java.util.regex.Pattern.compile("(?i)content-length: (\\d+)").matcher(headers);
        assertThat(length.find()).as(headers).isTrue();
        int expected = Integer.parseInt(length.group(1));
        body.write(in.readNBytes(expected));
        whole = body.size() == expected;
      }
      return new Received(headers, body, whole);
    }
  }

  /** Whether the last chunk came. */
  private static boolean readChunks(InputStream in, ByteArrayOutputStream body) throws IOException {
    try {
      while (true) {
        StringBuilder size = new StringBuilder();
        for (int next = in.read(); next != '\n'; next = in.read()) {
          if (next < 0) {
            return false;
          }
          size.append((char) next);
        }
        int length = Integer.parseInt(size.toString().strip(), 16);
        byte[] chunk = in.readNBytes(length);
        body.write(chunk);
        if (chunk.length < length || in.readNBytes(2).length < 2) {
          return false;
        }
        if (length == 0) {
          return true;
        }
      }
    } catch (java.net.SocketException e) {
      return false; // reset
    }
  }

  private Received receiveHttp2(String path, String accept, Meanwhile meanwhile) throws Exception {
    HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build();
    HttpResponse<InputStream> answer =
        client.send(
            HttpRequest.newBuilder(base.resolve(path))
                .header("Accept", accept)
                .timeout(Duration.ofSeconds(60))
                .build(),
            HttpResponse.BodyHandlers.ofInputStream());
    assertThat(answer.version()).isEqualTo(HttpClient.Version.HTTP_2);
    meanwhile.happen();
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    boolean whole = true;
    try (InputStream in = answer.body()) {
      in.transferTo(body);
    } catch (IOException e) {
      whole = false;
    }
    return new Received("HTTP/2 " + answer.statusCode() + " ", body, whole);
  }

  private String events() {
    return "/api/v1/experiments/" + id + "/events";
  }

  @ParameterizedTest
  @CsvSource({
    "CSV, PLAIN",
    "CSV, GZIP",
    "CSV, HTTP2",
    "ARROW, PLAIN",
    "ARROW, GZIP",
    "ARROW, HTTP2"
  })
  void shouldBreakOffWhenPostgresIsRestartedInTheMiddle(Format format, Wire wire) throws Exception {
    addEvents(EVENTS);
    Received whole = receive(events(), format.type, wire, () -> {});
    assertThat(whole.whole()).as("negative control: nothing happens").isTrue();
    // A restart between two pages that is over before the next one breaks nothing.
    Received broken;
    try {
      broken = receive(events(), format.type, wire, LocalServers::stopPostgres);
    } finally {
      LocalServers.startPostgres();
    }
    assertThat(broken.head()).contains(" 200 ");
    assertThat(broken.whole()).as("the end is missing").isFalse();
    // Not at least one byte: HTTP/2's reset may overtake what was sent before it.
    assertThat(broken.body().size()).isLessThan(whole.body().size());
    if (wire == Wire.GZIP) {
      assertThat(broken.head().toLowerCase(java.util.Locale.ROOT))
          .contains("content-encoding: gzip");
      assertThatThrownBy(
              () ->
                  new GZIPInputStream(new ByteArrayInputStream(broken.body().toByteArray()))
                      .readAllBytes())
          .isInstanceOf(java.io.EOFException.class);
    }
    awaitConnections();
    // A request after the restart finds a connection that works.
    given().get("/api/v1/experiments/" + id).then().statusCode(200);
  }

  /** Opening connections may take a busy machine longer than requests wait for one here. */
  private void awaitConnections() throws SQLException {
    while (true) {
      try (Connection first = pool.getConnection();
          Connection second = pool.getConnection()) {
        assertThat(first.isValid(0) && second.isValid(0)).isTrue();
        return;
      } catch (SQLException e) {
        assertThat(e.getMessage()).contains("acquisition timeout");
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"CSV, PLAIN", "CSV, HTTP2", "ARROW, PLAIN", "ARROW, GZIP", "ARROW, HTTP2"})
  void shouldBreakOffWhenTheLastPageFailsAfterFullBatches(Format format, Wire wire)
      throws Exception {
    addEvents(5_500); // a full batch of 4096 rows is sent before the sixth page of 1000 fails
    jdbi.useHandle(
        handle -> {
          handle.execute(
              "create or replace function broken() returns text language plpgsql stable as"
                  + " $$ begin raise exception 'broken'; end $$");
          handle.execute("alter table event rename to event_kept");
          handle.execute(
              "create view event as select id, experiment_id, at, kind, model_key,"
                  + " case when id = (select max(id) from event_kept) then broken() else detail end"
                  + " as detail from event_kept");
        });
    try {
      Received broken = receive(events(), format.type, wire, () -> {});
      assertThat(broken.whole()).isFalse();
      assertThat(broken.head()).matches("|(?s)HTTP/\\S+ 200 .*");
    } finally {
      jdbi.useHandle(
          handle -> {
            handle.execute("drop view event");
            handle.execute("alter table event_kept rename to event");
          });
    }
    assertThat(receive(events(), format.type, wire, () -> {}).whole())
        .as("negative control")
        .isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/api/v1/experiments",
        "/api/v1/experiments/ID/events",
        "/api/v1/experiments/ID/evaluations",
        "/api/v1/experiments/ID/artifacts",
        "/api/v1/experiments/ID/models/teacher/metrics",
        "/api/v1/experiments/ID/stream",
        "/api/v1/studies",
        "/api/v1/teachers",
        "/api/v1/datasets",
        "/api/v1/webhooks",
        "/api/v1/audit",
        "/api/v1/tokens"
      })
  void shouldSayThatThereIsNoConnectionInPlaceOfAnEmptyTable(String pattern) throws Exception {
    String path = pattern.replace("ID", id);
    List<String> types =
        path.endsWith("/stream")
            ? List.of("text/event-stream")
            : List.of("text/csv", "application/vnd.apache.arrow.stream", "application/json");
    try (Connection first = pool.getConnection();
        Connection second = pool.getConnection()) {
      assertThat(first.isValid(1) && second.isValid(1)).isTrue();
      for (String type : types) {
        given()
            .accept(type + ", application/problem+json")
            .get(path)
            .then()
            .statusCode(503)
            .contentType("application/problem+json")
            .header("Retry-After", matchesPattern("[1-9][0-9]*"))
            .body("type", equalTo("/problems/database-unavailable"));
      }
    }
    if (!path.endsWith("/stream")) {
      for (String type : types) {
        given().accept(type).get(path).then().statusCode(200);
      }
    }
  }

  @Test
  void shouldAskToComeBackWhilePostgresStartsUp() throws Exception {
    LocalServers.stopPostgres();
    assertSaysThatTheDatabaseIsAway(); // nobody listens
    LocalServers.beginToStartPostgres();
    try {
      while (LocalServers.postgresFailure().equals(NOBODY_LISTENS)) {
        Thread.sleep(50);
      }
      assertThat(LocalServers.postgresFailure()).as("what it says itself").isEqualTo(STARTING_UP);
      assertSaysThatTheDatabaseIsAway();
      assertThat(LocalServers.postgresFailure()).as("all the while").isEqualTo(STARTING_UP);
    } finally {
      LocalServers.letPostgresStart();
    }
    awaitConnections();
    given().get("/api/v1/experiments/" + id).then().statusCode(200);
    assertThat(launch()).isNotEqualTo(id);
  }

  private void assertSaysThatTheDatabaseIsAway() {
    List<Response> answers =
        List.of(
            given().get("/api/v1/experiments/" + id),
            given().accept(Format.CSV.type).get(events()),
            given().contentType("application/json").body("{}").post("/api/v1/experiments"),
            given().post("/api/v1/experiments/" + id + "/pause"));
    for (Response answer : answers) {
      answer
          .then()
          .statusCode(503)
          .contentType("application/problem+json")
          .header("Retry-After", matchesPattern("[1-9][0-9]*"))
          .body("type", equalTo("/problems/database-unavailable"));
    }
  }

  @ParameterizedTest
  @EnumSource(Format.class)
  void shouldSayThatATableIsLocked(Format format) throws Exception {
    try (Connection connection = pool.getConnection()) {
      connection.setAutoCommit(false);
      connection.createStatement().execute("lock table event in access exclusive mode");
      given()
          .accept(format.type)
          .get(events())
          .then()
          .statusCode(503)
          .body("type", equalTo("/problems/database-unavailable"));
      connection.rollback();
      connection.setAutoCommit(true);
    }
    given().accept(format.type).get(events()).then().statusCode(200);
  }

  @ParameterizedTest
  @EnumSource(Format.class)
  void shouldBreakOffWhenATableIsLockedInTheMiddle(Format format) throws Exception {
    addEvents(EVENTS);
    try (Connection connection = pool.getConnection()) {
      connection.setAutoCommit(false);
      Received broken =
          receive(
              events(),
              format.type,
              Wire.PLAIN,
              () ->
                  connection
                      .createStatement()
                      .execute("lock table event in access exclusive mode"));
      connection.rollback();
      connection.setAutoCommit(true);
      assertThat(broken.head()).contains(" 200 ");
      assertThat(broken.whole()).isFalse();
    }
  }

  @Test
  void shouldBreakOffAFileThatIsShorterThanItWas() throws Exception {
    addFile("short.bin", 3_000_000, 2_999_999);
    addFile("right.bin", 3_000_000, 3_000_000);
    addFile("long.bin", 3_000_000, 3_000_001);
    for (Wire wire : Wire.values()) {
      String files = "/api/v1/experiments/" + id + "/artifacts/";
      assertThat(receive(files + "right.bin", "*/*", wire, () -> {}).whole())
          .as("negative control")
          .isTrue();
      assertThat(receive(files + "short.bin", "*/*", wire, () -> {}).whole()).isFalse();
      assertThat(receive(files + "long.bin", "*/*", wire, () -> {}).whole()).isFalse();
    }
  }

  private void addFile(String name, int bytes, int stored) throws IOException {
    String key = "experiments/" + id + "/" + name;
    LocalServers.putObject(key, new byte[stored]);
    jdbi.useHandle(
        handle ->
            handle.execute(
                "insert into artifact values (?, ?, 'file', ?, 'application/octet-stream', ?, ?)",
                id,
                name,
                key,
                bytes,
                name));
  }

  @Test
  void shouldEndAnEventStreamThatFailsWithoutItsEnd() throws Exception {
    Received broken =
        receiveRaw(
            "/api/v1/experiments/" + id + "/stream",
            "text/event-stream",
            Wire.PLAIN,
            () -> jdbi.useHandle(h -> h.execute("alter table event rename to event_away")));
    jdbi.useHandle(handle -> handle.execute("alter table event_away rename to event"));
    assertThat(broken.head()).contains(" 200 ");
    assertThat(broken.whole()).isFalse();
    assertThat(broken.body().toString(StandardCharsets.UTF_8)).doesNotContain("event:end");
  }

  @Test
  void shouldWriteNoFaultForAClientThatBreaksOff() throws Exception {
    addEvents(EVENTS);
    try (WrittenLog written = new WrittenLog(WholeAnswer.class.getName())) {
      try (Socket socket = new Socket(base.getHost(), base.getPort())) {
        socket.setSoLinger(true, 0);
        socket.setSoTimeout(60_000); // ends a hung test, no more
        socket
            .getOutputStream()
            .write(
                "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: text/csv\r\n\r\n"
                    .formatted(events())
                    .getBytes(StandardCharsets.US_ASCII));
        assertThat(socket.getInputStream().readNBytes(1000)).hasSize(1000);
      }
      written.await("has gone");
      assertThat(written.shown()).isEmpty();
      assertThat(written.with("has gone")).hasSize(1);
    }
  }
}
