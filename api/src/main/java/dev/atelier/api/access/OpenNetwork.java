package dev.atelier.api.access;

import dev.atelier.api.AtelierConfig;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.net.InetAddress;
import java.net.UnknownHostException;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Refuses to open everything to a network: without authentication only loopback is served. */
@ApplicationScoped
class OpenNetwork {

  private final AtelierConfig.Auth config;
  private final String host;
  private final boolean servesNobody;

  OpenNetwork(
      AtelierConfig config,
      @ConfigProperty(name = "quarkus.http.host") String host,
      @ConfigProperty(name = "quarkus.init-and-exit", defaultValue = "false")
          boolean servesNobody) {
    this.config = config.auth();
    this.host = host;
    this.servesNobody = servesNobody;
  }

  void check(@Observes @Priority(1) StartupEvent start) {
    if (!servesNobody) {
      requireClosed(config.mode(), host, config.allowOpenNetwork());
    }
  }

  /** Throws, with a sentence for the operator, where anyone on the network could do anything. */
  static void requireClosed(AtelierConfig.AuthMode mode, String host, boolean allowed) {
    if (mode == AtelierConfig.AuthMode.OPEN && !allowed && !isLoopback(host)) {
      throw new IllegalStateException(
          "The API would listen on %s without authentication. Set atelier.auth.mode to tokens or oidc, listen on 127.0.0.1 (quarkus.http.host), or set atelier.auth.allow-open-network=true if everyone who reaches it may do everything."
              .formatted(host));
    }
  }

  private static boolean isLoopback(String host) {
    try {
      return InetAddress.getByName(host).isLoopbackAddress();
    } catch (UnknownHostException e) {
      return false;
    }
  }
}
