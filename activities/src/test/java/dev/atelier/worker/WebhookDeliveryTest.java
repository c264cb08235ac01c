package dev.atelier.worker;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.atelier.store.WebhookHistory;
import dev.atelier.webhook.MailServer;
import dev.atelier.webhook.ReceiverBudget;
import dev.atelier.webhook.SlackSchema;
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
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.subethamail.smtp.RejectException;
import org.subethamail.smtp.server.SMTPServer;

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
  private MailServer mails; // null: none is set
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
            "\\{\"type\" : \"experiment.stage\", \"timestamp\" : \"20[0-9T:.-]+Z\", \"data\" :"
                + " \\{.*}}")
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
    String history = historyOf(delivery());
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
  @CsvSource({
    "127.0.0.1, SIGNED",
    "localhost, SIGNED",
    "[::ffff:127.0.0.1], SIGNED",
    "2130706433, SIGNED",
    "127.0.0.1, SLACK",
    "localhost, SLACK"
  })
  void shouldNotAskAReceiverWithAPrivateAddressUnlessThatIsPermitted(String host, String form) {
    webhook("w", List.of("experiment.stage"), "null", "{}");
    sql.useHandle(
        handle -> {
          handle.execute("update webhook set url = replace(url, '127.0.0.1', ?)", host);
          handle.execute("update webhook set form = ?", form);
          handle.execute("update webhook set secret = url where form = 'SLACK'");
        });
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
  void shouldPostWhatSlackTakesAndGiveUpWhenItsWebhookIsGone() throws Exception {
    webhook("w", List.of("model.failed"), "null", "{}");
    sql.useHandle(
        handle ->
            handle.execute(
                """
                update webhook
                set form = 'SLACK', secret = url || '/key', url = replace(url, '/receiver', '')
                """));
    event("e", "model-failed", "'student-1'", "The loss is NaN.");
    answers.addAll(List.of(429, 200));
    deliver(delivery(), true);

    assertThat(received).extracting(Received::path).containsOnly("/receiver/key").hasSize(2);
    assertThat(received).extracting(Received::signature).containsOnlyNulls();
    JsonNode body = new ObjectMapper().readTree(received.get(0).body());
    assertThat(SlackSchema.faults(body)).isEmpty();
    assertThat(body.path("text").asText()).isEqualTo("first: student-1 failed");
    assertThat(received.get(0).body()).contains("The loss is NaN.");

    sql.useHandle(handle -> handle.execute("delete from webhook_delivery"));
    event("e", "model-failed", "'student-2'", "The loss is NaN.");
    answers.clear();
    answers.add(404);
    assertThatThrownBy(() -> deliver(delivery(), true)).isInstanceOf(WorkflowFailedException.class);
    assertThat(received).hasSize(3);
    assertThat(row())
        .containsEntry("state", "FAILED")
        .containsEntry("error", "127.0.0.1 answered 404: expected 200 to 299.");
    assertThat(historyOf(delivery())).contains("WEBHOOK_REFUSED").doesNotContain("/receiver");
  }

  @Test
  void shouldNotTellWhereSlackIsAskedWhenAConnectionBreaks() throws Exception {
    try (ServerSocket broken = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      new Thread(() -> closeAll(broken)).start();
      webhook("w", List.of("experiment.stage"), "null", "{}");
      sql.useHandle(
          handle ->
              handle.execute(
                  "update webhook set form = 'SLACK', url = ?, secret = ?",
                  "http://127.0.0.1:" + broken.getLocalPort(),
                  "http://127.0.0.1:%d/T0/B0/key".formatted(broken.getLocalPort())));
      event("e", "stage", "null", "DONE");
      String id = delivery();
      assertThatThrownBy(() -> deliver(id, true)).isInstanceOf(WorkflowFailedException.class);
      assertThat((String) row().get("error")).startsWith("127.0.0.1 could not be reached");
      assertThat(row().get("error") + historyOf(id)).doesNotContain("/T0", "B0/key");
    }
  }

  @Test
  void shouldMailEachRecipientUntilTheServerTakesIt() throws Exception {
    List<String> asked = new CopyOnWriteArrayList<>();
    SMTPServer smtp =
        SMTPServer.port(0)
            .bindAddress(InetAddress.getLoopbackAddress())
            .hostName("localhost")
            .messageHandler(
                (context, from, to, data) -> {
                  asked.add(to);
                  if (to.startsWith("bob") || Collections.frequency(asked, to) < 3) {
                    throw new RejectException(to.startsWith("bob") ? 550 : 451, "Not now, " + to);
                  }
                })
            .build();
    smtp.start();
    try {
      mails =
          new MailServer(
              "localhost",
              smtp.getPortAllocated(),
              MailServer.Security.NONE,
              Optional.empty(),
              Optional.empty(),
              "atelier@example.org");
      webhook("w", List.of("experiment.stage"), "null", "{}");
      sql.useHandle(
          handle ->
              handle.execute(
                  """
                  update webhook set form = 'EMAIL', secret = '', url = 'mailto:ada@example.org',
                    recipients = '{ada@example.org,bob@example.org}'
                  """));
      event("e", "stage", "null", "DONE");
      List<String> queued = deliveries("w").stream().sorted().toList();
      assertThat(queued).hasSize(2);

      deliver(queued.get(0), true);
      assertThatThrownBy(() -> deliver(queued.get(1), true))
          .isInstanceOf(WorkflowFailedException.class);

      assertThat(asked)
          .containsExactly(
              "ada@example.org", "ada@example.org", "ada@example.org", "bob@example.org");
      assertThat(states()).containsExactly("DELIVERED 250", "FAILED 550");
      assertThat(historyOf(queued.get(0)) + historyOf(queued.get(1)))
          .contains("answered 550")
          .doesNotContain("ada@", "bob@");
    } finally {
      smtp.stop();
    }
  }

  @Test
  void shouldKeepMailsUntilAMailServerIsSet() {
    webhook("w", List.of("experiment.stage"), "null", "{}");
    sql.useHandle(
        handle ->
            handle.execute(
                "update webhook set form = 'EMAIL', url = 'mailto:a@b.c', recipients = '{a@b.c}'"));
    event("e", "stage", "null", "DONE");
    assertThatThrownBy(() -> deliver(delivery(), true)).isInstanceOf(WorkflowFailedException.class);
    assertThat((int) row().get("attempts")).isGreaterThan(10);
    assertThat(row())
        .containsEntry("error", "The worker has no mail server: set atelier.mail.host.");
  }

  @Test
  void shouldTellAProjectOfItsOwnExperimentsAlone() {
    for (String id : List.of("of-vision", "of-audio", "of-all")) {
      webhook(id, List.of("experiment.stage"), "null", "{}");
    }
    webhook("of-audio-and-e", List.of("experiment.stage"), "'e'", "{}");
    sql.useHandle(
        handle -> {
          handle.execute("update webhook set project = 'vision' where id = 'of-vision'");
          handle.execute("update webhook set project = 'audio' where id like 'of-audio%'");
          handle.execute("update experiment set project = 'vision' where id = 'e'");
          handle.execute("update experiment set project = 'audio' where id = 'other'");
        });
    event("e", "stage", "null", "DONE");
    assertThat(queued()).containsExactly("of-all", "of-vision");
    event("other", "stage", "null", "DONE");
    assertThat(queued()).containsExactly("of-all", "of-all", "of-audio", "of-vision");
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
            new WebhookSender(privateAddresses, Optional.ofNullable(mails), Optional.empty()),
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

  private static void closeAll(ServerSocket server) {
    try {
      while (true) {
        server.accept().close();
      }
    } catch (IOException e) {
      // closed: the test ends
    }
  }

  private String historyOf(String delivery) {
    return readable(
        environment
            .getWorkflowClient()
            .fetchHistory(WebhookDeliveryWorkflow.workflowId(delivery))
            .toJson(true));
  }

  private static List<String> states() {
    return sql.withHandle(
        handle ->
            handle
                .createQuery("select state || ' ' || status from webhook_delivery order by id")
                .mapTo(String.class)
                .list());
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
