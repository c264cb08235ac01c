package dev.atelier.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** The REST API of a stack, seen from outside. */
public final class AtelierApi {

  private static final String EXPERIMENTS = "/api/v1/experiments";
  private static final String CHECKS = "/api/v1/maintenance/checks";
  private static final String WEBHOOKS = "/api/v1/webhooks";
  private static final String TOKENS = "/api/v1/tokens";
  private static final String OWN_TOKENS = "/api/v1/me/tokens";
  private static final String PROJECTS = "/api/v1/projects";
  private static final String STUDIES = "/api/v1/studies";
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(30);
  private static final int UNAVAILABLE = 503;
  private static final int ASKED_AT_MOST = 4;
  private static final Duration RETRY_PAUSE = Duration.ofMillis(300);
  private static final int EVENTS_PER_PAGE = 1000;
  private static final String WEBHOOK_PREFIX = "wh-"; // of its id
  private static final int LONGEST_PAGE = 200;
  private static final String LATEST = "latest";
  private static final int NAMED_AT_MOST = 5; // of the ids that begin alike
  private static final int FULL_ID_LENGTH = 22; // what is shorter may be the beginning of one

  private final URI base;
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(CONNECT_TIMEOUT)
          .build();
  private final ObjectMapper json =
      JsonMapper.builder()
          .addModules(new Jdk8Module(), new JavaTimeModule())
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  private final Optional<String> token;

  AtelierApi(String url) throws CommandFailure {
    this(url, Optional.empty());
  }

