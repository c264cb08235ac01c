package dev.atelier.api.access;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import io.quarkus.security.AuthenticationFailedException;
import io.quarkus.security.identity.CurrentIdentityAssociation;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.json.JsonArray;
import jakarta.json.JsonString;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.eclipse.microprofile.jwt.JsonWebToken;
import org.jboss.logging.Logger;

/** Finds out who calls: by an API token, or by a token of the OpenID Connect provider. */
@ApplicationScoped
class Authentication {

  private static final Logger LOG = Logger.getLogger(Authentication.class);
  private static final String BEARER = "bearer ";

  private final AtelierConfig.Auth config;
  private final ApiTokens tokens;
  private final BrowserSessions sessions;
  private final CurrentIdentityAssociation identities;

  Authentication(
      AtelierConfig config,
      ApiTokens tokens,
      BrowserSessions sessions,
      CurrentIdentityAssociation identities) {
    this.config = config.auth();
    this.tokens = tokens;
    this.sessions = sessions;
    this.identities = identities;
  }

  /**
   * The caller.
   *
   * @param authorization the header
   * @throws ProblemException 401 when it cannot be told
   */
  Principal of(Optional<String> authorization) {
    if (config.mode() == AtelierConfig.AuthMode.OPEN) {
      return Principal.OPEN;
    }
    String token =
        token(authorization)
            .orElseThrow(
                () ->
                    unauthorized(
                        "The request needs a token: Authorization: Bearer …, or in a browser the link that ./atelier up has printed."));
    if (token.startsWith(ApiTokens.PREFIX)) {
      return tokens
          .find(token)
          .orElseThrow(() -> unauthorized("The token is unknown, expired or revoked."));
    }
    if (BrowserSessions.isOne(token)) {
      return sessions
          .find(token)
          .orElseThrow(
              () ->
                  unauthorized(
                      "The browser is not signed in any more, or the link was used before: sign in again, get another link with ./atelier token --link, or enter a token."));
    }
    if (config.mode() != AtelierConfig.AuthMode.OIDC) {
      throw unauthorized("The token is no API token: expected one that begins with atl_.");
    }
    return ofProvider();
  }

  /** The token that a header {@code Authorization: Bearer …} has. */
  static Optional<String> token(Optional<String> authorization) {
    return authorization
        .filter(header -> header.toLowerCase(Locale.ROOT).startsWith(BEARER))
        .map(header -> header.substring(BEARER.length()).strip());
  }

  /**
   * The person whom the provider vouches for in this request.
   *
   * @throws ProblemException 401 when nobody can be told, 403 when they have no role here
   */
  Principal ofProvider() {
    SecurityIdentity identity;
    try {
      identity = identities.getDeferredIdentity().await().indefinitely(); // verified here
    } catch (AuthenticationFailedException e) {
      LOG.debugf(e, "A token was refused.");
      throw unauthorized("The token is expired, or not signed for this server by its issuer.");
    }
    if (identity.isAnonymous()
        || !(identity.getPrincipal() instanceof JsonWebToken token)
        || token.getSubject() == null) {
      throw unauthorized("The token is expired, or not signed for this server by its issuer.");
    }
    Optional<Role> role =
        Arrays.stream(Role.values())
            .filter(
                r ->
                    identity
                        .getRoles()
                        .contains(config.oidc().rolePrefix() + r.name().toLowerCase(Locale.ROOT)))
            .max(Comparator.naturalOrder());
    return Principal.ofPerson(
        token.getSubject(),
        "oidc " + token.getName(),
        role.orElseThrow(
            () ->
                new ProblemException(
                    ProblemType.FORBIDDEN,
                    "Your account has none of the roles %1$sviewer, %1$soperator and %1$sadmin."
                        .formatted(config.oidc().rolePrefix()))),
        projects(token));
  }

  private Set<String> projects(JsonWebToken token) {
    Set<String> projects = new HashSet<>();
    if (token.getClaim(config.oidc().projectsClaim()) instanceof JsonArray named) {
      named.forEach(
          project -> {
            if (project instanceof JsonString text) {
              projects.add(text.getString());
            }
          });
    }
    return projects;
  }

  private static ProblemException unauthorized(String detail) {
    return new ProblemException(
        ProblemType.UNAUTHORIZED, detail, Map.of("WWW-Authenticate", "Bearer"));
  }
}
