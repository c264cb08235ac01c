package dev.atelier.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.workflows.WebhookForm;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import org.flywaydb.core.Flyway;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.Test;

/** The migration that gives webhooks projects, with rows and programs of the version before. */
class WebhookProjectsTest {

  private static final String OLD_WEBHOOK =
      """
      insert into webhook (id, url, secret, events, experiment_id, labels)
      values (?, 'https://example.org/hook', 'a2V5', '{experiment.stage}', null, '{}')
      """;

  @Test
  void shouldKeepWhatThereIsAndWhatTheVersionBeforeGoesOnToWrite() throws IOException {
    try (EmbeddedPostgres postgres = EmbeddedPostgres.start()) {
      Jdbi sql = Jdbi.create(postgres.getPostgresDatabase());
      migrate(postgres, "20261130.2300");
      sql.useHandle(
          handle -> {
            handle.execute(
                "insert into experiment (id, name, spec, stage, project) values ('e', 'e', '{}',"
                    + " 'QUEUED', 'vision')");
            handle.execute(OLD_WEBHOOK, "before");
            event(handle);
          });

      migrate(postgres, "latest");

      sql.useHandle(
          handle -> {
            handle.execute(OLD_WEBHOOK, "by-an-old-api");
            event(handle);
            assertThat(
                    handle
                        .createQuery(
                            """
                            select w.id || ' ' || w.form || ' ' || count(*)
                            from webhook w join webhook_delivery d on d.webhook_id = w.id
                            where w.project is null and w.recipients = '{}' and d.recipient is null
                            group by w.id order by w.id
                            """)
                        .mapTo(String.class)
                        .list())
                .containsExactly("before SIGNED 2", "by-an-old-api SIGNED 1");
          });
      WebhookHistory history = new WebhookHistory(postgres.getPostgresDatabase());
      String first =
          sql.withHandle(
              handle ->
                  handle
                      .createQuery("select min(id) from webhook_delivery")
                      .mapTo(String.class)
                      .one());
      assertThat(history.begin(first).orElseThrow().message().form()).isEqualTo(WebhookForm.SIGNED);
    }
  }

  private static void event(Handle handle) {
    handle.execute("insert into event (experiment_id, kind, detail) values ('e', 'stage', 'DONE')");
  }

  private static void migrate(EmbeddedPostgres postgres, String version) {
    Flyway.configure().dataSource(postgres.getPostgresDatabase()).target(version).load().migrate();
  }
}
