package dev.atelier.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.atelier.deploy.Programs;
import dev.atelier.network.libtorch.Libtorch;
import dev.atelier.network.libtorch.TorchModule;
import dev.atelier.network.tensors.HostTensor;
import dev.atelier.network.tensors.SafetensorsFile;
import dev.atelier.store.objects.Sha256;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A whole experiment over REST on the real stack: real Postgres, S3 server, Temporal, api and
 * worker processes. One worker is killed, one student is poisoned and retried.
 */
@Timeout(1800)
class ExperimentIT {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long POLL_MILLIS = 100;
  private static final int STEPS = 600;
  private static final int MANY = 200; // a workflow of Temporal's takes 10 updates at once

  // Student 2 cannot but diverge: its learning rate is beyond any sense.
  private static final String SPEC =
      """
      name: integration
      seed: 3
      dataset: {source: "shapes?count=256&seed=1", resolution: 8}
      diffusion: {timesteps: 100}
      teacher:
        network: {channels: 16, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4], groups: 4}
        training: {steps: 60, batchSize: 8, warmupSteps: 5, learningRate: 1.0e-3, emaDecay: 0.9,
          checkpointEverySteps: 20, metricsEverySteps: 10}
      students:
        count: 2
        network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4], groups: 4}
        training: {steps: %d, batchSize: 8, warmupSteps: 5, learningRate: 1.0e-3, emaDecay: 0.9,
          checkpointEverySteps: 50, metricsEverySteps: 10}
        overrides: [{student: 2, training: {learningRate: 1.0e+30}}]
        oneToOneBaseline: true
      evaluation:
        samples: 200
        batchSize: 16
        samplesPerShard: 64
        gridRows: 2
        gridColumns: 4
        sampler: {steps: 5, spacing: uniform}
      scheduling: {priority: 2, fairnessKey: tests, fairnessWeight: 2}
      merge: {kind: greedy, memoryBudget: 0.5, samples: 200}
      search: {evaluations: 4, samples: 200}
      """
          .formatted(STEPS);

  private final HttpClient http = HttpClient.newHttpClient();
  private Endpoints endpoints;

  @Test
  void shouldFinishWhenAWorkerIsKilledAndAPoisonedStudentIsRetried(@TempDir Path directory)
      throws Exception {
    Path data = directory.resolve("data");
    String id;
    try (LocalStack stack = StackUnderTest.prepare(data);
        WebhookReceiver receiver = new WebhookReceiver()) {
      endpoints = stack.start();
      String secret = addWebhook(receiver.url());
      id = launch(SPEC, "integration");

      JsonNode running =
          await(id, e -> "RUNNING".equals(state(e, "student-1")) && step(e, "student-1") >= 50);
      String worker = model(running, "student-1").get("worker").asText();
      long victim = stack.pid(worker).orElseThrow();
      assertThat(ProcessHandle.of(victim).orElseThrow().destroyForcibly()).isTrue();

      JsonNode waiting = await(id, e -> "AWAITING_RETRY".equals(e.get("stage").asText()));
      assertThat(state(waiting, "student-1")).isEqualTo("DONE");
      assertThat(model(waiting, "student-1").get("attempts").asInt()).isGreaterThanOrEqualTo(2);
      assertThat(state(waiting, "one-to-one")).isEqualTo("DONE");
      assertThat(state(waiting, "student-2")).isEqualTo("FAILED");
      JsonNode error = model(waiting, "student-2").get("error");
      assertThat(error.get("type").asText()).isEqualTo("DIVERGED");
      assertThat(error.get("message").asText()).contains("student-2 diverged at step");
      assertThat(model(waiting, "student-2").get("attempts").asInt()).isEqualTo(1);

      retry(id, "student-2", "{\"learningRate\": 0.001}");
      JsonNode done = await(id, e -> "DONE".equals(e.get("stage").asText()));

      checkRows(id);
      receiver.await(
          secret,
          Set.of(
              "experiment.stage TRAINING_TEACHER",
              "model.failed student-2",
              "experiment.stage AWAITING_RETRY",
              "experiment.stage DONE"));
      checkEvaluations(done);
      Path export = directory.resolve("export");
      download(done, export);
      checkExport(export);
      checkTheReportsSpec(done);
    }

    try (LocalStack stack = StackUnderTest.prepare(data)) {
      endpoints = stack.start();
      JsonNode again = show(id);
      assertThat(again.get("stage").asText()).isEqualTo("DONE");
      assertThat(again.get("evaluations")).hasSize(4);
      assertThat(again.get("schedules")).hasSize(4);
      byte[] grid = get("/api/v1/experiments/" + id + "/samples/o2mkd.png");
      assertThat(ImageIO.read(new java.io.ByteArrayInputStream(grid)).getWidth()).isGreaterThan(32);

      checkSpecialists(directory.resolve("export"), directory.resolve("specialists"));
      checkThatAnArchiveHasNoFeatures(directory.resolve("export"));
      checkStudy();
      checkPause();
      checkManyRequestsAtOnce();
    }
  }

