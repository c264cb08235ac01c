package dev.atelier.api.access;

import dev.atelier.api.AtelierConfig;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jdbi.v3.core.Jdbi;

/** People whom the provider has let in, with what it last said that they may do. */
@ApplicationScoped
class People {

  private final Jdbi jdbi;
  private final Audit audit;
  private final AtelierConfig.Auth config;

  People(Jdbi jdbi, Audit audit, AtelierConfig config) {
    this.jdbi = jdbi;
    this.audit = audit;
    this.config = config.auth();
  }

  /** Whose people count: those of another provider, or of none, are nobody here. */
  String issuer() {
    return config.mode() == AtelierConfig.AuthMode.OIDC
        ? config.oidc().issuer().map(URI::toString).orElse("")
        : "";
  }

  /** Writes down what the provider says of a person who signs in; returns their id. */
  String signedIn(Principal person) {
    return known(person, true);
  }

  /** Writes down what the provider said of the person who calls; returns their id. */
  String known(Principal person) {
    return known(person, false);
  }

  private String known(Principal person, boolean signsIn) {
    return jdbi.withHandle(
        handle ->
            handle
                .createUpdate(
                    """
                    insert into person (id, issuer, subject, name, role, projects)
                    values (:id, :issuer, :subject, :name, :role, :projects)
                    on conflict (issuer, subject) do update set name = excluded.name,
                      role = excluded.role, projects = excluded.projects,
                      signed_in_at = case when :in then now() else person.signed_in_at end
                    """)
                .bind("id", ApiTokens.newId())
                .bind("in", signsIn)
                .bind("issuer", issuer())
                .bind("subject", person.subject().orElseThrow())
                .bind("name", person.name())
                .bind("role", person.role())
                .bindArray("projects", String.class, person.projects().orElse(Set.of()))
                .executeAndReturnGeneratedKeys("id")
                .mapTo(String.class)
                .one());
  }

  /** Their id; empty: they have not been seen. */
  Optional<String> idOf(String subject) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery("select id from person where issuer = :issuer and subject = :subject")
                .bind("issuer", issuer())
                .bind("subject", subject)
                .mapTo(String.class)
                .findOne());
  }

  /** Who signed in last first. */
  List<Person> list() {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select id, name, role, projects, signed_in_at from person
                    order by signed_in_at desc, id limit 1000
                    """)
                .map(
                    (row, context) ->
                        new Person(
                            row.getString("id"),
                            row.getString("name"),
                            Role.valueOf(row.getString("role")),
                            ApiTokens.texts(row, "projects"),
                            ApiTokens.instant(row, "signed_in_at").orElseThrow()))
                .list());
  }

  /** Ends every session and every token of a person; false: there is none of that id. */
  boolean signOut(String id) {
    return jdbi.inTransaction(
        handle -> {
          if (handle.execute("update person set id = id where id = ?", id) == 0) {
            return false;
          }
          int sessions = handle.execute("delete from browser_session where person = ?", id);
          int tokens =
              handle.execute(
                  "update api_token set revoked_at = now() where person = ? and revoked_at is null",
                  id);
          audit.done(
              handle,
              Audit.Kind.PERSON,
              id,
              "%d sessions ended, %d tokens revoked".formatted(sessions, tokens));
          return true;
        });
  }
}
