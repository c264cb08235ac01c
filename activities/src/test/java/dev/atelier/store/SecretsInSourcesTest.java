package dev.atelier.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.atelier.spec.SourceSecrets;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import org.flywaydb.core.Flyway;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The migration that takes secrets out of sources that were stored before they were refused. */
class SecretsInSourcesTest {

  private static final String SIGNED = "https://u:pw@host/a.zip?x=1&X-Amz-Signature=abc&sig=def#f";

  private static EmbeddedPostgres postgres;
  private static Jdbi sql;

  @BeforeAll
  static void migrate() throws IOException {
    postgres = EmbeddedPostgres.start();
    sql = Jdbi.create(postgres.getPostgresDatabase());
    Flyway.configure()
        .dataSource(postgres.getPostgresDatabase())
        .target("20261123.2200")
        .load()
        .migrate();
  }

  @AfterAll
  static void stop() throws IOException {
    postgres.close();
  }

  private static void migrateOn() {
    sql.useHandle(
        handle ->
            handle.execute("delete from flyway_schema_history where version > '20261123.2200'"));
    Flyway.configure()
        .dataSource(postgres.getPostgresDatabase())
        .target("20261128.1700")
        .load()
        .migrate();
  }

  private static String text(Handle handle, String query) {
    return handle.createQuery(query).mapTo(String.class).one();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        SIGNED,
        "s3://user@bucket/key",
        "https://host/a?access_token=x;api-key=y",
        "https://host/a?Key-Pair-Id=x&Policy=y&Signature=z",
        "/data/a@b?key=1",
        "shapes?count=5",
        "https://host/monkeys?keys=1"
      })
  void shouldWriteASourceAsItIsShown(String source) {
    sql.useHandle(
        handle -> {
          handle.execute("delete from experiment");
          handle.execute(
              """
              insert into experiment (id, name, spec, stage) values ('e', 'e',
                jsonb_build_object('dataset', jsonb_build_object('source', cast(? as text)),
                  'teacher', '{}'::jsonb), 'DONE')
              """,
              source);
        });
    migrateOn();
    sql.useHandle(
        handle ->
            assertThat(text(handle, "select dataset_source from experiment"))
                .isEqualTo(SourceSecrets.redacted(source)));
  }

  @Test
  void shouldTakeSecretsOutOfEveryPlace() {
    sql.useHandle(
        handle -> {
          handle.execute("delete from experiment");
          String spec =
              """
              {"dataset": {"source": "%1$s"}, "teacher": {"source": "%1$s"}, "evaluation":
                {"extractor": {"source": "%1$s"}, "reference": "%1$s"}}
              """
                  .formatted(SIGNED);
          handle.execute(
              "insert into experiment (id, name, spec, stage) values ('e', 'e', cast(? as jsonb), 'DONE')",
              spec);
          handle.execute(
              """
              insert into study (id, name, question, spec, stage, request_sha256)
              values ('s', 's', '', cast(? as jsonb), 'DONE', '')
              """,
              """
              {"base": %s, "axes": [{"field": "dataset.source", "values": ["%s", "/data"]}]}
              """
                  .formatted(spec, SIGNED));
          handle.execute(
              "insert into study_member values ('s', 0, 'e', cast(? as jsonb), 1)",
              "[{\"axis\": \"d\", \"value\": \"%s\"}]".formatted(SIGNED));
          assertThat(text(handle, "select words from experiment")).as("before").contains("abc");
        });
    migrateOn();
    sql.useHandle(
        handle -> {
          for (String place :
              new String[] {
                "select cast(spec as text) from experiment",
                "select words from experiment",
                "select cast(spec as text) from study",
                "select cast(axes as text) from study_member"
              }) {
            assertThat(text(handle, place))
                .as(place)
                .contains("https://host/a.zip")
                .doesNotContain("abc", "def", "pw@");
          }
          assertThat(text(handle, "select cast(spec -> 'axes' as text) from study"))
              .contains("/data");
        });
  }
}
