package dev.atelier.api.access;

import dev.atelier.api.AtelierConfig;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jboss.logging.Logger;
import org.jdbi.v3.core.Jdbi;

/** Tokens for programs, in Postgres: of each its SHA-256, never itself. */
@ApplicationScoped
class ApiTokens {

  static final String PREFIX = "atl_";

  private static final Logger LOG = Logger.getLogger(ApiTokens.class);
  private static final int SECRET_BYTES = 32;
  private static final int SHORTEST = 36; // of a bootstrap token, prefix included
  private static final String BOOTSTRAP = "bootstrap";
  private static final SecureRandom RANDOM = new SecureRandom();

  private static final PrincipalMapper CALLER = new PrincipalMapper();

  private final Jdbi jdbi;
  private final Audit audit;
  private final AtelierConfig.Auth config;
  private final People people;

  ApiTokens(Jdbi jdbi, Audit audit, AtelierConfig config, People people) {
    this.jdbi = jdbi;
    this.audit = audit;
    this.config = config.auth();
    this.people = people;
  }

  /** A new token; it is shown this once. */
  record Created(String token, ApiToken view) {}

  /** Makes a token for a program. */
  Created create(TokenRequest wanted, String createdBy) {
    return create(wanted, createdBy, Optional.empty());
  }

  /**
   * Makes a token.
   *
   * @param person id of whose own it is
   */
  Created create(TokenRequest wanted, String createdBy, Optional<String> person) {
    String token = PREFIX + secret();
    String id = newId();
    Optional<Instant> expires =
        wanted
            .expiresInDays()
            .map(days -> OffsetDateTime.now(ZoneOffset.UTC).plusDays(days).toInstant());
    jdbi.useTransaction(
        handle -> {
          handle
              .createUpdate(
                  """
                  insert into api_token
                    (id, name, sha256, role, projects, created_by, expires_at, person)
                  values (:id, :name, :sha256, :role, :projects, :by, :expires, :person)
                  """)
              .bind("id", id)
              .bind("name", wanted.name())
              .bind("sha256", sha256(token))
              .bind("role", wanted.role())
              .bindArray("projects", String.class, wanted.projects())
              .bind("by", createdBy)
              .bind("person", person)
              .bind("expires", expires.map(at -> at.atOffset(ZoneOffset.UTC)))
              .execute();
          audit.done(
              handle,
              Audit.Kind.TOKEN,
              id,
              "%s, %s, projects %s".formatted(wanted.name(), wanted.role(), wanted.projects()));
        });
    return new Created(token, find("id = :id", Map.of("id", id)).get(0));
  }

  /** The caller that the token names; empty: it is unknown, expired or revoked. */
  Optional<Principal> find(String token) {
    String sha256 = sha256(token);
    return jdbi.withHandle(
        handle -> {
          Optional<Use> found =
              handle
                  .createQuery(
                      """
                      select %s, t.last_used_at is null
                          or t.last_used_at < now() - interval '1 minute' as to_be_noted
                      from api_token t left join person p on p.id = t.person
                      where t.sha256 = :sha256 and t.revoked_at is null
                        and (t.expires_at is null or t.expires_at > now())
                        and (p.id is null or p.issuer = :issuer)
                      """
                          .formatted(PrincipalMapper.COLUMNS))
                  .bind("sha256", sha256)
                  .bind("issuer", people.issuer())
                  .map(
                      (row, context) ->
                          new Use(CALLER.map(row, context), row.getBoolean("to_be_noted")))
                  .findOne();
          if (found.filter(Use::toBeNoted).isPresent()) {
            handle.execute("update api_token set last_used_at = now() where sha256 = ?", sha256);
          }
          return found.map(Use::caller);
        });
  }

  /** A request with a token, which is noted once a minute. */
  private record Use(Principal caller, boolean toBeNoted) {}

  /** Every token, newest first. */
  List<ApiToken> list() {
    return find("true", Map.of());
  }

  /** Those of one person, newest first. */
  List<ApiToken> listOf(String person) {
    return find("person = :person", Map.of("person", person));
  }

  private List<ApiToken> find(String condition, Map<String, String> values) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select id, name, role, projects, created_by, created_at, expires_at, revoked_at,
                      last_used_at, person
                    from api_token where %s
                    order by created_at desc, id limit 1000
                    """
                        .formatted(condition))
                .bindMap(values)
                .map(
                    (row, context) ->
                        new ApiToken(
                            row.getString("id"),
                            row.getString("name"),
                            Role.valueOf(row.getString("role")),
                            texts(row, "projects"),
                            row.getString("created_by"),
                            instant(row, "created_at").orElseThrow(),
                            instant(row, "expires_at"),
                            instant(row, "revoked_at"),
                            instant(row, "last_used_at"),
                            Optional.ofNullable(row.getString("person"))))
                .list());
  }

  /** Ends a token; false: there is none of that id. One that has ended stays as it is. */
  boolean revoke(String id) {
    return revoke(id, Optional.empty());
  }

  /** Ends a token of that person alone; false: they have none of that id. */
  boolean revokeOf(String person, String id) {
    return revoke(id, Optional.of(person));
  }

  private boolean revoke(String id, Optional<String> person) {
    return jdbi.inTransaction(
        handle -> {
          int revoked =
              handle
                  .createUpdate(
                      """
                      update api_token set revoked_at = coalesce(revoked_at, now())
                      where id = :id and (cast(:person as text) is null or person = :person)
                      """)
                  .bind("id", id)
                  .bind("person", person)
                  .execute();
          if (revoked > 0) {
            audit.done(handle, Audit.Kind.TOKEN, id, "");
          }
          return revoked > 0;
        });
  }

  /** Makes the token that the settings name known, once; one that was revoked stays revoked. */
  void bootstrap(@Observes @Priority(100) StartupEvent start) {
    Optional<String> token = config.bootstrapToken().filter(text -> !text.isBlank());
    if (token.isEmpty() || config.mode() == AtelierConfig.AuthMode.OPEN) {
      return;
    }
    if (!token.get().startsWith(PREFIX) || token.get().length() < SHORTEST) {
      throw new IllegalArgumentException(
          "atelier.auth.bootstrap-token must begin with %s and have %d characters or more, found %d."
              .formatted(PREFIX, SHORTEST, token.get().length()));
    }
    int made =
        jdbi.withHandle(
            handle ->
                handle
                    .createUpdate(
                        """
                        insert into api_token (id, name, sha256, role, projects, created_by)
                        values (:id, :name, :sha256, 'ADMIN', '{}', 'the settings')
                        on conflict (sha256) do nothing
                        """)
                    .bind("id", newId())
                    .bind("name", BOOTSTRAP)
                    .bind("sha256", sha256(token.get()))
                    .execute());
    if (made > 0) {
      LOG.info("The bootstrap token is an admin's now: make others with it and revoke it.");
    }
  }

  /** A secret at random, of letters, digits, - and _. */
  static String secret() {
    return text(SECRET_BYTES);
  }

  /** An id at random. */
  static String newId() {
    return text(9);
  }

  private static String text(int bytes) {
    byte[] random = new byte[bytes];
    RANDOM.nextBytes(random);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(random);
  }

  static String sha256(String token) {
    try {
      return HexFormat.of()
          .formatHex(
              MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
  }

  static List<String> texts(ResultSet row, String column) throws SQLException {
    return List.of((String[]) row.getArray(column).getArray());
  }

  static Optional<Instant> instant(ResultSet row, String column) throws SQLException {
    return Optional.ofNullable(row.getObject(column, OffsetDateTime.class))
        .map(OffsetDateTime::toInstant);
  }
}