  private static final String OF_TEXTS =
      "{channels: 16, multipliers: [1, 2], resBlocks: 1, groups: 4, variant: diffusers,"
          + " attentionHeads: 2, crossAttention: {width: 64, tokens: 16}, blocks: {down: [plain,"
          + " cross-attention], middle: cross-attention, up: [cross-attention, plain]}}";

  // As SPEC, of texts: each student is an update of the one-to-one student.
  private static final String LOW_RANK =
      """
      name: low-rank
      seed: 3
      reuse: never
      dataset: {source: "shapes?count=256&seed=1", resolution: 8, captions: {}}
      diffusion: {timesteps: 100}
      teacher:
        partsFrom: random-clip
        network: %1$s
        training: {steps: 20, batchSize: 8, warmupSteps: 5, learningRate: 1.0e-3, emaDecay: 0.9,
          horizontalFlips: false, conditioningDropout: 0.1}
      students:
        count: 2
        sharing: lora
        rank: 1
        network: %1$s
        training: {steps: 100, batchSize: 8, warmupSteps: 5, learningRate: 1.0e-2, emaDecay: 0.9,
          horizontalFlips: false, conditioningDropout: 0.1, checkpointEverySteps: 50, metricsEverySteps: 10}
        overrides: [{student: 2, training: {learningRate: 1.0e+30}}]
        oneToOneBaseline: true
      evaluation:
        samples: 200
        batchSize: 50
        gridRows: 2
        gridColumns: 4
        guidance: 2
        prompts: %2$s
        clip: {source: %3$s}
        sampler: {steps: 5, spacing: uniform}
      """;

  private static final Path CLIP =
      StackUnderTest.ROOT.resolve("activities/src/test/resources/clip/model");
  private static final Set<String> PROMPTS = Set.of("a red circle", "a cat", "two dogs");

  // Annotations of COCO: a prompt is a caption of an image.
  private static final String ANNOTATIONS =
      """
      {"images": [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "2.jpg"}],
       "annotations": [
         {"id": 7, "image_id": 1, "caption": "a red circle"}, {"id": 8, "image_id": 1, "caption": "a cat"},
         {"id": 9, "image_id": 2, "caption": "two dogs"}]}
      """;

  /**
   * Students that share a network, and prompts of COCO's annotations: from a spec to files that
   * diffusers and peft load, with a student retried on the way.
   */
  @Test
  void shouldExportLowRankStudentsThatDiffusersLoads(@TempDir Path directory) throws Exception {
    Path prompts = Files.writeString(directory.resolve("captions_val2014.json"), ANNOTATIONS);
    try (LocalStack stack = StackUnderTest.prepare(directory.resolve("data"))) {
      endpoints = stack.start();
      String id = launch(LOW_RANK.formatted(OF_TEXTS, prompts, CLIP), "low-rank");
      JsonNode waiting = await(id, e -> "AWAITING_RETRY".equals(e.get("stage").asText()));
      assertThat(state(waiting, "student-1")).isEqualTo("DONE");
      assertThat(model(waiting, "student-2").get("error").get("type").asText())
          .isEqualTo("DIVERGED");
      retry(id, "student-2", "{\"learningRate\": 0.01}");
      JsonNode done = await(id, e -> "DONE".equals(e.get("stage").asText()));
      assertThat(model(done, "student-1").get("attempts").asInt()).isEqualTo(1);

      checkPrompted(done);
      Path export = directory.resolve("export");
      keep(done, export);
      checkUpdates(export);
    }
  }

  /** Two updates beside one network are less than two networks, and all are judged by CLIP. */
  private void checkPrompted(JsonNode done) throws Exception {
    Map<String, Long> weights = new HashMap<>();
    Map<String, Long> parameters = new HashMap<>();
    for (JsonNode evaluation : done.get("evaluations")) {
      String subject = evaluation.get("subject").asText();
      weights.put(subject, evaluation.get("weightsBytes").asLong());
      parameters.put(subject, evaluation.get("parameters").asLong());
      assertThat(evaluation.get("metrics").get("clipScore").asDouble()).isBetween(0.0, 100.0);
      assertThat(evaluation.get("metrics").get("clipDistance").asDouble()).isPositive();
      assertThat(evaluation.get("protocol").get("promptsSha256").asText()).hasSize(64);
    }
    assertThat(weights).containsOnlyKeys("teacher", "one-to-one", "o2mkd");
    for (Map<String, Long> size : List.of(weights, parameters)) {
      assertThat(size.get("o2mkd"))
          .isBetween(size.get("one-to-one") + 1, size.get("one-to-one") * 3 / 2);
    }
    JsonNode shown =
        JSON.readTree(
            get(
                "/api/v1/experiments/%s/artifacts/prompts-o2mkd.json"
                    .formatted(done.get("id").asText())));
    assertThat(shown.get("prompts")).hasSize(8).allMatch(p -> PROMPTS.contains(p.asText()));
    byte[] report =
        get("/api/v1/experiments/%s/artifacts/report.html".formatted(done.get("id").asText()));
    assertThat(new String(report, StandardCharsets.UTF_8)).contains("CLIP score", "CMMD");
  }

