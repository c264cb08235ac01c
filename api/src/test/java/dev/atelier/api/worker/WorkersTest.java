package dev.atelier.api.worker;

import static io.restassured.RestAssured.given;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.api.LocalServers;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.path.json.JsonPath;
import jakarta.inject.Inject;
import java.util.List;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@QuarkusTest
@WithTestResource(LocalServers.class)
class WorkersTest {

  private static final String EXPERIMENTS = "/api/v1/experiments";
  private static final String NOBODY =
      "No worker serves compute: gpu-h10 now, the task queue atelier-gpu-h10";

  @Inject Jdbi jdbi;

  @BeforeEach
  @AfterEach
  void haveNoWorkers() {
    jdbi.useHandle(handle -> handle.execute("delete from worker"));
  }

  private void worker(String id, String queue, String seenBefore, String doing) {
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into worker (id, name, task_queues, device, device_memory_bytes, threads,
                  started_at, seen_at, doing)
                values (?, 'name of ' || ?, array['atelier', ?], 'cuda:0', 80000000000, 4,
                  now() - interval '1 h', now() - cast(? as interval), cast(? as jsonb))
                """,
                id,
                id,
                queue,
                seenBefore,
                doing));
  }

  private static JsonPath launch(String compute, boolean dryRun) {
    return given()
        .contentType("application/yaml")
        .body("{name: w, compute: %s, students: {count: 1}}".formatted(compute).getBytes(UTF_8))
        .queryParam("dryRun", dryRun)
        .post(EXPERIMENTS)
        .then()
        .extract()
        .jsonPath();
  }

  @Test
  void shouldListWorkersWithWhatTheyAreAtAndSayWhichAreGone() {
    String id = launch("cpu", false).getString("id");
    worker(
        "a@1",
        "atelier-gpu",
        "5 s",
        """
        [{"activity": "TrainStudent", "experimentId": "%s", "modelKey": "student-1",
          "since": "2026-11-30T10:00:00Z"},
         {"activity": "PrepareDataset", "experimentId": null, "modelKey": null,
          "since": "2026-11-30T11:00:00Z"}]
        """
            .formatted(id));
    worker("b@2", "atelier-cpu", "2 min", "[]");
    worker("c@3", "atelier-cpu", "5 s", "[]");

    JsonPath first = given().queryParam("limit", 2).get("/api/v1/workers").jsonPath();
    assertThat(first.getList("items.id")).containsExactly("a@1", "b@2");
    assertThat(first.getList("items.here")).containsExactly(true, false);
    assertThat(first.getList("items[0].taskQueues")).containsExactly("atelier", "atelier-gpu");
    assertThat(first.getLong("items[0].deviceMemoryBytes")).isEqualTo(80_000_000_000L);
    assertThat(first.getString("items[0].doing[0].experiment")).isEqualTo(id);
    assertThat(first.getString("items[0].doing[0].model")).isEqualTo("student-1");
    assertThat(first.getString("items[0].doing[1].activity")).isEqualTo("PrepareDataset");
    assertThat(first.getString("items[0].doing[1].experiment")).isNull();
    assertThat(
            given()
                .queryParam("cursor", first.getString("nextCursor"))
                .get("/api/v1/workers")
                .jsonPath()
                .getList("items.id"))
        .containsExactly("c@3");
  }

  @Test
  void shouldWarnWhereNobodyServesWhatASpecAsksFor() {
    assertThat(launch("gpu-h10", true).getList("warnings")).as("no worker says anything").isEmpty();

    worker("a@1", "atelier-gpu-h100", "5 s", "[]");
    worker("gone@2", "atelier-gpu-h10", "2 min", "[]");
    assertThat(warnings(launch("gpu-h10", true))).singleElement().asString().startsWith(NOBODY);
    JsonPath launched = launch("gpu-h10", false);
    assertThat(warnings(launched)).singleElement().asString().startsWith(NOBODY);
    String own = EXPERIMENTS + "/" + launched.getString("id");
    assertThat(warnings(given().get(own).jsonPath())).singleElement().asString().startsWith(NOBODY);

    worker("b@3", "atelier-gpu-h10", "5 s", "[]");
    assertThat(warnings(given().get(own).jsonPath())).isEmpty();
    assertThat(warnings(launch("gpu-h10", false))).isEmpty();
    assertThat(warnings(launch("gpu-h100", true))).isEmpty();
  }

  @Test
  void shouldSayHowFarTheWorkOfAnExperimentIs() {
    String id = launch("cpu", false).getString("id");
    String own = EXPERIMENTS + "/" + id;
    assertThat(given().get(own).jsonPath().getList("doing")).isEmpty();

    String measuring =
        """
        [{"activity": "MeasureReference", "experimentId": "%s", "modelKey": null,
          "since": "2026-11-30T10:00:00Z", "progress": {"what": "images of the dataset measured",
          "done": 1200, "total": 50000, "remainingSeconds": 90}}]
        """;
    worker("a@1", "atelier-cpu", "5 s", measuring.formatted(id));
    worker("gone@2", "atelier-cpu", "2 min", measuring.formatted(id));
    JsonPath shown = given().get(own).jsonPath();
    assertThat(shown.getList("doing.activity")).containsExactly("MeasureReference");
    assertThat(shown.getString("doing[0].worker")).isEqualTo("name of a@1");
    assertThat(shown.getMap("doing[0].progress"))
        .containsEntry("what", "images of the dataset measured")
        .containsEntry("done", 1200)
        .containsEntry("total", 50000)
        .containsEntry("remainingSeconds", 90);
    assertThat(shown.getList("warnings")).isEmpty();
    assertThat(given().get("/api/v1/workers").jsonPath().getInt("items[0].doing[0].progress.total"))
        .isEqualTo(50_000);
  }

  @Test
  void shouldSayThatAnExperimentWaitsForAWorkerWhileAllAreBusy() {
    String own = EXPERIMENTS + "/" + launch("cpu", false).getString("id");
    String other =
        """
        [{"activity": "TrainTeacher", "experimentId": "other", "modelKey": "teacher",
          "since": "2026-11-30T10:00:00Z"}]
        """;
    worker("a@1", "atelier-cpu", "5 s", other);
    assertThat(warnings(given().get(own).jsonPath()))
        .containsExactly(
            "It waits for a worker: the one of compute: cpu is at other work (./atelier workers lists them).");

    worker("b@2", "atelier-cpu", "5 s", "[]");
    assertThat(warnings(given().get(own).jsonPath())).isEmpty();
  }

  private static List<String> warnings(JsonPath answer) {
    return answer.getList("warnings");
  }
}
