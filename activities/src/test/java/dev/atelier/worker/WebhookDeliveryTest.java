package dev.atelier.worker;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.atelier.store.WebhookHistory;
import dev.atelier.webhook.ReceiverBudget;
import dev.atelier.webhook.WebhookSender;
import dev.atelier.workflows.TaskQueues;
import dev.atelier.workflows.WebhookDeliveryWorkflow;
import dev.atelier.workflows.WebhookDeliveryWorkflowImpl;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerOptions;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.flywaydb.core.Flyway;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** From an event's row to a receiver: real Postgres, real HTTP, Temporal's server skips time. */
@Timeout(600) // time is skipped, but a busy machine is slow
class WebhookDeliveryTest {

  private static final int SLOTS = 2;

  private static final String SECRET =
      Base64.getEncoder().encodeToString("a key of more than 24 bytes".getBytes(UTF_8));

  private static EmbeddedPostgres postgres;
  private static Jdbi sql;

  private TestWorkflowEnvironment environment;
  private HttpServer server;
  private final Queue<Integer> answers = new ArrayDeque<>();
  private final List<Received> received = new CopyOnWriteArrayList<>();

  private record Received(
      String path, String id, String timestamp, String signature, String body) {}

  @BeforeAll
  static void startPostgres() throws IOException {
    postgres = EmbeddedPostgres.start();
    Flyway.configure().dataSource(postgres.getPostgresDatabase()).load().migrate();
    sql = Jdbi.create(postgres.getPostgresDatabase());
  }

  @AfterAll
  static void stopPostgres() throws IOException {
    postgres.close();
  }

