package dev.atelier.api.access;

import dev.atelier.api.AtelierConfig;
import io.quarkus.oidc.OidcConfigurationMetadata;
import io.quarkus.oidc.runtime.TenantConfigBean;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.ws.rs.core.UriBuilder;
import java.net.URI;
import java.util.Optional;

/** Where people sign out at the provider (OpenID Connect RP-Initiated Logout 1.0). */
@ApplicationScoped
class ProviderSignOut {

  private final TenantConfigBean tenants;
  private final AtelierConfig.Oidc config;

  ProviderSignOut(TenantConfigBean tenants, AtelierConfig config) {
    this.tenants = tenants;
    this.config = config.auth().oidc();
  }

  /**
   * The address, from which the provider leads back to a page of this server. No token goes with
   * it, since none is kept: the provider asks whether it is meant.
   *
   * @param origin of this server; empty: the provider has no such address
   */
  Optional<URI> at(String origin) {
    return Optional.ofNullable(tenants.getStaticTenant(SignInResource.TENANT))
        .map(tenant -> tenant.getOidcMetadata())
        .map(OidcConfigurationMetadata::getEndSessionUri)
        .map(
            end ->
                UriBuilder.fromUri(end)
                    .queryParam("client_id", config.clientId().orElse(""))
                    .queryParam("post_logout_redirect_uri", origin + SignInResource.ENDED)
                    .build());
  }
}
