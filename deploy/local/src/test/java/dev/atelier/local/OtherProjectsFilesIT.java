package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.deploy.RequiresProgram;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * One project's weights, wanted by another one under the name that they have in the store, on the
 * programs of production: two tokens, every kind of source, refused by the api, and by the worker
 * alone where an api lets it pass.
 */
@RequiresProgram("temporal")
@Timeout(1800)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class OtherProjectsFilesIT {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofMinutes(4); // ends a hung test, no more
  private static final String ADMIN = "atl_admin-of-this-test-0123456789-abcdefghij";
  private static final String EXPERIMENTS = "/api/v1/experiments";

  private static final String SPEC =
      """
      name: %s
      dataset: {source: "%s", resolution: 8}
      diffusion: {timesteps: 100}
      teacher: %s
      students:
        count: 1
        network: {channels: 8, multipliers: [1], resBlocks: 1, attentionResolutions: []}
        training: {steps: 5, batchSize: 4, warmupSteps: 5, emaDecay: 0.9, metricsEverySteps: 5}
      evaluation: {samples: 200, batchSize: 50, gridRows: 2, gridColumns: 2, sampler: {steps: 2, spacing: uniform}%s}
      """;
  private static final String SHAPES = "shapes?count=256";
  private static final String TRAINED =
      "{network: {channels: 8, multipliers: [1], resBlocks: 1, attentionResolutions: []}, training:"
          + " {steps: 5, batchSize: 4, warmupSteps: 5, emaDecay: 0.9, metricsEverySteps: 5}}";

  /** A file of a user's own that a spec names. */
  enum Kind {
    DATASET("dataset.source", "DATASET_UNREACHABLE"),
    TEACHER("teacher.source", "TEACHER_INVALID"),
    EXTRACTOR("evaluation.extractor.source", "EXTRACTOR_INVALID"),
    REFERENCE("evaluation.reference", "EXTRACTOR_INVALID");

    private final String field;
    private final String type; // of the failure when it may not be fetched

    Kind(String field, String type) {
      this.field = field;
      this.type = type;
    }

    String spec(String name, String source) {
      return switch (this) {
        case DATASET -> SPEC.formatted(name, source, TRAINED, "");
        case TEACHER -> SPEC.formatted(name, SHAPES, "{source: \"%s\"}".formatted(source), "");
        case EXTRACTOR ->
            SPEC.formatted(
                name, SHAPES, TRAINED, ", extractor: {source: \"%s\"}".formatted(source));
        case REFERENCE ->
            SPEC.formatted(name, SHAPES, TRAINED, ", reference: \"%s\"".formatted(source));
      };
    }
  }

  private final HttpClient http = HttpClient.newHttpClient();
  private ProductionPrograms programs;
  private FaultProxy store; // before the object store: hears what the worker asks for
  private ProgramProcess worker;
  private URI api;
  private URI trusting; // an api that lets every bucket pass
  private String owner; // tokens
  private String thief;
  private String owned; // an experiment
  private String weights; // of its teacher: their key in the store

  @BeforeAll
  void start(@TempDir Path directory) throws Exception {
    programs = new ProductionPrograms(directory);
    store = new FaultProxy(URI.create(programs.s3()));
    Map<String, String> closed = new HashMap<>();
    closed.put("ATELIER_AUTH_MODE", "tokens");
    closed.put("ATELIER_AUTH_BOOTSTRAP_TOKEN", ADMIN);
    closed.put("ATELIER_RECONCILE_EVERY", "1s");
    api = programs.api(closed);
    // It reaches no Temporal, so that what it stores is started by the other one, from the row.
    Map<String, String> open = new HashMap<>(closed);
    open.put("ATELIER_SOURCES_BUCKETS", "*");
    open.put("ATELIER_RECONCILE_EVERY", "1h");
    open.put("ATELIER_TEMPORAL_TARGET", Ports.HOST + ":" + Ports.anyFree());
    trusting = programs.api(open);
    worker = programs.worker("closed", Map.of("ATELIER_S3_ENDPOINT", store.endpoint().toString()));
    owner = token("owner", "vision");
    thief = token("thief", "speech");

    owned = launched(send(api, owner, EXPERIMENTS, SPEC.formatted("own", SHAPES, TRAINED, "")));
    Waiting.until(
        () -> {
          assertThat(stage(owner, owned)).isNotEqualTo("FAILED");
          return stage(owner, owned).equals("DONE");
        },
        PATIENCE);
    try (Connection database = programs.database();
        Statement statement = database.createStatement();
        ResultSet row =
            statement.executeQuery(
                "select object_key from artifact where experiment_id = '%s' and name = 'teacher.safetensors'"
                    .formatted(owned))) {
      assertThat(row.next()).isTrue();
      weights = row.getString(1);
    }
    assertThat(store.asked())
        .as("control: what the worker asks the store for is heard")
        .contains("PUT /atelier/" + weights);
  }

  @AfterAll
  void stop() throws Exception {
    programs.close();
    store.close();
  }

  @ParameterizedTest
  @EnumSource
  @Order(1)
  void shouldRefuseTheirAddressInASpec(Kind kind) throws Exception {
    Map<String, String> sentences =
        Map.of(
            "s3://atelier/KEY", "names the bucket 'atelier': expected one of yours",
            "s3://x@atelier/KEY", "names a user before '@'",
            "s3://x:y@atelier/KEY", "names a user before '@'",
            "s3://atelier:80/KEY", "needs a bucket of 3 to 63 small letters",
            "s3://%61telier/KEY", "needs a bucket of 3 to 63 small letters",
            "s3://team/../atelier/KEY", "needs a key without empty parts",
            "http://127.0.0.1:PORT/atelier/KEY", "whose address is not public",
            "http://x@127.0.0.1:PORT/atelier/KEY", "names a user before '@'",
            "/data/s3/atelier/KEY", "a directory that is allowed, and none is");
    for (Map.Entry<String, String> each : sentences.entrySet()) {
      String source =
          each.getKey()
              .replace("KEY", weights)
              .replace("PORT", Integer.toString(programs.ports().s3()));
      String spec = kind.spec("wanted", source);
      String study =
          "name: wanted\nquestion: Is it there?\nseeds: [1]\n"
              + "axes: [{name: N, field: students.count, values: [1, 2]}]\nbase:\n"
              + spec.indent(2);
      for (HttpResponse<String> answer :
          List.of(
              send(api, thief, EXPERIMENTS, spec),
              send(api, thief, EXPERIMENTS + "?dryRun=true", spec),
              send(api, thief, "/api/v1/studies", study))) {
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(422);
        assertThat(answer.body()).contains(kind.field).contains(sentence(answer, each.getValue()));
      }
    }
    assertThat(get(thief, EXPERIMENTS).get("items")).isEmpty();
    assertThat(get(thief, "/api/v1/studies").get("items")).isEmpty();
  }

  /** A study's texts are looked through for users before what its experiments name is. */
  private static String sentence(HttpResponse<String> answer, String ofExperiments) {
    return answer.uri().getPath().endsWith("/studies")
        ? ofExperiments.replace("names a user", "holds a user")
        : ofExperiments;
  }

  @Test
  @Order(1)
  void shouldShowThemToTheirOwnProjectAlone() throws Exception {
    String file = EXPERIMENTS + "/" + owned + "/artifacts/teacher.safetensors";
    for (String path : List.of(file, file + "/link", EXPERIMENTS + "/" + owned)) {
      assertThat(send(api, owner, path).statusCode()).as(path).isEqualTo(200);
      assertThat(send(api, thief, path).statusCode()).as(path).isEqualTo(404);
    }
  }

  @Test
  @Order(2)
  void shouldNotFetchThemForAnApiThatLetsThemPass() throws Exception {
    int before = store.asked().size();
    Map<Kind, String> plain = launchAll("plain");
    // As an older version may have stored it, which read the bucket and fetched from the host.
    programs.execute(
        """
        create function spell() returns trigger language plpgsql as $$
        begin
          new.spec = replace(cast(new.spec as text), 's3://atelier/', 's3://x@atelier/');
          return new;
        end $$
        """);
    programs.execute(
        "create trigger spell before insert on experiment for each row execute function spell()");
    Map<Kind, String> spelled = launchAll("spelled");
    programs.execute("drop function spell cascade");

    for (Kind kind : Kind.values()) {
      assertThat(failure(plain.get(kind)))
          .contains(kind.type, "may not be fetched: it names the bucket 'atelier'");
      assertThat(failure(spelled.get(kind))).contains("names a user before '@'");
    }
    List<String> asked = store.asked();
    assertThat(asked.subList(before, asked.size()))
        .as("control: the store was asked for what is theirs")
        .isNotEmpty()
        .as("the weights were not asked for")
        .noneMatch(request -> request.contains(weights));
    assertThat(worker.alive()).isTrue();
  }

  @Test
  @Order(3)
  void shouldHandThemToTheThiefWithoutTheDefence() throws Exception {
    worker.end();
    worker =
        programs.worker(
            "open",
            Map.of(
                "ATELIER_S3_ENDPOINT",
                store.endpoint().toString(),
                "ATELIER_SOURCES_BUCKETS",
                "*"));
    int before = store.asked().size();
    Map<Kind, String> stolen = launchAll("stolen");
    for (Kind kind : List.of(Kind.DATASET, Kind.EXTRACTOR, Kind.REFERENCE)) {
      assertThat(failure(stolen.get(kind)))
          .as("it is a fault of what they hold: " + kind)
          .doesNotContain("may not be fetched");
    }
    String id = stolen.get(Kind.TEACHER);
    Waiting.until(
        () -> {
          assertThat(stage(thief, id)).as("%s", show(id)).isNotEqualTo("FAILED");
          return stage(thief, id).equals("DONE");
        },
        PATIENCE);
    assertThat(sha256(thief, id)).as("the owner's own").isEqualTo(sha256(owner, owned));
    List<String> asked = store.asked();
    assertThat(asked.subList(before, asked.size()))
        .filteredOn(request -> request.startsWith("GET /atelier/" + weights))
        .hasSizeGreaterThanOrEqualTo(Kind.values().length);
  }

  /** One experiment of the thief's for each kind, through the api that lets it pass. */
  private Map<Kind, String> launchAll(String name) throws Exception {
    Map<Kind, CompletableFuture<HttpResponse<String>>> asked = new EnumMap<>(Kind.class);
    for (Kind kind : Kind.values()) {
      String spec =
          kind.spec(name + "-" + kind.name().toLowerCase(Locale.ROOT), "s3://atelier/" + weights);
      asked.put(
          kind, // at once: each waits for a Temporal that is not there
          http.sendAsync(post(trusting, thief, EXPERIMENTS, spec), BodyHandlers.ofString()));
    }
    Map<Kind, String> ids = new EnumMap<>(Kind.class);
    for (Map.Entry<Kind, CompletableFuture<HttpResponse<String>>> each : asked.entrySet()) {
      ids.put(each.getKey(), launched(each.getValue().get()));
    }
    return ids;
  }

  /** What an experiment of the thief's shows once it has failed. */
  private String failure(String id) throws Exception {
    Waiting.until(() -> List.of("FAILED", "AWAITING_RETRY").contains(stage(thief, id)), PATIENCE);
    return show(id).toString();
  }

  private JsonNode show(String id) throws Exception {
    return get(thief, EXPERIMENTS + "/" + id);
  }

  private String stage(String token, String id) throws Exception {
    return get(token, EXPERIMENTS + "/" + id).get("stage").asText();
  }

  /** Of the teacher as TorchScript, which holds its weights and nothing of the experiment. */
  private String sha256(String token, String id) throws Exception {
    for (JsonNode artifact : get(token, EXPERIMENTS + "/" + id).get("artifacts")) {
      if (artifact.get("name").asText().equals("teacher.pt")) {
        return artifact.get("sha256").asText();
      }
    }
    throw new AssertionError("There is no teacher.pt.");
  }

  private String token(String name, String project) throws Exception {
    HttpResponse<String> answer =
        http.send(
            request(api, ADMIN, "/api/v1/tokens")
                .header("Content-Type", "application/json")
                .POST(
                    BodyPublishers.ofString(
                        "{\"name\": \"%s\", \"role\": \"operator\", \"projects\": [\"%s\"]}"
                            .formatted(name, project)))
                .build(),
            BodyHandlers.ofString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(201);
    return JSON.readTree(answer.body()).get("token").asText();
  }

  private static String launched(HttpResponse<String> answer) throws IOException {
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(202);
    return JSON.readTree(answer.body()).get("id").asText();
  }

  private JsonNode get(String token, String path) throws Exception {
    return JSON.readTree(send(api, token, path).body());
  }

  private HttpResponse<String> send(URI server, String token, String path) throws Exception {
    return http.send(request(server, token, path).build(), BodyHandlers.ofString());
  }

  private HttpResponse<String> send(URI server, String token, String path, String yaml)
      throws Exception {
    return http.send(post(server, token, path, yaml), BodyHandlers.ofString());
  }

  private static HttpRequest post(URI server, String token, String path, String yaml) {
    return request(server, token, path)
        .header("Content-Type", "application/yaml")
        .POST(BodyPublishers.ofString(yaml))
        .build();
  }

  private static HttpRequest.Builder request(URI server, String token, String path) {
    return HttpRequest.newBuilder(server.resolve(path)).header("Authorization", "Bearer " + token);
  }
}
