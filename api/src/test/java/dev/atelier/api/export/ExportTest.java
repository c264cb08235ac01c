package dev.atelier.api.export;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;

import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvSchema;
import dev.atelier.api.LocalServers;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.LongStream;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.TimeStampMicroTZVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.Test;

/** Lists and curves as tables, CSV read back by another program than the one that writes it. */
@QuarkusTest
@WithTestResource(LocalServers.class)
class ExportTest {

  private static final String EXPERIMENTS = "/api/v1/experiments";

  @Inject Jdbi jdbi;

  private final String group = UUID.randomUUID().toString();

  private String launch(String name) {
    return given()
        .contentType("application/json")
        .body(Map.of("name", name, "labels", Map.of("group", group)))
        .post(EXPERIMENTS)
        .then()
        .statusCode(202)
        .extract()
        .path("id");
  }

  private static List<Map<String, String>> csv(String path) throws IOException {
    String text =
        given()
            .accept("text/csv")
            .get(path)
            .then()
            .statusCode(200)
            .contentType(containsString("text/csv"))
            .extract()
            .asString();
    try (MappingIterator<Map<String, String>> rows =
        new CsvMapper()
            .readerFor(Map.class)
            .with(CsvSchema.emptySchema().withHeader())
            .readValues(text)) {
      return rows.readAll();
    }
  }

  @Test
  void shouldGiveEveryExperimentThatIsAskedForBeyondAPage() throws Exception {
    String first = launch("=cmd(\"x\"), one\nand two");
    jdbi.useHandle(
        handle -> {
          handle.execute(
              """
              insert into experiment (id, name, spec, stage, labels)
              select :first || '-' || n, 'n' || n, spec, stage, labels
              from experiment, generate_series(1, 250) n where id = :first
              """
                  .replace(":first", "'" + first + "'"));
          insertEvaluation(handle, first);
        });

    List<Map<String, String>> rows = csv(EXPERIMENTS + "?sort=created&q=label.group=" + group);

    assertThat(rows).hasSize(251);
    assertThat(rows).extracting(row -> row.get("id")).doesNotHaveDuplicates().contains(first);
    Map<String, String> row =
        rows.stream().filter(r -> r.get("id").equals(first)).findFirst().orElseThrow();
    assertThat(row)
        .containsEntry("name", "'=cmd(\"x\"), one\nand two") // no formula of a spreadsheet
        .containsEntry("distance.o2mkd", "7.25")
        .containsEntry("distance.teacher", "")
        .containsEntry("labels", "{\"group\":\"%s\"}".formatted(group));
  }

  @Test
  void shouldGiveCurvesEventsComparisonsAndStudies() throws Exception {
    String id = launch("a");
    String other = launch("b");
    insertLosses(id, 3);
    assertThat(csv(EXPERIMENTS + "/" + id + "/models/teacher/metrics"))
        .containsExactly(
            Map.of("series", "loss", "step", "1", "value", "0.25"),
            Map.of("series", "loss", "step", "2", "value", ""),
            Map.of("series", "loss", "step", "3", "value", "0.75"));
    assertThat(csv(EXPERIMENTS + "/" + id + "/events"))
        .extracting(row -> row.get("kind"))
        .contains("launched");
    jdbi.useHandle(handle -> insertEvaluation(handle, other));
    assertThat(csv(EXPERIMENTS + "/compare?ids=" + id + "," + other))
        .contains(Map.of("name", "o2mkd.distance", id, "", other, "7.25"));
    given().accept("text/csv").get("/api/v1/studies").then().statusCode(200);
  }

  @Test
  void shouldGiveEveryOtherListAsATableToo() throws Exception {
    String id = launch("a");
    jdbi.useHandle(
        handle -> {
          insertEvaluation(handle, id);
          handle.execute(
              """
              insert into artifact (experiment_id, name, kind, object_key, content_type, bytes,
                sha256)
              values (?, 'x.png', 'grid', 'k', 'image/png', 3, 'abc')
              """,
              id);
        });
    String path = EXPERIMENTS + "/" + id;
    assertThat(csv(path + "/evaluations"))
        .singleElement()
        .satisfies(
            row ->
                assertThat(row)
                    .containsEntry("subject", "o2mkd")
                    .containsEntry("distance", "7.25")
                    .containsEntry("parameters", "10")
                    .containsEntry("metrics", "{\"kid\":0.5}")
                    .containsEntry("weightsBytes", ""));
    assertThat(csv(path + "/artifacts"))
        .singleElement()
        .satisfies(
            row ->
                assertThat(row)
                    .containsEntry("name", "x.png")
                    .containsEntry("bytes", "3")
                    .containsEntry("href", path + "/artifacts/x.png"));
    assertThat(csv("/api/v1/audit?subject=" + id))
        .singleElement()
        .satisfies(row -> assertThat(row).containsEntry("action", "launchExperiment"));
    String webhook =
        given()
            .contentType("application/json")
            .body("{\"url\": \"https://example.org/hook\", \"events\": [\"model.failed\"]}")
            .post("/api/v1/webhooks")
            .then()
            .statusCode(201)
            .extract()
            .path("id");
    given().post("/api/v1/webhooks/" + webhook + "/test").then().statusCode(202);
    assertThat(csv("/api/v1/webhooks/" + webhook + "/deliveries"))
        .singleElement()
        .satisfies(row -> assertThat(row).containsEntry("type", "webhook.test"));
    assertThat(csv("/api/v1/webhooks"))
        .anySatisfy(
            row ->
                assertThat(row)
                    .containsEntry("id", webhook)
                    .containsEntry("events", "[\"model.failed\"]")
                    .containsEntry("secret", "")); // only the answer that makes it has that
    for (String list :
        List.of(
            "/api/v1/teachers",
            "/api/v1/datasets",
            "/api/v1/audit",
            "/api/v1/tokens",
            "/api/v1/webhooks")) {
      assertThat(arrow(list)).isNotEmpty();
      csv(list);
    }
    given().delete("/api/v1/webhooks/" + webhook).then().statusCode(204);
    given().accept("text/csv").get(EXPERIMENTS + "/none/artifacts").then().statusCode(404);
  }