  /** A student is its own network, the shared one with its LoRA, and its part of the ensemble. */
  private static void checkUpdates(Path export) throws Exception {
    assertThat(export.resolve("student-1/pytorch_lora_weights.safetensors").toFile().length())
        .isLessThan(export.resolve("student-1.safetensors").toFile().length() / 2);
    python(
        export,
        """
        import os, torch
        os.environ.update(HF_HOME=os.path.abspath("hf"), HF_HUB_OFFLINE="1")
        from diffusers import UNet2DConditionModel
        torch.manual_seed(1)
        x, text = torch.randn(1, 3, 8, 8), torch.randn(1, 16, 64)
        folder = lambda name: UNet2DConditionModel.from_pretrained(name, subfolder="unet")
        with torch.no_grad():
            for name, t in [("student-1", torch.tensor([7])), ("student-2", torch.tensor([93]))]:
                wanted = torch.jit.load(name + ".pt")(x, t, text)
                shared = folder("one-to-one")
                assert (shared(x, t, text).sample - wanted).abs().max() > 1e-3
                shared.load_lora_adapter(name, prefix="unet", weight_name="pytorch_lora_weights.safetensors")
                for found in [folder(name)(x, t, text).sample, shared(x, t, text).sample,
                              torch.jit.load("ensemble.pt")(x, t, text)]:
                    assert (found - wanted).abs().max() < 1e-4, (name, (found - wanted).abs().max())
        """);
  }

  // A student of more steps than it does while a request for it, or word of one, is on its way.
  private static final String TINY =
      """
      name: tiny
      reuse: never
      dataset: {source: "shapes?count=256&seed=1", resolution: 8}
      diffusion: {timesteps: 100}
      teacher:
        network: {channels: 16, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
        training: {steps: 10, batchSize: 8, warmupSteps: 5, metricsEverySteps: 5}
      students:
        count: 1
        network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
        training: {steps: 2000, batchSize: 8, warmupSteps: 5, metricsEverySteps: 5}
      evaluation:
        {samples: 200, gridRows: 2, gridColumns: 4, sampler: {steps: 5, spacing: uniform}}
      """;

  /** A student whose training was paused ends with the bits of one that was not. */
  private void checkPause() throws Exception {
    String plain = launch(TINY, "plain");
    await(plain, e -> "DONE".equals(state(e, "student-1")));
    String paused = launch(TINY, "paused");
    await(paused, e -> "RUNNING".equals(state(e, "student-1")) && step(e, "student-1") >= 5);
    ask(paused, "pause");
    JsonNode held = await(paused, e -> !"RUNNING".equals(state(e, "student-1")));
    assertThat(held.get("paused").asBoolean()).isTrue();
    assertThat(state(held, "student-1")).isEqualTo("PENDING");
    assertThat(step(held, "student-1")).isBetween(5, 1999);

    ask(paused, "resume");
    JsonNode done = await(paused, e -> "DONE".equals(e.get("stage").asText()));
    assertThat(model(done, "student-1").get("attempts").asInt()).isEqualTo(2);
    assertThat(sha256(done, "student-1.pt"))
        .isEqualTo(
            sha256(await(plain, e -> "DONE".equals(e.get("stage").asText())), "student-1.pt"))
        .isNotEqualTo(sha256(done, "teacher.pt"));
  }

  private void ask(String id, String what) throws Exception {
    accepted(request(id, what));
  }

  private HttpRequest request(String id, String what) {
    return StackUnderTest.request(endpoints, "/api/v1/experiments/" + id + "/" + what)
        .POST(BodyPublishers.noBody())
        .build();
  }