  @BeforeEach
  void start() throws IOException {
    sql.useHandle(
        handle -> {
          handle.execute("delete from webhook");
          handle.execute("delete from experiment");
          handle.execute(
              """
              insert into experiment (id, name, spec, stage, labels)
              values ('e', 'first', '{}', 'QUEUED', '{"team": "vision"}'),
                ('other', 'second', '{}', 'QUEUED', '{}')
              """);
        });
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::answer);
    server.start();
    environment = TestWorkflowEnvironment.newInstance();
  }

  @AfterEach
  void stop() {
    environment.close();
    server.stop(0);
  }

  /** Answers as scripted; the last answer stands for all that follow. */
  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String body = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
      var headers = exchange.getRequestHeaders();
      received.add(
          new Received(
              exchange.getRequestURI().getPath(),
              headers.getFirst("webhook-id"),
              headers.getFirst("webhook-timestamp"),
              headers.getFirst("webhook-signature"),
              body));
      exchange.getResponseHeaders().set("Location", "/elsewhere");
      exchange.sendResponseHeaders(answers.size() > 1 ? answers.remove() : answers.element(), -1);
    }
  }

  @Test
  void shouldDeliverOneSignedMessagePerEventWhenTheReceiverFailsAtFirst() throws Exception {
    webhook("w", List.of("experiment.stage"), "null", "{\"team\": \"vision\"}");
    event("e", "stage", "null", "TEACHING");
    answers.addAll(List.of(500, 302, 204));

    deliver(delivery(), true);

    assertThat(received).extracting(Received::path).containsOnly("/receiver").hasSize(3);
    assertThat(received).extracting(Received::id).containsOnly(delivery());
    assertThat(received).extracting(Received::body).containsOnly(received.get(0).body());
    assertThat(received.get(0).body())
        .matches(
            "\\{\"type\" : \"experiment.stage\", \"timestamp\" : \"20[0-9T:.-]+Z\", \"data\" : \\{.*}}")
        .contains("\"experiment\":\"e\"", "\"stage\":\"TEACHING\"", "\"name\":\"first\"")
        .doesNotContain("\"model\"");
    for (Received request : received) {
      assertThat(request.signature()).isEqualTo("v1," + openssl(request, request.body()));
      assertThat(request.signature()).isNotEqualTo("v1," + openssl(request, "{}"));
    }
    assertThat(row())
        .containsEntry("state", "DELIVERED")
        .containsEntry("attempts", 3)
        .containsEntry("status", 204)
        .doesNotContainKey("error");

    deliver(delivery(), true); // another workflow of the same delivery: it has ended
    assertThat(received).hasSize(3);
  }

  @Test
  void shouldMarkTheDeliveryAsFailedAfterADayAndKeepSecretsOutOfTheHistory() {
    webhook("w", List.of("model.failed"), "'e'", "{}");
    event("e", "model-failed", "'student-1'", "The loss is NaN.");
    answers.add(503);

    assertThatThrownBy(() -> deliver(delivery(), true)).isInstanceOf(WorkflowFailedException.class);

    assertThat(received).hasSizeBetween(15, 30);
    assertThat(received.get(0).body())
        .contains("\"model\":\"student-1\"", "\"message\":\"The loss is NaN.\"");
    assertThat(row())
        .containsEntry("state", "FAILED")
        .containsEntry("status", 503)
        .containsEntry("error", "127.0.0.1 answered 503: expected 200 to 299.");
    String history =
        readable(
            environment
                .getWorkflowClient()
                .fetchHistory(WebhookDeliveryWorkflow.workflowId(delivery()))
                .toJson(true));
    assertThat(history).contains("WEBHOOK_UNDELIVERED").contains("\"" + delivery() + "\"");
    assertThat(history).doesNotContain(SECRET).doesNotContain("/receiver");
  }

  @Test
  void shouldNotTryAgainWhenTheReceiverIsGone() {
    webhook("w", List.of("experiment.stage"), "null", "{}");
    event("e", "stage", "null", "DONE");
    answers.add(410);

    assertThatThrownBy(() -> deliver(delivery(), true)).isInstanceOf(WorkflowFailedException.class);

    assertThat(received).hasSize(1);
    assertThat(row()).containsEntry("state", "FAILED").containsEntry("status", 410);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void shouldBringOthersTheirMessagesWhileAReceiverNeverAnswers(boolean bounded) throws Exception {
    answers.add(200);
    List<Socket> asked = new CopyOnWriteArrayList<>();
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      new Thread(() -> acceptAll(silent, asked)).start();
      webhook("silent", List.of("experiment.stage"), "null", "{}");
      sql.useHandle(
          handle ->
              handle.execute(
                  "update webhook set url = ?", "http://127.0.0.1:" + silent.getLocalPort()));
      for (int message = 0; message < SLOTS + 1; message++) {
        event("e", "stage", "null", "DONE");
      }
      startWorker(true, bounded ? 1 : SLOTS + 1);
      deliveries("silent").forEach(this::start);
      int atOnce = bounded ? 1 : SLOTS;
      await(() -> asked.size() == atOnce);
      webhook("w", List.of("model.failed"), "null", "{}");
      event("e", "model-failed", "'student-1'", "The loss is NaN.");
      WorkflowStub message = start(deliveries("w").get(0));

      if (bounded) {
        message.getResult(Void.class); // within the 20 s that the silent receiver has for its one
        assertThat(asked).hasSize(1);
      } else {
        Thread.sleep(2_000); // every slot is taken
        assertThat(received).isEmpty();
      }
    }
    for (Socket each : asked) {
      each.close();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"})
  void shouldNotAskAReceiverWithAPrivateAddressUnlessThatIsPermitted(String host) {
    webhook("w", List.of("experiment.stage"), "null", "{}");
    sql.useHandle(
        handle -> handle.execute("update webhook set url = replace(url, '127.0.0.1', ?)", host));
    event("e", "stage", "null", "DONE");
    answers.add(200);
    String first = delivery();

    assertThatThrownBy(() -> deliver(first, false)).isInstanceOf(WorkflowFailedException.class);
    assertThat(received).isEmpty();
    assertThat(row()).containsEntry("state", "FAILED").containsEntry("attempts", 1);
    assertThat((String) row().get("error")).contains("has an address that is not public");

    sql.useHandle(handle -> handle.execute("delete from webhook_delivery"));
    event("e", "stage", "null", "DONE");
    environment.close();
    environment = TestWorkflowEnvironment.newInstance();
    deliver(delivery(), true);
    assertThat(received).hasSize(1);
  }

  @Test
  void shouldQueueWhatAWebhookAsksForAndNothingOfARolledBackEvent() {
    webhook("stages", List.of("experiment.stage"), "null", "{}");
    webhook("failures", List.of("model.failed"), "null", "{}");
    webhook("both-of-e", List.of("experiment.stage", "model.failed"), "'e'", "{}");
    webhook("of-other-team", List.of("experiment.stage"), "null", "{\"team\": \"audio\"}");

    event("other", "stage", "null", "DONE");
    assertThat(queued()).containsExactly("stages");
    event("e", "model-failed", "'student-2'", "It diverged.");
    assertThat(queued()).containsExactly("both-of-e", "failures", "stages");
    event("e", "model-done", "'student-2'", "");
    assertThat(queued()).hasSize(3);

    sql.useTransaction(
        handle -> {
          handle.execute(
              "insert into event (experiment_id, kind, detail) values ('e', 'stage', 'DONE')");
          handle.rollback();
        });
    assertThat(queued()).hasSize(3);
  }

  private void deliver(String id, boolean privateAddresses) {
    if (!environment.isStarted()) {
      startWorker(privateAddresses, SLOTS);
    }
    start(id).getResult(Void.class);
  }

  private void startWorker(boolean privateAddresses, int receiverSlots) {
    Worker light = environment.newWorker(TaskQueues.LIGHT);
    light.registerWorkflowImplementationTypes(WebhookDeliveryWorkflowImpl.class);
    WebhookActivitiesImpl activities =
        new WebhookActivitiesImpl(
            new WebhookHistory(postgres.getPostgresDatabase()),
            new WebhookSender(privateAddresses),
            new ReceiverBudget(receiverSlots));
    light.registerActivitiesImplementations(activities);
    environment
        .newWorker(
            TaskQueues.MESSAGES,
            WorkerOptions.newBuilder().setMaxConcurrentActivityExecutionSize(SLOTS).build())
        .registerActivitiesImplementations(activities);
    environment.start();
  }

  private WorkflowStub start(String id) {
    WorkflowStub workflow =
        environment
            .getWorkflowClient()
            .newUntypedWorkflowStub(
                "WebhookDeliveryWorkflow",
                WorkflowOptions.newBuilder()
                    .setTaskQueue(TaskQueues.LIGHT)
                    .setWorkflowId(WebhookDeliveryWorkflow.workflowId(id))
                    .build());
    workflow.start(new WebhookDeliveryWorkflow.Input(id));
    return workflow;
  }

  private static void acceptAll(ServerSocket server, List<Socket> accepted) {
    try {
      while (true) {
        accepted.add(server.accept());
      }
    } catch (IOException e) {
      // closed: the test ends
    }
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    while (!condition.getAsBoolean()) { // the test's own timeout ends it
      Thread.sleep(20);
    }
  }

  private void webhook(String id, List<String> events, String experiment, String labels) {
    sql.useHandle(
        handle ->
            handle.execute(
                """
                insert into webhook (id, url, secret, events, experiment_id, labels)
                values (?, ?, ?, string_to_array(?, ','), %s, ?::jsonb)
                """
                    .formatted(experiment),
                id,
                "http://127.0.0.1:%d/receiver".formatted(server.getAddress().getPort()),
                SECRET,
                String.join(",", events),
                labels));
  }

  private static void event(String experiment, String kind, String model, String detail) {
    sql.useHandle(
        handle ->
            handle.execute(
                "insert into event (experiment_id, kind, model_key, detail) values (?, ?, %s, ?)"
                    .formatted(model),
                experiment,
                kind,
                detail));
  }

  private static List<String> queued() {
    return sql.withHandle(
        handle ->
            handle
                .createQuery("select webhook_id from webhook_delivery order by webhook_id")
                .mapTo(String.class)
                .list());
  }

  private static List<String> deliveries(String webhook) {
    return sql.withHandle(
        handle ->
            handle
                .createQuery("select id from webhook_delivery where webhook_id = :webhook")
                .bind("webhook", webhook)
                .mapTo(String.class)
                .list());
  }

  private static String delivery() {
    return sql.withHandle(
        handle -> handle.createQuery("select id from webhook_delivery").mapTo(String.class).one());
  }

  /** The only delivery, without what is null. */
  private static Map<String, Object> row() {
    Map<String, Object> row =
        sql.withHandle(
            handle ->
                handle
                    .createQuery("select state, attempts, status, error from webhook_delivery")
                    .mapToMap()
                    .one());
    row.values().removeIf(value -> value == null);
    return row;
  }

  /** A history with its payloads, which it holds as Base64, as they are. */
  private static String readable(String history) {
    return Pattern.compile("\"data\": \"([^\"]*)\"")
        .matcher(history.replace("\\u003d", "="))
        .replaceAll(
            payload ->
                Matcher.quoteReplacement(
                    new String(Base64.getDecoder().decode(payload.group(1)), UTF_8)));
  }

  /** The signature as another program computes it. */
  private static String openssl(Received request, String body)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                "openssl",
                "dgst",
                "-sha256",
                "-mac",
                "HMAC",
                "-macopt",
                "hexkey:" + HexFormat.of().formatHex(Base64.getDecoder().decode(SECRET)),
                "-binary")
            .start();
    try (var input = process.getOutputStream()) {
      input.write("%s.%s.%s".formatted(request.id(), request.timestamp(), body).getBytes(UTF_8));
    }
    byte[] signature = process.getInputStream().readAllBytes();
    assertThat(process.waitFor()).isZero();
    return Base64.getEncoder().encodeToString(signature);
  }
}