  @Test
  void shouldGiveTypedColumnsInArrowsFormat() throws Exception {
    String id = launch("a");
    insertLosses(id, 10000);

    byte[] curve = arrow(EXPERIMENTS + "/" + id + "/models/teacher/metrics");
    try (RootAllocator allocator = new RootAllocator();
        ArrowStreamReader reader =
            new ArrowStreamReader(new ByteArrayInputStream(curve), allocator)) {
      VectorSchemaRoot batch = reader.getVectorSchemaRoot();
      assertThat(batch.getSchema().getFields())
          .extracting(field -> field.getName() + " " + field.getType())
          .containsExactly("series Utf8", "step Int(64, true)", "value FloatingPoint(DOUBLE)");
      List<Long> steps = new ArrayList<>();
      List<Optional<Object>> values = new ArrayList<>();
      while (reader.loadNextBatch()) {
        for (int row = 0; row < batch.getRowCount(); row++) {
          assertThat(batch.getVector("series").getObject(row)).hasToString("loss");
          steps.add((Long) batch.getVector("step").getObject(row));
          values.add(Optional.ofNullable(batch.getVector("value").getObject(row)));
        }
      }
      assertThat(steps).isEqualTo(LongStream.rangeClosed(1, 10_000).boxed().toList());
      assertThat(values.subList(0, 3))
          .containsExactly(Optional.of(0.25), Optional.empty(), Optional.of(0.75));
      assertThat(values.get(9_999)).contains(2500.0);
    }

    try (RootAllocator allocator = new RootAllocator();
        ArrowStreamReader reader =
            new ArrowStreamReader(
                new ByteArrayInputStream(arrow(EXPERIMENTS + "?q=label.group=" + group)),
                allocator)) {
      assertThat(reader.loadNextBatch()).isTrue();
      VectorSchemaRoot batch = reader.getVectorSchemaRoot();
      assertThat(batch.getRowCount()).isOne();
      assertThat(batch.getVector("id").getObject(0)).hasToString(id);
      assertThat(batch.getVector("students").getObject(0)).isInstanceOf(Long.class);
      assertThat(batch.getVector("distance.o2mkd").isNull(0)).isTrue();
      long micros = ((TimeStampMicroTZVector) batch.getVector("createdAt")).get(0);
      assertThat(Instant.EPOCH.plus(micros, ChronoUnit.MICROS))
          .isEqualTo(
              given().get(EXPERIMENTS + "/" + id).then().extract().<String>path("createdAt"));
    }
    for (String path : List.of("/api/v1/studies", EXPERIMENTS + "/" + id + "/events")) {
      assertThat(arrow(path)).isNotEmpty();
    }
  }

  private static byte[] arrow(String path) {
    return given()
        .accept("application/vnd.apache.arrow.stream")
        .get(path)
        .then()
        .statusCode(200)
        .contentType("application/vnd.apache.arrow.stream")
        .extract()
        .asByteArray();
  }

  @Test
  void shouldGiveJsonUnlessATableIsAskedForByHeaderOrParameter() {
    String id = launch("a");
    String path = EXPERIMENTS + "/" + id + "/events";
    given().accept("*/*").get(path).then().contentType("application/json");
    given().get(path + "?format=json").then().contentType("application/json");
    given().get(path + "?format=csv").then().contentType(containsString("text/csv"));
    given().get(path + "?format=arrow").then().contentType("application/vnd.apache.arrow.stream");
    given()
        .get(path + "?format=xls")
        .then()
        .statusCode(400)
        .body("faults[0].field", equalTo("format"));
    given()
        .accept("text/csv")
        .get(EXPERIMENTS + "/none/events")
        .then()
        .statusCode(404)
        .contentType("application/problem+json");
  }

  private static void insertEvaluation(Handle handle, String id) {
    handle.execute(
        """
        insert into evaluation (experiment_id, subject, metric, distance, macs_per_step,
          parameters, images_per_second, peak_memory_bytes, protocol, metrics)
        values (?, 'o2mkd', 'FD', 7.25, 100, 10, 1.5, 0, '{"samples": 5}', '{"kid": 0.5}')
        """,
        id);
  }

  /** A curve of the teacher, whose second point is not a number. */
  private void insertLosses(String id, int points) {
    jdbi.useHandle(
        handle ->
            handle.execute(
                """
                insert into metric_point (model_id, series, step, value)
                select id, 'loss', n, case n when 2 then 'NaN' else n / 4.0 end
                from model, generate_series(1, ?) n where experiment_id = ? and key = 'teacher'
                """,
                points,
                id));
  }
}