  /** More than one workflow serves: who is not served is told to come back, and it is all noted. */
  private void checkManyRequestsAtOnce() throws Exception {
    String id = launch(TINY, "asked by many");
    await(id, e -> "RUNNING".equals(state(e, "student-1")));
    HttpClient connections = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    List<CompletableFuture<HttpResponse<String>>> asked = new ArrayList<>();
    for (int i = 0; i < MANY; i++) {
      HttpRequest request = request(id, i % 2 == 0 ? "pause" : "resume");
      asked.add(connections.sendAsync(request, BodyHandlers.ofString()));
    }
    Map<Integer, Integer> answers = new TreeMap<>();
    for (CompletableFuture<HttpResponse<String>> each : asked) {
      HttpResponse<String> answer = each.get();
      answers.merge(answer.statusCode(), 1, Integer::sum);
      if (Set.of(429, 503).contains(answer.statusCode())) {
        assertThat(answer.headers().firstValue("Retry-After")).as(answer.body()).isPresent();
      }
    }
    System.out.printf("%d pauses and resumes at once: %s%n", MANY, answers);
    assertThat(answers.keySet()).as("%s", answers).isSubsetOf(202, 409, 429, 503).contains(202);

    try (Connection database = database()) {
      String entries =
          "select count(*) from audit where action in ('pauseExperiment', 'resumeExperiment')"
              + " and subject_id = '%s' and outcome ".formatted(id);
      assertThat(number(database, entries + "= 'ASKED'")).isEqualTo(MANY);
      assertThat(number(database, entries + "<> 'ASKED'")).as("what became of it").isEqualTo(MANY);
      assertThat(number(database, entries + "= 'DONE'")).isGreaterThanOrEqualTo(answers.get(202));
    }
    ask(id, "cancel");
  }

  private Connection database() throws SQLException, IOException {
    String password = StackUnderTest.credentials(endpoints).getProperty("postgres.password");
    return DriverManager.getConnection(endpoints.postgresUrl(), endpoints.postgresUser(), password);
  }

  private static String sha256(JsonNode experiment, String artifact) {
    for (JsonNode each : experiment.get("artifacts")) {
      if (each.get("name").asText().equals(artifact)) {
        return each.get("sha256").asText();
      }
    }
    throw new AssertionError("There is no artifact " + artifact);
  }

  private static final String STUDY =
      """
      name: feature-losses
      seeds: [5]
      axes:
        - name: feature loss
          choices:
            - {label: none}
            - {label: hint, set: {students.loss.feature.kind: hint}}
      base:
        dataset: {source: "shapes?count=256&seed=1", resolution: 8}
        diffusion: {timesteps: 100}
        teacher:
          network: {channels: 16, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
          training: {steps: 20, batchSize: 8, warmupSteps: 5, metricsEverySteps: 5}
        students:
          count: 1
          network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
          training: {steps: 20, batchSize: 8, warmupSteps: 5, metricsEverySteps: 5}
        evaluation:
          {samples: 200, gridRows: 2, gridColumns: 4, sampler: {steps: 5, spacing: uniform}}
      """;

  /** Two experiments of one study: they share the teacher, and the report shows both. */
  private void checkStudy() throws Exception {
    String id =
        accepted(
                StackUnderTest.request(endpoints, "/api/v1/studies")
                    .header("Content-Type", "application/yaml")
                    .POST(BodyPublishers.ofString(STUDY))
                    .build())
            .get("id")
            .asText();
    String path = "/api/v1/studies/" + id;
    JsonNode study = JSON.readTree(get(path));
    while (!List.of("DONE", "FAILED", "CANCELED").contains(study.get("stage").asText())) {
      Thread.sleep(100);
      study = JSON.readTree(get(path));
    }
    assertThat(study.get("stage").asText()).isEqualTo("DONE");
    List<JsonNode> members = new ArrayList<>();
    study.get("members").forEach(members::add);
    assertThat(members).hasSize(2).allMatch(m -> m.get("stage").asText().equals("DONE"));
    assertThat(members.stream().mapToInt(m -> m.get("reusedModels").asInt()).sum()).isEqualTo(1);
    assertThat(members.get(0).get("distances").get("teacher"))
        .isEqualTo(members.get(1).get("distances").get("teacher"));
    int measuredElsewhere = 0;
    for (JsonNode member : members) {
      JsonNode experiment =
          JSON.readTree(get("/api/v1/experiments/" + member.get("experimentId").asText()));
      for (JsonNode evaluation : experiment.get("evaluations")) {
        measuredElsewhere += evaluation.hasNonNull("reusedFrom") ? 1 : 0;
      }
      String curves = "/api/v1/experiments/%s/teacher/metrics?series=loss";
      byte[] series = get(curves.formatted(member.get("experimentId").asText()));
      assertThat(JSON.readTree(series).get("series").get(0).get("points")).hasSize(4);
    }
    assertThat(measuredElsewhere).as("the teacher of one").isEqualTo(1);
    String report = new String(get(path + "/artifacts/report.html"), StandardCharsets.UTF_8);
    String again =
        accepted(
                StackUnderTest.request(endpoints, "/api/v1/studies")
                    .header("Content-Type", "application/yaml")
                    .POST(BodyPublishers.ofString(specOf(report)))
                    .build())
            .get("id")
            .asText();
    JsonNode second = JSON.readTree(get("/api/v1/studies/" + again));
    assertThat(second.get("spec")).isEqualTo(study.get("spec"));
    for (int i = 0; i < members.size(); i++) {
      assertThat(specOf(second.get("members").get(i))).isEqualTo(specOf(members.get(i)));
    }
    accepted(
        StackUnderTest.request(endpoints, "/api/v1/studies/" + again + "/cancel")
            .POST(BodyPublishers.noBody())
            .build());
    assertThat(report)
        .contains(
            "samples: teacher",
            "samples: o2mkd, feature loss none",
            "samples: o2mkd, feature loss hint",
            "feature loss</td>");
  }

