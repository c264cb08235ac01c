package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpClient.Version;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every answer that comes in parts, from the program of production over both versions of HTTP:
 * whole in peace, and never ended as if it were whole when the database or the store fails at its
 * start or in its middle.
 */
@Timeout(900)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class WholeAnswersIT {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String EXPERIMENTS = "/api/v1/experiments";
  private static final String STREAM = "text/event-stream";
  private static final List<String> TABLES =
      List.of("text/csv", "application/vnd.apache.arrow.stream");

  // Rows of each list: more bytes than all buffers between the two hold, and three parts in Arrow.
  private static final int ROWS = 12_000;
  private static final int ROW_BYTES = 32 * 38;
  private static final int FILE_BYTES = 96_000_000; // more than all buffers on the way hold

  // What a client takes without reading: by default megabytes.
  private static final Map<String, String> SMALL_BUFFERS =
      Map.of("jdk.httpclient.receiveBufferSize", "16384", "jdk.httpclient.windowsize", "16384");

  /** What fails. */
  enum Fault {
    POSTGRES_STOPPED,
    TABLES_LOCKED,
    POOL_EXHAUSTED
  }

  private static final String ALL_TABLES =
      "experiment, event, model, curves, metric_report, evaluation, artifact, study, study_artifact,"
          + " webhook, webhook_delivery, audit, api_token";

  private final ExecutorService readers = Executors.newCachedThreadPool();
  private ProductionPrograms programs;
  private URI api; // gives up a lock after half a second
  private URI narrow; // has two connections to the database, and waits for locks
  private String id; // an experiment that has not ended
  private List<String> lists; // read page by page
  private List<String> pages; // read at once
  private List<String> files;
  private String pageOfStudy;

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    SMALL_BUFFERS.forEach(System::setProperty);
    programs = new ProductionPrograms(directory);
    api =
        programs.api(
            quiet(
                Map.of(
                    "QUARKUS_DATASOURCE_JDBC_URL",
                    programs.postgres() + "?options=-c%20lock_timeout=500ms")));
    narrow =
        programs.api(
            quiet(
                Map.of(
                    "QUARKUS_DATASOURCE_JDBC_MAX_SIZE", "2",
                    "QUARKUS_DATASOURCE_JDBC_ACQUISITION_TIMEOUT", "2s")));
    id = made(EXPERIMENTS, "{}");
    String study =
        made(
            "/api/v1/studies",
            """
            {"name": "s", "question": "q", "base": {},
              "axes": [{"name": "N", "field": "students.count", "values": [1, 2]}]}
            """);
    fill(study);
    lists =
        List.of(
            EXPERIMENTS,
            experiment("/events"),
            "/api/v1/studies",
            "/api/v1/teachers",
            "/api/v1/datasets",
            "/api/v1/webhooks",
            "/api/v1/webhooks/bulk-1/deliveries",
            "/api/v1/audit");
    pages =
        List.of(
            experiment("/evaluations"),
            experiment("/artifacts"),
            experiment("/models/teacher/metrics"),
            EXPERIMENTS + "/compare?ids=" + id + ",bulk-1",
            "/api/v1/tokens");
    pageOfStudy = "/api/v1/studies/" + study;
    files =
        List.of(
            experiment("/artifacts/samples-teacher.png"),
            experiment("/samples/teacher.png"),
            pageOfStudy + "/artifacts/report.html");
  }

  @AfterAll
  void stop() throws Exception {
    SMALL_BUFFERS.keySet().forEach(System::clearProperty);
    readers.shutdownNow();
    programs.close();
  }

  /** What an api does by itself needs connections too. */
  private static Map<String, String> quiet(Map<String, String> settings) {
    Map<String, String> all = new HashMap<>(settings);
    all.put("ATELIER_RECONCILE_EVERY", "1h");
    all.put("ATELIER_WEBHOOKS_DISPATCH_EVERY", "1h");
    all.put("ATELIER_MAINTENANCE_DELETIONS_EVERY", "1h");
    all.put("ATELIER_MAINTENANCE_CHECK_EVERY", "off");
    return all;
  }

  private String experiment(String part) {
    return EXPERIMENTS + "/" + id + part;
  }

  private String made(String path, String json) throws Exception {
    HttpResponse<String> answer =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(api.resolve(path))
                    .header("Content-Type", "application/json")
                    .POST(BodyPublishers.ofString(json))
                    .build(),
                BodyHandlers.ofString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(202);
    return JSON.readTree(answer.body()).get("id").asText();
  }

  private void fill(String study) throws Exception {
    byte[] content = new byte[FILE_BYTES];
    new Random(1).nextBytes(content);
    programs.store().put("experiments/file", content, "application/octet-stream");
    for (String sql :
        List.of(
            """
            create table bulk as
            select i, now() - i * interval '1 s' as at,
              (select string_agg(md5(i || '-' || g), '') from generate_series(1, 38) g) as text
            from generate_series(1, %d) i
            """
                .formatted(ROWS),
            """
            insert into experiment
              (id, name, spec, stage, dataset, created_at, finished_at, project)
            select 'bulk-' || i, text, jsonb_set(spec, '{dataset,source}', to_jsonb('/' || text)),
              'DONE', jsonb_build_object('sha256', md5(text) || md5(text), 'images', 1,
                'resolution', 8, 'channels', 3, 'skipped', 0, 'classes', 0),
              at, at, project
            from experiment, bulk where id = '%s'
            """
                .formatted(id),
            """
            insert into model
              (experiment_id, key, position, range_low, range_high, state, total_steps)
            select 'bulk-' || i, 'teacher', 0, 0, 1000, 'DONE', 1 from bulk
            """,
            "insert into event (experiment_id, kind, detail) select '%s', 'note', text from bulk"
                .formatted(id),
            """
            insert into study (id, name, question, spec, stage, request_sha256, created_at, project)
            select 'bulk-' || i, text, question, spec, 'DONE', '', at, project
            from study, bulk where id = '%s'
            """
                .formatted(study),
            """
            insert into webhook (id, url, secret, events, created_at)
            select 'bulk-' || i, 'https://example.org/' || text, '', '{experiment.stage}', at
            from bulk
            """,
            """
            insert into webhook_delivery (id, webhook_id, type, payload, state, error, created_at,
              dispatched_at, attempted_at, finished_at)
            select 'bulk-' || i, 'bulk-1', 'webhook.test', '', 'FAILED', text, at, at, at, at
            from bulk
            """,
            """
            insert into audit (actor, role, action, subject_kind, subject_id, outcome, detail,
              request_id, address)
            select 'token t', 'OPERATOR', 'cancelExperiment', 'EXPERIMENT', 'bulk-' || i, 'DONE',
              text, 'r', '127.0.0.1'
            from bulk
            """,
            """
            insert into artifact
            values ('%s', 'samples-teacher.png', 'grid', 'experiments/file', 'image/png', %d, 'a')
            """
                .formatted(id, FILE_BYTES),
            """
            insert into study_artifact
            values ('%s', 'report.html', 'experiments/file', 'text/html', %d, 'a')
            """
                .formatted(study, FILE_BYTES),
            "analyze")) {
      programs.execute(sql);
    }
  }

  /** A request of the test's. */
  private record Wanted(URI server, String path, String type, Version version) {

    HttpRequest request() {
      return HttpRequest.newBuilder(server.resolve(path))
          .header("Accept", type + ", application/problem+json;q=0.1")
          .header("Accept-Encoding", "gzip")
          .build();
    }

    /** A connection of its own, whose window no other answer fills. */
    HttpClient client() {
      return HttpClient.newBuilder().version(version).build();
    }

    @Override
    public String toString() {
      return "%s of %s over %s".formatted(type, path, version);
    }
  }

  /** How an answer ended; {@code whole}: as one does that has nothing more to say. */
  private record Ended(Wanted wanted, boolean whole, long bytes, String text) {}

  /** An answer that has begun, of which nothing more is read yet. */
  private record Begun(Wanted wanted, HttpClient client, HttpResponse<InputStream> answer) {

    static Begun of(Wanted wanted) throws IOException, InterruptedException {
      HttpClient client = wanted.client();
      HttpResponse<InputStream> answer =
          client.send(wanted.request(), BodyHandlers.ofInputStream());
      assertThat(answer.statusCode()).as("%s", wanted).isEqualTo(200);
      assertThat(answer.version()).isEqualTo(wanted.version);
      assertThat(answer.headers().firstValue("Content-Encoding"))
          .as("as it is built, it compresses nothing")
          .isEmpty();
      return new Begun(wanted, client, answer);
    }

    Ended readOn() {
      long bytes = 0;
      ByteArrayOutputStream text = new ByteArrayOutputStream();
      boolean whole = true;
      try (InputStream body = answer.body()) {
        byte[] part = new byte[1 << 14];
        for (int n = body.read(part); n >= 0; n = body.read(part)) {
          bytes += n;
          if (wanted.type.equals(STREAM)) {
            text.write(part, 0, n);
          }
        }
      } catch (IOException e) {
        whole = false;
      }
      return new Ended(wanted, whole, bytes, text.toString(StandardCharsets.UTF_8));
    }
  }

  private static List<Wanted> wanted(URI server, List<String> paths, List<String> types) {
    return paths.stream()
        .flatMap(
            path ->
                types.stream()
                    .flatMap(
                        type ->
                            Stream.of(Version.values())
                                .map(version -> new Wanted(server, path, type, version))))
        .toList();
  }

  private static List<Begun> begin(List<Wanted> wanted) throws Exception {
    List<Begun> begun = new ArrayList<>();
    for (Wanted each : wanted) {
      begun.add(Begun.of(each));
    }
    return begun;
  }

  /** Reads all of them on at once. */
  private List<Ended> readOn(List<Begun> begun) throws Exception {
    List<CompletableFuture<Ended>> reading =
        begun.stream().map(each -> CompletableFuture.supplyAsync(each::readOn, readers)).toList();
    List<Ended> ended = new ArrayList<>();
    for (CompletableFuture<Ended> each : reading) {
      ended.add(each.get());
    }
    return ended;
  }

  private URI server(Fault fault) {
    return switch (fault) {
      case POSTGRES_STOPPED, TABLES_LOCKED -> api;
      case POOL_EXHAUSTED -> narrow;
    };
  }

  /** Lets something fail until what is returned is closed. */
  private AutoCloseable cause(Fault fault) throws Exception {
    return switch (fault) {
      case POSTGRES_STOPPED -> {
        programs.stop("postgres");
        yield () -> programs.start("postgres");
      }
      case TABLES_LOCKED -> lock(ALL_TABLES);
      case POOL_EXHAUSTED -> exhaustPool();
    };
  }

  /** Locks tables until it is closed. */
  private Connection lock(String tables) throws SQLException {
    Connection connection = programs.database();
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.execute("lock table %s in access exclusive mode".formatted(tables));
    }
    return connection;
  }

  /** Two requests that wait for a lock have both connections of the narrow api. */
  private AutoCloseable exhaustPool() throws Exception {
    Connection lock = lock("study_artifact");
    List<CompletableFuture<HttpResponse<String>>> waiting = new ArrayList<>();
    for (Wanted each : wanted(narrow, List.of(pageOfStudy), List.of("application/json"))) {
      waiting.add(each.client().sendAsync(each.request(), BodyHandlers.ofString()));
    }
    Waiting.until(() -> waitingForLocks() == waiting.size());
    return () -> {
      lock.close();
      for (CompletableFuture<HttpResponse<String>> each : waiting) {
        assertThat(each.get().statusCode()).isEqualTo(200);
      }
    };
  }

  private int waitingForLocks() throws SQLException {
    try (Connection database = programs.database();
        Statement statement = database.createStatement();
        ResultSet row =
            statement.executeQuery(
                "select count(*) from pg_stat_activity where wait_event_type = 'Lock'")) {
      row.next();
      return row.getInt(1);
    }
  }

  @Test
  void shouldGiveEachAnswerWholeInPeace() throws Exception {
    List<Ended> tables = readOn(begin(wanted(api, lists, TABLES)));
    assertThat(tables)
        .hasSize(lists.size() * TABLES.size() * Version.values().length)
        .allMatch(each -> each.whole && each.bytes > (long) ROWS * ROW_BYTES);
    assertThat(readOn(begin(wanted(api, files, List.of("*/*")))))
        .allMatch(each -> each.whole && each.bytes == FILE_BYTES);
    assertThat(readOn(begin(wanted(api, List.of(EXPERIMENTS + "/bulk-1/stream"), List.of(STREAM)))))
        .allMatch(each -> each.whole && each.text.contains("event:end"));
  }

  @ParameterizedTest
  @EnumSource
  void shouldBreakOffWhatIsOnItsWay(Fault fault) throws Exception {
    URI server = server(fault);
    List<Begun> tables = begin(wanted(server, lists, TABLES));
    List<Begun> streams = begin(wanted(server, List.of(experiment("/stream")), List.of(STREAM)));
    List<Begun> downloads = begin(wanted(server, files, List.of("*/*")));
    List<Begun> all = Stream.concat(tables.stream(), streams.stream()).toList();
    List<Ended> broken;
    try (AutoCloseable failing = cause(fault)) {
      assertThat(failing).isNotNull();
      broken = readOn(all);
      assertThat(readOn(downloads))
          .as("control: what needs no database any more")
          .allMatch(each -> each.whole && each.bytes == FILE_BYTES);
    }
    assertThat(broken).noneMatch(Ended::whole);
    assertThat(broken).noneMatch(each -> each.text.contains("event:end"));
    assertThat(broken.subList(0, tables.size()))
        .filteredOn(each -> each.wanted.type.equals("text/csv")) // rows of Arrow are larger
        .isNotEmpty()
        .allMatch(each -> each.bytes < (long) ROWS * ROW_BYTES);
    assertServes(server);
  }

  @Test
  void shouldBreakOffFilesWhenTheStoreFails() throws Exception {
    List<Begun> downloads = begin(wanted(api, files, List.of("*/*")));
    programs.kill("s3");
    assertThat(readOn(downloads)).noneMatch(Ended::whole);
    for (Wanted each : wanted(api, files, List.of("*/*"))) {
      assertUnavailable(each, each.client().send(each.request(), BodyHandlers.ofString()));
    }
    programs.start("s3");
    assertThat(readOn(begin(wanted(api, files, List.of("*/*"))))).allMatch(Ended::whole);
  }

  @ParameterizedTest
  @EnumSource
  void shouldSayThatItFailsInPlaceOfAnEmptyAnswer(Fault fault) throws Exception {
    URI server = server(fault);
    try (AutoCloseable failing = cause(fault)) {
      assertThat(failing).isNotNull();
      Map<Wanted, CompletableFuture<HttpResponse<String>>> asked = new LinkedHashMap<>();
      for (Wanted each : everything(server)) {
        asked.put(each, each.client().sendAsync(each.request(), BodyHandlers.ofString()));
      }
      for (Map.Entry<Wanted, CompletableFuture<HttpResponse<String>>> each : asked.entrySet()) {
        assertUnavailable(each.getKey(), each.getValue().get());
      }
    }
    assertServes(server);
  }

  private List<Wanted> everything(URI server) {
    List<String> types = new ArrayList<>(TABLES);
    types.add("application/json");
    return Stream.of(
            wanted(server, lists, types),
            wanted(server, pages, types),
            wanted(server, files, List.of("*/*")),
            wanted(server, List.of(experiment("/stream")), List.of(STREAM)))
        .flatMap(List::stream)
        .toList();
  }

  private static void assertUnavailable(Wanted wanted, HttpResponse<String> answer) {
    assertThat(answer.statusCode()).as("%s: %s", wanted, answer.body()).isEqualTo(503);
    assertThat(answer.headers().firstValue("Content-Type")).contains("application/problem+json");
    assertThat(answer.headers().firstValue("Retry-After")).isPresent();
  }

  /** The first request after a fault is served as any other. */
  private void assertServes(URI server) throws Exception {
    List<String> all = Stream.concat(lists.stream(), pages.stream()).toList();
    for (Wanted each : wanted(server, all, List.of("application/json"))) {
      assertThat(each.client().send(each.request(), BodyHandlers.ofString()).statusCode())
          .as("%s", each)
          .isEqualTo(200);
    }
  }
}
