package dev.atelier.api.access;

import static dev.atelier.api.Launches.launch;
import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.matchesPattern;

import dev.atelier.api.LocalServers;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.List;
import org.flywaydb.core.Flyway;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the audit says when the database fails between a workflow's answer and its entry. */
@QuarkusTest
@WithTestResource(LocalServers.class)
class UnsettledAuditTest {

  private static final String EXPERIMENTS = "/api/v1/experiments/";

  @Inject Jdbi jdbi;
  @Inject Audit audit;

  /** Postgres ends whoever writes down what became of a request, as when it is shut down. */
  private void refuseOutcomes() {
    jdbi.useHandle(
        handle -> {
          handle.execute(
              """
              create function refuse_outcome() returns trigger language plpgsql as $$
              begin
                raise exception 'terminating connection' using errcode = '57P01';
              end $$
              """);
          handle.execute(
              """
              create trigger refuse_outcome before insert on audit for each row
              when (new.outcome <> 'ASKED') execute function refuse_outcome()
              """);
        });
  }

  @AfterEach
  void takeOutcomes() {
    jdbi.useHandle(handle -> handle.execute("drop function if exists refuse_outcome cascade"));
  }

  private record Entry(String outcome, String actor, String detail, String request) {}

  private List<Entry> entries(String id) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery("select * from audit where subject_id = :id order by id")
                .bind("id", id)
                .map(
                    (row, context) ->
                        new Entry(
                            row.getString("outcome"),
                            row.getString("actor"),
                            row.getString("detail"),
                            row.getString("request_id")))
                .list());
  }

  private List<Entry> requests(String id) {
    List<Entry> all = entries(id);
    return all.subList(1, all.size()); // after the launch
  }

  @Test
  void shouldSayThatTheOutcomeIsNotKnownWhenItCouldNotBeWrittenDown() {
    String id = launch();
    refuseOutcomes();
    given()
        .post(EXPERIMENTS + id + "/pause")
        .then()
        .statusCode(503)
        .header("Retry-After", matchesPattern("[1-9][0-9]*"))
        .body("type", equalTo("/problems/database-unavailable"));
    assertThat(requests(id)).extracting(Entry::outcome).containsExactly("ASKED");
    assertThat(audit.settle(Duration.ofHours(1))).as("an answer may be on its way").isZero();
    assertThatThrownBy(() -> audit.settle(Duration.ZERO)).hasMessageContaining("terminating");
    assertThat(requests(id)).extracting(Entry::outcome).containsExactly("ASKED");

    takeOutcomes();
    audit.settle(Duration.ZERO);
    List<Entry> settled = requests(id);
    assertThat(settled).extracting(Entry::outcome).containsExactly("ASKED", "UNKNOWN");
    assertThat(settled.get(1))
        .usingRecursiveComparison()
        .ignoringFields("outcome")
        .isEqualTo(settled.get(0));
    audit.settle(Duration.ZERO);
    assertThat(requests(id)).as("said once").isEqualTo(settled);

    given().post(EXPERIMENTS + id + "/pause").then().statusCode(409); // it had been done
    audit.settle(Duration.ZERO);
    assertThat(requests(id))
        .as("control: what has an outcome keeps it")
        .extracting(Entry::outcome)
        .containsExactly("ASKED", "UNKNOWN", "ASKED", "REFUSED");
  }

  @Test
  void shouldSettleWhatAnEarlierVersionLeft() throws Exception {
    try (EmbeddedPostgres postgres = EmbeddedPostgres.start()) {
      Jdbi database = Jdbi.create(postgres.getPostgresDatabase());
      migrate(postgres, "20261128.2030");
      for (String row :
          List.of(
              "'answered', 'pause', 'ASKED'",
              "'answered', 'pause', 'DONE'",
              "'left', 'pause', 'ASKED'",
              "'left', 'resume', 'ASKED'",
              "'left', 'resume', 'REFUSED'")) {
        database.useHandle(
            handle ->
                handle.execute(
                    """
                    insert into audit (actor, role, subject_kind, request_id, address,
                      subject_id, action, outcome)
                    values ('token t', 'OPERATOR', 'EXPERIMENT', 'r', '127.0.0.1', %s)
                    """
                        .formatted(row)));
      }
      migrate(postgres, "20261129.0520");
      List<String> left =
          database.withHandle(
              handle ->
                  handle
                      .createQuery(
                          """
                          select subject_id || ' ' || action from audit_unsettled
                          join audit on id = asked
                          """)
                      .mapTo(String.class)
                      .list());
      assertThat(left).containsExactly("left pause");
    }
  }

  private static void migrate(EmbeddedPostgres postgres, String version) {
    Flyway.configure().dataSource(postgres.getPostgresDatabase()).target(version).load().migrate();
  }
}