  /** What the report shows of the spec launches an experiment of the same spec. */
  private void checkTheReportsSpec(JsonNode done) throws Exception {
    String id = done.get("id").asText();
    String artifacts = "/api/v1/experiments/" + id + "/artifacts/";
    String shown = specOf(new String(get(artifacts + "report.html"), StandardCharsets.UTF_8));
    Matcher fenced =
        Pattern.compile("(?ms)^(`{3,})yaml\\n(.*?)^\\1$")
            .matcher(new String(get(artifacts + "report.md"), StandardCharsets.UTF_8));
    assertThat(fenced.find()).isTrue();
    assertThat(fenced.group(2)).isEqualTo(shown);

    JsonNode again = show(launch(shown, "of the report"));
    assertThat(again.get("id").asText()).isNotEqualTo(id);
    assertThat(again.get("spec")).isEqualTo(done.get("spec"));
    accepted(
        StackUnderTest.request(
                endpoints, "/api/v1/experiments/" + again.get("id").asText() + "/cancel")
            .POST(BodyPublishers.noBody())
            .build());
  }

  private JsonNode specOf(JsonNode member) throws Exception {
    return show(member.get("experimentId").asText()).get("spec");
  }

  /** The YAML that a page shows. */
  private static String specOf(String html) {
    Matcher code = Pattern.compile("(?s)<code class=\"language-yaml\">(.*?)</code>").matcher(html);
    assertThat(code.find()).isTrue();
    return code.group(1)
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&");
  }

  /** Measured ranges, one of them the teacher's, and students that start from the teacher. */
  private void checkSpecialists(Path teacher, Path export) throws Exception {
    String id =
        launch(specialists(teacher.resolve("teacher.safetensors"), "feature"), "specialists");
    JsonNode done = await(id, e -> "DONE".equals(e.get("stage").asText()));
    keep(done, export);

    JsonNode drift = JSON.readTree(export.resolve("drift.json").toFile());
    assertThat(drift.get("lengths")).hasSize(9);
    assertThat(drift.get("cost").asDouble())
        .isLessThanOrEqualTo(drift.get("uniformCost").asDouble());
    for (int k = 1; k <= 3; k++) {
      assertThat(model(done, "student-" + k).get("range"))
          .isEqualTo(drift.get("ranges").get(k - 1));
    }
    JsonNode owned = model(done, "student-2");
    assertThat(owned.get("state").asText()).isEqualTo("DONE");
    assertThat(owned.get("totalSteps").asInt()).isZero();
    assertThat(owned.get("parameters")).isEqualTo(model(done, "teacher").get("parameters"));
    assertThat(model(done, "student-3").get("parameters").asLong())
        .isLessThan(model(done, "student-1").get("parameters").asLong());

    JsonNode evaluation = done.get("evaluations").get(0);
    double least = evaluation.get("macsPerStep").asDouble();
    for (JsonNode each : done.get("evaluations")) {
      least = Math.min(least, each.get("macsPerStep").asDouble());
    }
    assertThat(least).isLessThan(model(done, "teacher").get("macs").asDouble());

    long t = owned.get("range").get("low").asLong();
    HostTensor x = HostTensor.ofFloats(new float[3 * 8 * 8], 1, 3, 8, 8);
    assertThat(run(export.resolve("ensemble.pt"), x, new long[] {t}))
        .containsExactly(
            run(export.resolve("teacher.pt"), x, new long[] {t}),
            org.assertj.core.api.Assertions.within(1e-5f));
    assertThat(export.resolve("student-2.pt")).doesNotExist();
  }

