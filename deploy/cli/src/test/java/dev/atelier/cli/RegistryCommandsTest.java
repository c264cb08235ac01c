package dev.atelier.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.time.Instant;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RegistryCommandsTest {

  private static final String WEBHOOKS = "/api/v1/webhooks";
  private static final String TOKENS = "/api/v1/tokens";

  private StubApi api;

  @BeforeEach
  void serve() throws Exception {
    api = new StubApi();
  }

  @AfterEach
  void stop() {
    api.close();
  }

  @Test
  void shouldListTeachersAndDatasets() throws Exception {
    api.answer(
            "GET /api/v1/teachers",
            200,
            """
            {"items": [{"id": "20261122-230513-5232ab", "name": "first", "step": 800,
              "parameters": 35, "distance": 4.19, "usedBy": ["a", "b"], "use": {"seed": 1}},
              {"id": "20261122-230513-5233", "name": "imported", "step": 0, "usedBy": []}]}\
            """)
        .answer(
            "GET /api/v1/datasets",
            200,
            """
            {"items": [{"sha256": "abcdefabcdefabcdef", "images": 50000, "resolution": 32,
              "channels": 3, "skipped": 0, "classes": 10, "sources": ["cifar10"],
              "experiments": 7}]}\
            """);
    CommandOutput teachers = CommandOutput.of("teachers", "--url", api.url());
    assertThat(teachers.exitCode()).isZero();
    assertThat(teachers.out())
        .containsPattern("20261122-230513-5232ab +first +800 +35 +4.190 +2 +yes");
    assertThat(teachers.out()).containsPattern("imported +0 +– +– +0 +no");
    CommandOutput datasets = CommandOutput.of("datasets", "--url", api.url());
    assertThat(datasets.out()).containsPattern("abcdefabcdef +50000 +3×32×32 +10 +0 +7 +cifar10");
    CommandOutput json = CommandOutput.of("teachers", "-o", "json", "--url", api.url());
    assertThat(new ObjectMapper().readTree(json.out()).path("items")).hasSize(2);
  }

  @Test
  void shouldListWorkersWithWhatTheyAreAt() {
    api.answer(
        "GET /api/v1/workers",
        200,
        """
        {"items": [
          {"id": "a@1", "name": "a", "here": true, "taskQueues": ["atelier", "atelier-gpu"],
            "device": "cuda:0", "deviceMemoryBytes": 85899345920, "threads": 4,
            "startedAt": "2026-11-30T10:00:00Z", "seenAt": "2026-11-30T12:00:00Z",
            "doing": [{"activity": "TrainStudent", "experiment": "e-1", "model": "student-2",
              "since": "2026-11-30T11:00:00Z"}]},
          {"id": "b@1", "name": "b", "here": false, "taskQueues": ["atelier-cpu"], "device": "cpu",
            "threads": 1, "startedAt": "2026-11-30T10:00:00Z", "seenAt": "2026-11-30T10:30:00Z",
            "doing": []}]}\
        """);
    assertThat(CommandOutput.of("workers", "--url", api.url()).out())
        .containsPattern(
            "a +now +cuda:0 +80.0 GiB +4 +atelier atelier-gpu +TrainStudent e-1 student-2 since"
                + " "
                + time("2026-11-30T11:00:00Z"))
        .containsPattern(
            "b +%s +cpu +– +1 +atelier-cpu +–".formatted(time("2026-11-30T10:30:00Z")));
  }

  @Test
  void shouldShowAndSetWhatProjectsMayHaveAndWhatTheyCost() {
    String vision =
        """
        {"project": "vision", "quota": {"devicesAtOnce": 2, "gpuHoursPerMonth": 100.5},
          "used": {"devices": 1, "waiting": 3, "gpuHours": 7.25, "cpuHours": 0.0,
            "storedBytes": 1073741824, "experiments": 4}}\
        """;
    api.answer("GET /api/v1/projects", 200, "{\"items\": [%s]}".formatted(vision))
        .answer("GET /api/v1/projects/vision/quota", 200, vision)
        .answer("PUT /api/v1/projects/vision/quota", 200, vision)
        .answer(
            "GET /api/v1/projects/vision/usage",
            200,
            """
            {"items": [{"project": "vision", "month": "2026-12", "gpuHours": 7.25, "cpuHours": 1,
              "gibMonths": 0.5, "cost": 15.0, "currency": "EUR"},
              {"project": "vision", "month": "2026-11", "gpuHours": 1, "cpuHours": 0,
              "gibMonths": 0}]}\
            """);
    assertThat(CommandOutput.of("projects", "ls", "--url", api.url()).out())
        .containsPattern("vision +4 +1 of 2 +3 +7.25 of 100.50 +0.00 +1.00 GiB");
    CommandOutput set =
        CommandOutput.of(
            "projects",
            "set",
            "vision",
            "--devices-at-once=none",
            "--experiments-waiting=10",
            "--url=" + api.url());
    assertThat(set.exitCode()).isZero();
    assertThat(api.asked().get(2).method()).isEqualTo("PUT");
    assertThat(api.asked().get(2).body())
        .isEqualTo("{\"gpuHoursPerMonth\":100.5,\"experimentsWaiting\":10}");
    CommandOutput wrong =
        CommandOutput.of("projects", "set", "vision", "--stored-bytes=1 GB", "--url=" + api.url());
    assertThat(wrong.exitCode()).isEqualTo(ExitCodes.USAGE);
    assertThat(wrong.err()).contains("--stored-bytes must be a number or 'none', found '1 GB'.");
    assertThat(CommandOutput.of("projects", "usage", "vision", "--url", api.url()).out())
        .containsPattern("2026-12 +7.25 +1.00 +0.50 +15.00 EUR")
        .containsPattern("2026-11 +1.00 +0.00 +0.00 +–");
  }

  @Test
  void shouldMakeListTryAndDeleteAWebhook() {
    api.answer("POST " + WEBHOOKS, 201, "{\"id\": \"wh-1\", \"secret\": \"whsec_abc\"}")
        .answer(
            "GET " + WEBHOOKS,
            200,
            """
            {"items": [{"id": "wh-1", "form": "signed", "url": "https://example.org/x",
              "recipients": [], "events": ["model.failed"], "labels": {"team": "vision"}},
              {"id": "wh-2", "project": "vision", "form": "email",
              "recipients": ["a@example.org", "b@example.org"], "events": ["model.failed"]}]}\
            """)
        .answer("POST " + WEBHOOKS + "/wh-1/test", 202, "{\"id\": \"wh-1-test-1\"}")
        .answer(
            "GET " + WEBHOOKS + "/wh-1/deliveries",
            200,
            """
            {"items": [{"id": "wh-1-test-1", "type": "webhook.test", "state": "FAILED",
              "attempts": 3, "status": 503, "error": "example.org answered 503.",
              "createdAt": "2026-11-23T12:00:00Z"}]}\
            """)
        .answer("DELETE " + WEBHOOKS + "/wh-1", 204, "");

    CommandOutput added =
        CommandOutput.of(
            "webhooks",
            "add",
            "https://example.org/x",
            "--event=model.failed",
            "--label=team=vision",
            "--url=" + api.url());
    assertThat(added.exitCode()).isZero();
    assertThat(added.out()).contains("wh-1").contains("whsec_abc");
    assertThat(api.asked().get(0).body())
        .isEqualTo(
            "{\"url\":\"https://example.org/x\",\"events\":[\"model.failed\"],\"labels\":{\"team\":\"vision\"}}");
    assertThat(CommandOutput.of("webhooks", "ls", "--url", api.url()).out())
        .containsPattern("wh-1 +all +signed +https://example.org/x +model.failed +all +team:vision")
        .containsPattern("wh-2 +vision +email +a@example.org,b@example.org +model.failed +all");
    assertThat(CommandOutput.of("webhooks", "test", "wh-1", "--url", api.url()).exitCode())
        .isZero();
    assertThat(CommandOutput.of("webhooks", "deliveries", "wh-1", "--url", api.url()).out())
        .containsPattern("webhook.test +– +FAILED +3 +503 +wh-1-test-1 +example.org answered 503.");
    assertThat(CommandOutput.of("webhooks", "rm", "wh-1", "--url", api.url()).exitCode()).isZero();
    assertThat(CommandOutput.of("webhooks", "rm", "wh-2", "--url", api.url()).exitCode())
        .isEqualTo(ExitCodes.NOT_FOUND);
  }

  @Test
  void shouldMakeWebhooksForSlackAndMailsInAProject() throws Exception {
    api.answer("POST " + WEBHOOKS, 201, "{\"id\": \"wh-1\", \"form\": \"slack\"}");
    InputStream before = System.in;
    System.setIn(new ByteArrayInputStream("https://hooks.slack.com/T0/B0/key\n".getBytes(UTF_8)));
    CommandOutput slack;
    try {
      slack =
          CommandOutput.of(
              "webhooks", "add", "-", "--form=slack", "--project=vision", "--url=" + api.url());
    } finally {
      System.setIn(before);
    }
    assertThat(slack.exitCode()).isZero();
    assertThat(slack.out()).contains("Made webhook wh-1.").doesNotContain("secret", "T0/B0/key");
    assertThat(api.asked().get(0).uri()).isEqualTo(WEBHOOKS + "?project=vision");
    assertThat(api.asked().get(0).body())
        .isEqualTo(
            "{\"form\":\"slack\",\"url\":\"https://hooks.slack.com/T0/B0/key\",\"labels\":{}}");

    CommandOutput.of(
        "webhooks", "add", "--to=a@example.org", "--to=b@example.org", "--url=" + api.url());
    assertThat(api.asked().get(1).body())
        .isEqualTo(
            "{\"form\":\"email\",\"recipients\":[\"a@example.org\",\"b@example.org\"],\"labels\":{}}");
  }

  @Test
  void shouldMakeListAndRevokeATokenOfOnesOwn() throws Exception {
    String own = "/api/v1/me/tokens";
    api.answer("POST " + own, 201, "{\"token\": \"atl_abc\", \"created\": {\"id\": \"t-1\"}}")
        .answer(
            "GET " + own,
            200,
            """
            {"items": [{"id": "t-1", "name": "nightly", "role": "viewer", "projects": ["vision"],
              "createdBy": "oidc ada", "createdAt": "2026-11-23T12:00:00Z",
              "lastUsedAt": "2026-11-24T12:00:00Z"}]}\
            """)
        .answer("DELETE " + own + "/t-1", 204, "");

    CommandOutput made =
        CommandOutput.of("tokens", "create", "nightly", "--mine", "--url=" + api.url());
    assertThat(made.exitCode()).as(made.out()).isZero();
    assertThat(made.out()).contains("t-1").contains("atl_abc");
    assertThat(api.asked().get(0).body()).isEqualTo("{\"name\":\"nightly\",\"projects\":[]}");
    assertThat(CommandOutput.of("tokens", "ls", "--mine", "--url=" + api.url()).out())
        .containsPattern(
            "t-1 +nightly +viewer +vision +oidc ada +%s +never +%s +–"
                .formatted(time("2026-11-23T12:00:00Z"), time("2026-11-24T12:00:00Z")));
    assertThat(
            CommandOutput.of("tokens", "revoke", "t-1", "--mine", "--url=" + api.url()).exitCode())
        .isZero();
  }

  @Test
  void shouldMakeListAndRevokeATokenAndShowWhoDidWhat() {
    api.answer("POST " + TOKENS, 201, "{\"token\": \"atl_abc\", \"created\": {\"id\": \"t-1\"}}")
        .answer(
            "GET " + TOKENS,
            200,
            """
            {"items": [{"id": "t-1", "name": "ci", "role": "operator", "projects": ["vision"],
              "createdBy": "ada", "createdAt": "2026-11-23T12:00:00Z"}]}\
            """)
        .answer("DELETE " + TOKENS + "/t-1", 204, "")
        .answer(
            "GET /api/v1/whoami",
            200,
            "{\"name\": \"ci\", \"role\": \"operator\", \"projects\": [\"vision\"]}")
        .answer(
            "GET /api/v1/audit",
            200,
            """
            {"items": [{"at": "2026-11-23T12:00:00Z", "actor": "ada", "role": "admin",
              "address": "10.0.0.7", "action": "createToken", "subjectId": "t-1",
              "outcome": "DONE", "detail": "ci"}]}\
            """);

    CommandOutput made =
        CommandOutput.of(
            "tokens",
            "create",
            "ci",
            "--role=operator",
            "--project=vision",
            "--expires-in-days=30",
            "--url=" + api.url());
    assertThat(made.exitCode()).isZero();
    assertThat(made.out()).contains("t-1").contains("atl_abc");
    assertThat(api.asked().get(0).body())
        .isEqualTo(
            "{\"name\":\"ci\",\"role\":\"operator\",\"projects\":[\"vision\"],\"expiresInDays\":30}");
    assertThat(CommandOutput.of("tokens", "ls", "--url", api.url()).out())
        .containsPattern(
            "t-1 +ci +operator +vision +ada +%s +never +never +–"
                .formatted(time("2026-11-23T12:00:00Z")));
    assertThat(CommandOutput.of("whoami", "--url", api.url()).out())
        .contains("ci, operator of vision");
    assertThat(CommandOutput.of("audit", "--subject=t-1", "--url=" + api.url()).out())
        .containsPattern("ada +admin +10.0.0.7 +createToken +t-1 +DONE +ci");
    assertThat(api.asked().get(api.asked().size() - 1).uri()).contains("subject=t-1");
    assertThat(CommandOutput.of("tokens", "revoke", "t-1", "--url", api.url()).exitCode()).isZero();
    assertThat(CommandOutput.of("tokens", "revoke", "t-2", "--url", api.url()).exitCode())
        .isEqualTo(ExitCodes.NOT_FOUND);
  }

  private static String time(String utc) {
    return Pattern.quote(TimeText.of(Instant.parse(utc)));
  }
}
