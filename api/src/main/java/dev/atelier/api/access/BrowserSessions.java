package dev.atelier.api.access;

import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Optional;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/**
 * Browsers that are let in as the caller of an API token: by a link that works once, so that the
 * address which a browser's history keeps is worth nothing, and then by a cookie; both end with the
 * token. Or as a person whom the provider has let in, by a cookie alone.
 */
@ApplicationScoped
class BrowserSessions {

  private static final String LINK_PREFIX = "atc_";
  private static final String COOKIE_PREFIX = "ats_";
  private static final Duration LINK_VALIDITY = Duration.ofDays(1);
  private static final Duration COOKIE_VALIDITY = Duration.ofDays(30);

  private enum Kind {
    LINK,
    COOKIE
  }

  /** A secret that was made just now; it is kept nowhere. */
  record Made(String secret, Instant expiresAt) {}

  private final Jdbi jdbi;
  private final Audit audit;
  private final People people;

  BrowserSessions(Jdbi jdbi, Audit audit, People people) {
    this.jdbi = jdbi;
    this.audit = audit;
    this.people = people;
  }

  /** Makes a code that lets one browser in as the caller of this token. */
  Made link(String tokenId) {
    return make(Kind.LINK, LINK_PREFIX, Optional.of(tokenId), Optional.empty(), LINK_VALIDITY);
  }

  /** Makes what a cookie holds. */
  Made cookie(String tokenId) {
    return make(
        Kind.COOKIE, COOKIE_PREFIX, Optional.of(tokenId), Optional.empty(), COOKIE_VALIDITY);
  }

  /** Makes what the cookie of a person holds, who has just signed in. */
  Made cookieOfPerson(String personId, Duration validity) {
    return make(Kind.COOKIE, COOKIE_PREFIX, Optional.empty(), Optional.of(personId), validity);
  }

  private Made make(
      Kind kind,
      String prefix,
      Optional<String> token,
      Optional<String> person,
      Duration validity) {
    String secret = prefix + ApiTokens.secret();
    OffsetDateTime expires = OffsetDateTime.now(ZoneOffset.UTC).plus(validity);
    jdbi.useTransaction(
        handle -> {
          handle.execute("delete from browser_session where expires_at <= now()");
          handle
              .createUpdate(
                  """
                  insert into browser_session (sha256, kind, token_id, person, expires_at)
                  values (:sha256, :kind, :token, :person, :expires)
                  """)
              .bind("sha256", ApiTokens.sha256(secret))
              .bind("kind", kind)
              .bind("token", token)
              .bind("person", person)
              .bind("expires", expires)
              .execute();
          token.ifPresent(id -> audit.done(handle, Audit.Kind.TOKEN, id, "for a browser"));
          person.ifPresent(id -> audit.done(handle, Audit.Kind.PERSON, id, "for a browser"));
        });
    return new Made(secret, expires.toInstant());
  }

  static boolean isOne(String secret) {
    return secret.startsWith(LINK_PREFIX) || secret.startsWith(COOKIE_PREFIX);
  }

  /** The caller that it lets in; a link's code does so this once. */
  Optional<Principal> find(String secret) {
    String sha256 = ApiTokens.sha256(secret);
    return jdbi.inTransaction(
        handle -> {
          Optional<Principal> found = find(handle, sha256);
          // Of two that come at once with the same code, one deletes it.
          return secret.startsWith(LINK_PREFIX)
                  && handle.execute("delete from browser_session where sha256 = ?", sha256) == 0
              ? Optional.empty()
              : found;
        });
  }

  private Optional<Principal> find(Handle handle, String sha256) {
    return handle
        .createQuery(
            """
            select %s
            from browser_session s
              left join api_token t on t.id = s.token_id
              left join person p on p.id = coalesce(s.person, t.person)
            where s.sha256 = :sha256 and s.expires_at > now() and t.revoked_at is null
              and (t.expires_at is null or t.expires_at > now())
              and (p.id is null or p.issuer = :issuer)
            """
                .formatted(PrincipalMapper.COLUMNS))
        .bind("sha256", sha256)
        .bind("issuer", people.issuer())
        .map(new PrincipalMapper())
        .findOne();
  }

  /** Ends what the cookie holds. */
  void end(String secret) {
    jdbi.useHandle(
        handle ->
            handle.execute(
                "delete from browser_session where sha256 = ?", ApiTokens.sha256(secret)));
  }
}