  private void checkThatAnArchiveHasNoFeatures(Path teacher) throws Exception {
    HttpRequest named =
        StackUnderTest.request(endpoints, "/api/v1/experiments")
            .header("Content-Type", "application/yaml")
            .POST(BodyPublishers.ofString(specialists(teacher.resolve("teacher.pt"), "feature")))
            .build();
    HttpResponse<String> refused = http.send(named, BodyHandlers.ofString());
    assertThat(refused.statusCode()).isEqualTo(422);
    assertThat(refused.body()).contains("students.assignment.signal", "is a TorchScript file");

    Path unnamed = Files.copy(teacher.resolve("teacher.pt"), teacher.resolve("unnamed"));
    String id = launch(specialists(unnamed, "feature"), "archive");
    JsonNode failed = awaitEnd(id);
    assertThat(failed.get("stage").asText()).isEqualTo("FAILED");
    assertThat(failed.get("error").get("type").asText()).isEqualTo("INVALID_SPEC");
    assertThat(failed.get("error").get("message").asText())
        .contains("students.assignment.signal", "expected input");
  }

  private static String specialists(Path teacher, String signal) {
    return """
    name: specialists
    dataset: {source: "shapes?count=256", resolution: 8}
    diffusion: {timesteps: 100}
    teacher: {source: %s}
    students:
      count: 3
      network: {channels: 8, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
      training: {steps: 10, batchSize: 8, warmupSteps: 5, emaDecay: 0.9}
      assignment: {kind: measured, signal: %s, bins: 10, images: 16}
      startFrom: teacher-taylor
      overrides:
        - {student: 2, model: teacher}
        - student: 3
          network: {channels: 6, multipliers: [1, 2], resBlocks: 1, attentionResolutions: [4]}
    evaluation:
      samples: 200
      batchSize: 16
      gridRows: 2
      gridColumns: 4
      sampler: {steps: 10, spacing: uniform}
    """
        .formatted(teacher, signal);
  }

  private void checkRows(String id) throws SQLException, IOException {
    try (Connection database = database()) {
      // Every tenth step once, although the steps after the last checkpoint were done twice.
      assertThat(
              number(
                  database,
                  """
                  select count(*) from metric_report r join model m on m.curves = r.curves
                  where m.experiment_id = '%s' and m.key = 'student-1'
                  """
                      .formatted(id)))
          .isEqualTo(STEPS / 10);
      assertThat(
              number(
                  database,
                  "select count(*) from model where experiment_id = '%s' and state = 'DONE'"
                      .formatted(id)))
          .isEqualTo(4);
      assertThat(
              number(
                  database,
                  """
                  select count(*) from checkpoint c join model m on m.id = c.model_id
                  where m.experiment_id = '%s' and c.step = m.total_steps
                  """
                      .formatted(id)))
          .isEqualTo(4);
    }
  }

  private static void checkEvaluations(JsonNode done) {
    List<String> subjects = new ArrayList<>();
    Map<String, Long> weights = new HashMap<>();
    for (JsonNode evaluation : done.get("evaluations")) {
      subjects.add(evaluation.get("subject").asText());
      assertThat(evaluation.get("metric").asText()).isEqualTo("Fréchet distance (random-conv)");
      assertThat(evaluation.get("distance").asDouble()).isPositive();
      assertThat(evaluation.get("imagesPerSecond").asDouble()).isPositive();
      assertThat(evaluation.get("peakMemoryBytes").asLong()).isGreaterThan(50_000_000);
      weights.put(evaluation.get("subject").asText(), evaluation.get("weightsBytes").asLong());
      assertThat(evaluation.get("protocol").get("samples").asInt()).isEqualTo(200);
      assertThat(evaluation.get("metrics").get("kernelDistance").asDouble()).isFinite();
      assertThat(evaluation.get("metrics").get("precision").asDouble()).isBetween(0.0, 1.0);
      assertThat(evaluation.get("protocol").get("kernel").get("subsetSize").asInt()).isEqualTo(200);
    }
    assertThat(subjects).containsExactlyInAnyOrder("teacher", "one-to-one", "o2mkd", "merged");
    assertThat(weights.get("o2mkd")).isEqualTo(2 * weights.get("one-to-one"));
    assertThat(weights.get("merged")).isEqualTo(weights.get("one-to-one"));
    JsonNode first = done.get("schedules").get(0);
    assertThat(first.get("owners").get(1).get("model").asText()).isEqualTo("student-2");
    assertThat(done.get("schedules")).anyMatch(s -> s.get("frontier").asBoolean());
  }

  /** Names of files may have folders. */
  private static void write(Path file, byte[] content) throws IOException {
    Files.createDirectories(file.getParent());
    Files.write(file, content);
  }