  /**
   * @param token sent with each request
   * @throws CommandFailure when {@code url} is not an http address
   */
  public AtelierApi(String url, Optional<String> token) throws CommandFailure {
    this.token = token;
    try {
      this.base = URI.create(url.replaceAll("/+$", ""));
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCodes.USAGE, "--url '%s' is not a URL.".formatted(url), e);
    }
    if (base.getHost() == null || !List.of("http", "https").contains(base.getScheme())) {
      throw new CommandFailure(
          ExitCodes.USAGE,
          "--url '%s' is not an address such as http://127.0.0.1:8080.".formatted(url));
    }
  }

  /** The dashboard's address; where the API wants a token, one that lets one browser in, once. */
  public String browserLink() throws CommandFailure, InterruptedException {
    return token.isEmpty()
        ? base + "/"
        : read(
                send(request("/api/v1/session/links").POST(HttpRequest.BodyPublishers.noBody())),
                JsonNode.class)
            .path("href")
            .asText();
  }

  /**
   * A launched experiment.
   *
   * @param warnings what is allowed and hardly meant
   */
  public record Launched(String id, List<String> warnings) {
    public Launched {
      warnings = warnings == null ? List.of() : warnings; // of an older server
    }
  }

  /** Launches an experiment. */
  public Launched launch(String yaml, Optional<String> idempotencyKey)
      throws CommandFailure, InterruptedException {
    return read(post(EXPERIMENTS, yaml, idempotencyKey), Launched.class);
  }

  /** What an experiment would take; launches nothing. */
  LaunchEstimate estimate(String yaml) throws CommandFailure, InterruptedException {
    return read(post(EXPERIMENTS + "?dryRun=true", yaml, Optional.empty()), LaunchEstimate.class);
  }

  /** Launches a study and returns its id and how many experiments it has. */
  JsonNode launchStudy(String yaml, Optional<String> idempotencyKey)
      throws CommandFailure, InterruptedException {
    return read(post(STUDIES, yaml, idempotencyKey), JsonNode.class);
  }

  private String post(String path, String yaml, Optional<String> idempotencyKey)
      throws CommandFailure, InterruptedException {
    HttpRequest.Builder request =
        request(path)
            .header("Content-Type", "application/yaml")
            .POST(HttpRequest.BodyPublishers.ofString(yaml));
    idempotencyKey.ifPresent(key -> request.header("Idempotency-Key", key));
    return send(request);
  }

  StudyList studies(int limit) throws CommandFailure, InterruptedException {
    return read(send(request(STUDIES + "?limit=" + limit)), StudyList.class);
  }

  Study study(String id) throws CommandFailure, InterruptedException {
    return read(send(request(STUDIES + "/" + encoded(id))), Study.class);
  }

  void cancelStudy(String id) throws CommandFailure, InterruptedException {
    send(
        request(STUDIES + "/" + encoded(id) + "/cancel").POST(HttpRequest.BodyPublishers.noBody()));
  }

  ExperimentList list(Map<String, List<String>> filters)
      throws CommandFailure, InterruptedException {
    return read(send(request(EXPERIMENTS + "?" + query(filters))), ExperimentList.class);
  }

  private static String query(Map<String, List<String>> filters) {
    List<String> query = new ArrayList<>();
    filters.forEach(
        (name, values) ->
            values.forEach(
                value -> query.add(name + "=" + URLEncoder.encode(value, StandardCharsets.UTF_8))));
    return String.join("&", query);
  }

  /**
   * Returns the full id of an experiment.
   *
   * @param name an id, the beginning of one, or {@code latest}
   */
  String resolve(String name) throws CommandFailure, InterruptedException {
    if (name.length() >= FULL_ID_LENGTH) {
      return name;
    }
    return resolve(
        name,
        "experiment",
        list(beginningWith(name)).items().stream().map(ExperimentList.Item::id).toList());
  }

  /** As {@link #resolve}, of a study. */
  String resolveStudy(String name) throws CommandFailure, InterruptedException {
    if (name.length() >= FULL_ID_LENGTH) {
      return name;
    }
    return resolve(
        name,
        "study",
        read(send(request(STUDIES + "?" + query(beginningWith(name)))), StudyList.class)
            .items()
            .stream()
            .map(StudyList.Item::id)
            .toList());
  }

  /** Returns the full id of a webhook, given it or its beginning. */
  String resolveWebhook(String name) throws CommandFailure, InterruptedException {
    if (name.length() >= WEBHOOK_PREFIX.length() + FULL_ID_LENGTH) {
      return name;
    }
    List<String> ids = new ArrayList<>();
    String cursor = "";
    do {
      JsonNode page = document(WEBHOOKS + "?limit=" + LONGEST_PAGE + cursor);
      page.path("items").forEach(webhook -> ids.add(webhook.path("id").asText()));
      cursor = page.hasNonNull("nextCursor") ? "&cursor=" + page.path("nextCursor").asText() : "";
    } while (!cursor.isEmpty());
    return begun(name, ids);
  }

  /** Of the newest, or of all whose ids begin so: enough to tell whether there is more than one. */
  private static Map<String, List<String>> beginningWith(String name) {
    return name.equals(LATEST)
        ? Map.of("limit", List.of("1"))
        : Map.of("idPrefix", List.of(name), "limit", List.of(Integer.toString(NAMED_AT_MOST + 1)));
  }

  private static String resolve(String name, String kind, List<String> ids) throws CommandFailure {
    if (name.equals(LATEST)) {
      return ids.stream()
          .findFirst()
          .orElseThrow(
              () -> new CommandFailure(ExitCodes.NOT_FOUND, "There is no %s yet.".formatted(kind)));
    }
    return begun(name, ids);
  }

  private static String begun(String name, List<String> ids) throws CommandFailure {
    List<String> matches = ids.stream().filter(id -> id.startsWith(name)).toList();
    if (matches.contains(name) || matches.isEmpty()) {
      return name; // the API tells whether it exists
    }
    if (matches.size() > 1) {
      boolean more = matches.size() > NAMED_AT_MOST;
      throw new CommandFailure(
          ExitCodes.USAGE,
          "'%s' begins %s ids: %s%s. Write more of the one that is meant."
              .formatted(
                  name,
                  more ? "more than " + NAMED_AT_MOST : Integer.toString(matches.size()),
                  String.join(", ", matches.subList(0, Math.min(matches.size(), NAMED_AT_MOST))),
                  more ? ", …" : ""));
    }
    return matches.get(0);
  }

  /** The API's own answer to a GET. */
  private JsonNode document(String path) throws CommandFailure, InterruptedException {
    return read(send(request(path)), JsonNode.class);
  }

  JsonNode listDocument(Map<String, List<String>> filters)
      throws CommandFailure, InterruptedException {
    return document(EXPERIMENTS + "?" + query(filters));
  }

  JsonNode showDocument(String id) throws CommandFailure, InterruptedException {
    return document(path(id));
  }

  JsonNode studiesDocument(int limit) throws CommandFailure, InterruptedException {
    return document(STUDIES + "?limit=" + limit);
  }

  JsonNode studyDocument(String id) throws CommandFailure, InterruptedException {
    return document(STUDIES + "/" + encoded(id));
  }

  JsonNode teachersDocument(int limit) throws CommandFailure, InterruptedException {
    return document("/api/v1/teachers?limit=" + limit);
  }

  JsonNode datasetsDocument(int limit) throws CommandFailure, InterruptedException {
    return document("/api/v1/datasets?limit=" + limit);
  }

  JsonNode workersDocument(int limit) throws CommandFailure, InterruptedException {
    return document("/api/v1/workers?limit=" + limit);
  }

  JsonNode projectsDocument() throws CommandFailure, InterruptedException {
    return document(PROJECTS);
  }

  JsonNode quotaDocument(String project) throws CommandFailure, InterruptedException {
    return document(PROJECTS + "/" + encoded(project) + "/quota");
  }

  JsonNode usageDocument(String project, int months) throws CommandFailure, InterruptedException {
    return document(PROJECTS + "/" + encoded(project) + "/usage?months=" + months);
  }

  /** Sets all bounds of a project. */
  JsonNode setQuota(String project, Map<String, Object> quota)
      throws CommandFailure, InterruptedException {
    return send(PROJECTS + "/" + encoded(project) + "/quota", "PUT", quota);
  }

  JsonNode webhooksDocument(int limit) throws CommandFailure, InterruptedException {
    return document(WEBHOOKS + "?limit=" + limit);
  }

  JsonNode deliveriesDocument(String webhook, int limit)
      throws CommandFailure, InterruptedException {
    return document(WEBHOOKS + "/" + encoded(webhook) + "/deliveries?limit=" + limit);
  }

  /** Makes a webhook; only this answer has its secret. Without a project: the caller's, or all. */
  JsonNode addWebhook(Map<String, Object> webhook, Optional<String> project)
      throws CommandFailure, InterruptedException {
    return make(WEBHOOKS + project.map(name -> "?project=" + encoded(name)).orElse(""), webhook);
  }

  private JsonNode make(String path, Map<String, Object> document)
      throws CommandFailure, InterruptedException {
    return send(path, "POST", document);
  }

  private JsonNode send(String path, String method, Map<String, Object> document)
      throws CommandFailure, InterruptedException {
    try {
      return read(
          send(
              request(path)
                  .header("Content-Type", "application/json")
                  .method(
                      method,
                      HttpRequest.BodyPublishers.ofString(json.writeValueAsString(document)))),
          JsonNode.class);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // texts and numbers under names
    }
  }

  /** Queues a message that tells of nothing. */
  JsonNode testWebhook(String id) throws CommandFailure, InterruptedException {
    return read(
        send(
            request(WEBHOOKS + "/" + encoded(id) + "/test")
                .POST(HttpRequest.BodyPublishers.noBody())),
        JsonNode.class);
  }

  void deleteWebhook(String id) throws CommandFailure, InterruptedException {
    send(request(WEBHOOKS + "/" + encoded(id)).DELETE());
  }

  JsonNode whoAmI() throws CommandFailure, InterruptedException {
    return document("/api/v1/whoami");
  }

  /** The tokens of all, or of the person who asks alone. */
  JsonNode tokensDocument(boolean mine) throws CommandFailure, InterruptedException {
    return document(tokens(mine));
  }

  /** Makes a token of the API; only this answer has it. */
  JsonNode createToken(Map<String, Object> token, boolean mine)
      throws CommandFailure, InterruptedException {
    return make(tokens(mine), token);
  }

  void revokeToken(String id, boolean mine) throws CommandFailure, InterruptedException {
    send(request(tokens(mine) + "/" + encoded(id)).DELETE());
  }

  private static String tokens(boolean mine) {
    return mine ? OWN_TOKENS : TOKENS;
  }

  JsonNode auditDocument(Optional<String> subject, int limit)
      throws CommandFailure, InterruptedException {
    return document(
        "/api/v1/audit?limit=%d%s"
            .formatted(limit, subject.map(id -> "&subject=" + encoded(id)).orElse("")));
  }

  /** Every event of an experiment, oldest first; of one model, if that is given. */
  JsonNode events(String id, Optional<String> model) throws CommandFailure, InterruptedException {
    ArrayNode events = json.createArrayNode();
    String cursor = "";
    do {
      JsonNode page = document(path(id) + "/events?limit=" + EVENTS_PER_PAGE + cursor);
      for (JsonNode event : page.path("items")) {
        if (model.isEmpty() || model.get().equals(event.path("model").asText(""))) {
          events.add(event);
        }
      }
      cursor = page.hasNonNull("nextCursor") ? "&cursor=" + page.path("nextCursor").asText() : "";
    } while (!cursor.isEmpty());
    return events;
  }

  /** Whether the experiment has a model of this key. */
  boolean has(String id, String model) throws CommandFailure, InterruptedException {
    for (JsonNode found : showDocument(id).path("models")) {
      if (found.path("key").asText().equals(model)) {
        return true;
      }
    }
    return false;
  }

  ExperimentReport show(String id) throws CommandFailure, InterruptedException {
    return read(send(request(path(id))), ExperimentReport.class);
  }

  /** Cancels an experiment. */
  void cancel(String id) throws CommandFailure, InterruptedException {
    ask(id, "cancel", Map.of());
  }

  void cancelModel(String id, String model) throws CommandFailure, InterruptedException {
    ask(id, "models/" + encoded(model) + "/cancel", Map.of());
  }

  void delete(String id) throws CommandFailure, InterruptedException {
    send(request(path(id)).DELETE());
  }

  void deleteStudy(String id) throws CommandFailure, InterruptedException {
    send(request(STUDIES + "/" + encoded(id)).DELETE());
  }

  /** Starts a comparison of the store with the database. */
  JsonNode startCheck(boolean repair) throws CommandFailure, InterruptedException {
    return read(
        send(request(CHECKS + "?repair=" + repair).POST(HttpRequest.BodyPublishers.noBody())),
        JsonNode.class);
  }

  JsonNode check(long id) throws CommandFailure, InterruptedException {
    return read(send(request(CHECKS + "/" + id)), JsonNode.class);
  }

  /** Experiments beside one another. */
  JsonNode compare(List<String> ids) throws CommandFailure, InterruptedException {
    return read(
        send(request(EXPERIMENTS + "/compare?ids=" + encoded(String.join(",", ids)))),
        JsonNode.class);
  }

  /**
   * Trains a failed model again.
   *
   * @param overrides training settings that change
   */
  void retry(String id, String model, Map<String, Object> overrides)
      throws CommandFailure, InterruptedException {
    ask(id, "models/" + encoded(model) + "/retry", overrides);
  }

  /** Trains a model to {@code steps} in all. */
  void extend(String id, String model, int steps) throws CommandFailure, InterruptedException {
    ask(id, "models/" + encoded(model) + "/extend", Map.of("steps", steps));
  }

  /**
   * Trains a student anew.
   *
   * @param settings YAML: what changes
   */
  void replace(String id, String model, String settings)
      throws CommandFailure, InterruptedException {
    ask(
        request(path(id) + "/models/" + encoded(model) + "/replace")
            .header("Content-Type", "application/yaml")
            .POST(HttpRequest.BodyPublishers.ofString(settings)));
  }

  void pause(String id) throws CommandFailure, InterruptedException {
    ask(id, "pause", Map.of());
  }

  void resume(String id) throws CommandFailure, InterruptedException {
    ask(id, "resume", Map.of());
  }

  void rerunEvaluation(String id) throws CommandFailure, InterruptedException {
    ask(id, "evaluation/rerun", Map.of());
  }

  private void ask(String id, String what, Map<String, Object> body)
      throws CommandFailure, InterruptedException {
    HttpRequest.Builder request = request(path(id) + "/" + what);
    try {
      ask(
          body.isEmpty()
              ? request.POST(HttpRequest.BodyPublishers.noBody())
              : request
                  .header("Content-Type", "application/json")
                  .POST(HttpRequest.BodyPublishers.ofString(json.writeValueAsString(body))));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e); // numbers under names
    }
  }

  /**
   * Sends a request that changes something: under a key of its own, so that it has one effect
   * however often it is sent, and again while the server is not ready or its answer is lost.
   */
  private void ask(HttpRequest.Builder builder) throws CommandFailure, InterruptedException {
    HttpRequest request = builder.header("Idempotency-Key", UUID.randomUUID().toString()).build();
    for (int attempt = 1; ; attempt++) {
      try {
        HttpResponse<String> response =
            exchange(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
        if (response.statusCode() / 100 == 2) {
          return;
        }
        if (response.statusCode() != UNAVAILABLE || attempt == ASKED_AT_MOST) {
          throw refused(response);
        }
      } catch (ServerUnreachable e) {
        if (e.getCause() instanceof ConnectException || attempt == ASKED_AT_MOST) {
          throw e;
        }
      }
      Thread.sleep(RETRY_PAUSE.toMillis() * attempt);
    }
  }

  /** Opens a file of an experiment. */
  InputStream download(String href) throws CommandFailure, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(base.resolve(href)).timeout(ANSWER_TIMEOUT);
    if (base.resolve(href).getHost().equals(base.getHost())) { // the token is for nobody else
      authorize(request);
    }
    HttpResponse<InputStream> response =
        exchange(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    if (response.statusCode() != 200) {
      throw new CommandFailure(
          ExitCodes.ofStatus(response.statusCode()),
          "Cannot download %s: the server answered %d.".formatted(href, response.statusCode()));
    }
    return response.body();
  }

  String url() {
    return base.toString();
  }

  private static String path(String id) {
    return EXPERIMENTS + "/" + encoded(id);
  }

  private static String encoded(String segment) {
    return URLEncoder.encode(segment, StandardCharsets.UTF_8).replace("+", "%20");
  }

  private HttpRequest.Builder request(String path) {
    return authorize(
        HttpRequest.newBuilder(URI.create(base + path))
            .timeout(ANSWER_TIMEOUT)
            .header("Accept", "application/json, application/problem+json"));
  }

  private HttpRequest.Builder authorize(HttpRequest.Builder request) {
    token.ifPresent(value -> request.header("Authorization", "Bearer " + value));
    return request;
  }

  private CommandFailure refused(HttpResponse<String> response) {
    return new CommandFailure(ExitCodes.ofStatus(response.statusCode()), problem(response));
  }

  private String send(HttpRequest.Builder request) throws CommandFailure, InterruptedException {
    HttpResponse<String> response =
        exchange(request.build(), HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
    if (response.statusCode() / 100 != 2) {
      throw refused(response);
    }
    return response.body();
  }

  private <T> HttpResponse<T> exchange(HttpRequest request, HttpResponse.BodyHandler<T> handler)
      throws CommandFailure, InterruptedException {
    try {
      return http.send(request, handler);
    } catch (IOException e) {
      throw new ServerUnreachable(base, e);
    }
  }

  /** The sentences of a problem document: its detail, then each fault on a line. */
  private String problem(HttpResponse<String> response) {
    JsonNode problem;
    try {
      problem = json.readTree(response.body());
    } catch (JsonProcessingException e) {
      problem = json.missingNode();
    }
    String sentence = problem.path("detail").asText(problem.path("title").asText(""));
    if (sentence.isEmpty()) {
      return "The server answered %d to %s."
          .formatted(response.statusCode(), response.request().uri());
    }
    List<String> lines = new ArrayList<>(List.of(sentence));
    for (JsonNode fault : problem.path("faults")) {
      String field = fault.path("field").asText();
      String message = fault.path("message").asText();
      if (!sentence.equals(field.isEmpty() ? message : field + " " + message)) { // said already
        lines.add("  %s %s".formatted(field, message).stripTrailing());
      }
    }
    return String.join(System.lineSeparator(), lines);
  }

  private <T> T read(String body, Class<T> type) throws CommandFailure {
    try {
      return json.readValue(body, type);
    } catch (JsonProcessingException e) {
      throw new CommandFailure(
          "%s does not answer as Atelier's API does: %s".formatted(base, e.getOriginalMessage()),
          e);
    }
  }
}