  private void keep(JsonNode done, Path export) throws Exception {
    Files.createDirectories(export);
    for (JsonNode artifact : done.get("artifacts")) {
      byte[] content = get(URI.create(artifact.get("href").asText()).getPath());
      assertThat(Sha256.of(content)).isEqualTo(artifact.get("sha256").asText());
      write(export.resolve(artifact.get("name").asText()), content);
    }
  }

  private void download(JsonNode done, Path export) throws Exception {
    keep(done, export);
    for (String file :
        List.of(
            "model_index.json",
            "ensemble/config.json",
            "merged/pipeline.py",
            "teacher/model_index.json",
            "student-2/README.md")) {
      assertThat(export.resolve(file)).isRegularFile();
    }
    assertThat(export.resolve("student-1/unet/diffusion_pytorch_model.safetensors"))
        .hasSameBinaryContentAs(export.resolve("student-1.safetensors"));
    assertThat(export)
        .isDirectoryContaining(f -> f.endsWith("teacher.pt"))
        .isDirectoryContaining(f -> f.endsWith("student-1.pt"))
        .isDirectoryContaining(f -> f.endsWith("student-2.safetensors"))
        .isDirectoryContaining(f -> f.endsWith("one-to-one.pt"))
        .isDirectoryContaining(f -> f.endsWith("ensemble.pt"))
        .isDirectoryContaining(f -> f.endsWith("merged-1.safetensors"))
        .isDirectoryContaining(f -> f.endsWith("merged-ensemble.pt"))
        .isDirectoryContaining(f -> f.endsWith("samples-merged.png"))
        .isDirectoryContaining(f -> f.endsWith("trajectory-o2mkd.png"))
        .isDirectoryContaining(f -> f.endsWith("merge.json"))
        .isDirectoryContaining(f -> f.endsWith("frontier.json"))
        .isDirectoryContaining(f -> f.endsWith("samples-dataset.png"));
    JsonNode description = JSON.readTree(export.resolve("experiment.json").toFile());
    assertThat(description.get("models").get(1).get("range").get("high").asInt()).isEqualTo(50);
    assertThat(description.get("evaluations")).hasSize(4);
  }

  /** The ensemble routes each sample to its student, in Java and in plain Python alike. */
  private static void checkExport(Path export) throws Exception {
    int n = 6;
    Random random = new Random(5);
    float[] x = new float[n * 3 * 8 * 8];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian();
    }
    long[] t = {0, 99, 49, 50, 7, 80};
    HostTensor input = HostTensor.ofFloats(x, n, 3, 8, 8);
    float[] ensemble = run(export.resolve("ensemble.pt"), input, t);
    float[] first = run(export.resolve("student-1.pt"), input, t);
    float[] second = run(export.resolve("student-2.pt"), input, t);
    int elements = 3 * 8 * 8;
    for (int i = 0; i < ensemble.length; i++) {
      float[] owner = t[i / elements] < 50 ? first : second;
      assertThat(ensemble[i]).isCloseTo(owner[i], org.assertj.core.api.Assertions.within(1e-5f));
    }
    assertThat(first).isNotEqualTo(second);
    checkMerged(export);

    Files.write(export.resolve("x.f32"), bytes(x));
    python(
        export,
        """
        import os, torch
        os.environ.update(HF_HOME=os.path.abspath("hf"), HF_HUB_OFFLINE="1")
        x = torch.frombuffer(bytearray(open("x.f32", "rb").read()), dtype=torch.float32)
        t = torch.tensor([0, 99, 49, 50, 7, 80])
        eps = torch.jit.load("ensemble.pt")(x.reshape(6, 3, 8, 8), t)
        for name in ["teacher", "student-1", "student-2", "one-to-one", "merged-1", "merged-ensemble"]:
            assert torch.jit.load(name + ".pt")(x.reshape(6, 3, 8, 8), t).shape == eps.shape
        from diffusers import DiffusionPipeline
        pipe = DiffusionPipeline.from_pretrained(".", trust_remote_code=True)
        with torch.no_grad():
            for i in range(6):
                told = pipe.ensemble(x.reshape(6, 3, 8, 8)[i : i + 1], t[i]).sample
                assert torch.allclose(told, eps[i : i + 1], atol=1e-5)
        assert len(pipe(batch_size=2).images) == 2
        open("eps.f32", "wb").write(eps.detach().numpy().tobytes())
        """);
    ByteBuffer eps =
        ByteBuffer.wrap(Files.readAllBytes(export.resolve("eps.f32")))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (float value : ensemble) {
      assertThat(eps.getFloat()).isCloseTo(value, org.assertj.core.api.Assertions.within(1e-5f));
    }
  }

  private static void python(Path directory, String script) throws Exception {
    Optional<Path> python = Programs.find("python");
    assumeTrue(python.isPresent(), "missing: python");
    Process process =
        new ProcessBuilder(python.get().toString(), "-c", script)
            .directory(directory.toFile())
            .inheritIO()
            .start();
    assertThat(process.waitFor()).isZero();
  }

  /** Greedy merging of two students under half of their memory leaves the mean of both. */
  private static void checkMerged(Path export) throws IOException {
    var merged = SafetensorsFile.read(export.resolve("merged-1.safetensors")).tensors();
    var one = SafetensorsFile.read(export.resolve("student-1.safetensors")).tensors();
    var two = SafetensorsFile.read(export.resolve("student-2.safetensors")).tensors();
    assertThat(merged.keySet()).isEqualTo(one.keySet());
    merged.forEach(
        (name, tensor) -> {
          float[] found = tensor.toFloats();
          float[] a = one.get(name).toFloats();
          float[] b = two.get(name).toFloats();
          for (int i = 0; i < found.length; i++) {
            assertThat(found[i])
                .isCloseTo((a[i] + b[i]) / 2, org.assertj.core.api.Assertions.within(1e-6f));
          }
        });
  }

  private static float[] run(Path archive, HostTensor x, long[] t) {
    try (TorchModule module = Libtorch.load(archive, "cpu", TorchModule.Mode.INFERENCE)) {
      return module.forward(x, HostTensor.ofLongs(t, t.length)).toFloats();
    }
  }

  private static byte[] bytes(float[] values) {
    ByteBuffer buffer = ByteBuffer.allocate(values.length * 4).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      buffer.putFloat(value);
    }
    return buffer.array();
  }

  private static long number(Connection database, String query) throws SQLException {
    try (Statement statement = database.createStatement();
        ResultSet row = statement.executeQuery(query)) {
      assertThat(row.next()).isTrue();
      return row.getLong(1);
    }
  }

  /** The secret that the messages are signed with. */
  private String addWebhook(String url) throws Exception {
    HttpRequest request =
        StackUnderTest.request(endpoints, "/api/v1/webhooks")
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString("{\"url\": \"%s\"}".formatted(url)))
            .build();
    HttpResponse<String> answer = http.send(request, BodyHandlers.ofString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(201);
    return JSON.readTree(answer.body()).get("secret").asText();
  }

  private String launch(String spec, String idempotencyKey) throws Exception {
    HttpRequest request =
        StackUnderTest.request(endpoints, "/api/v1/experiments")
            .header("Content-Type", "application/yaml")
            .header("Idempotency-Key", idempotencyKey)
            .POST(BodyPublishers.ofString(spec))
            .build();
    String first = accepted(request).get("id").asText();
    assertThat(accepted(request).get("id").asText()).isEqualTo(first); // the same launch
    return first;
  }

  private void retry(String id, String key, String overrides) throws Exception {
    accepted(
        StackUnderTest.request(endpoints, "/api/v1/experiments/" + id + "/models/" + key + "/retry")
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(overrides))
            .build());
  }

  private JsonNode accepted(HttpRequest request) throws Exception {
    HttpResponse<String> response = http.send(request, BodyHandlers.ofString());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(202);
    return JSON.readTree(response.body());
  }

  private JsonNode show(String id) throws Exception {
    return JSON.readTree(get("/api/v1/experiments/" + id));
  }

  private byte[] get(String path) throws Exception {
    HttpResponse<byte[]> response =
        http.send(StackUnderTest.request(endpoints, path).build(), BodyHandlers.ofByteArray());
    assertThat(response.statusCode()).as(path).isEqualTo(200);
    return response.body();
  }

  private JsonNode await(String id, Predicate<JsonNode> condition) throws Exception {
    while (true) {
      JsonNode experiment = show(id);
      if (condition.test(experiment)) {
        return experiment;
      }
      String stage = experiment.get("stage").asText();
      assertThat(stage).as(experiment.toPrettyString()).isNotIn("FAILED", "CANCELED", "DONE");
      Thread.sleep(POLL_MILLIS);
    }
  }

  private JsonNode awaitEnd(String id) throws Exception {
    while (true) {
      JsonNode experiment = show(id);
      if (List.of("FAILED", "CANCELED", "DONE").contains(experiment.get("stage").asText())) {
        return experiment;
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  private static JsonNode model(JsonNode experiment, String key) {
    return StreamSupport.stream(experiment.get("models").spliterator(), false)
        .filter(m -> m.get("key").asText().equals(key))
        .findFirst()
        .orElseThrow();
  }

  private static String state(JsonNode experiment, String key) {
    return model(experiment, key).get("state").asText();
  }

  private static int step(JsonNode experiment, String key) {
    return model(experiment, key).get("step").asInt();
  }
}
