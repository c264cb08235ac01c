package dev.atelier.api.access;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.interfaces.RSAPublicKey;
import java.time.Instant;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A small OpenID Connect provider on loopback: its discovery document, its key, its tokens. */
public class TokenIssuer implements QuarkusTestResourceLifecycleManager {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final KeyPair KEYS = newKeys();
  private static final KeyPair OTHER_KEYS = newKeys();
  private static volatile String issuer = "";

  private HttpServer server;

  @Override
  public Map<String, String> start() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    issuer = "http://127.0.0.1:" + server.getAddress().getPort();
    RSAPublicKey key = (RSAPublicKey) KEYS.getPublic();
    serve(
        "/.well-known/openid-configuration",
        Map.of(
            "issuer", issuer,
            "jwks_uri", issuer + "/keys",
            "token_endpoint", issuer + "/token",
            "authorization_endpoint", issuer + "/authorize",
            "end_session_endpoint", issuer + "/end"));
    serve(
        "/keys",
        Map.of(
            "keys",
            List.of(
                Map.of(
                    "kty", "RSA",
                    "use", "sig",
                    "alg", "RS256",
                    "kid", "test",
                    "n", base64(unsigned(key.getModulus().toByteArray())),
                    "e", base64(unsigned(key.getPublicExponent().toByteArray()))))));
    server.start();
    return Map.of(
        "atelier.auth.mode", "oidc",
        "atelier.auth.oidc.issuer", issuer,
        "atelier.auth.oidc.client-id", "atelier",
        "atelier.auth.oidc.state-secret", "of-the-tests-0123456789-abcdefghijklmnop");
  }

  private void serve(String path, Map<String, Object> document) {
    byte[] body = write(document).getBytes(StandardCharsets.UTF_8);
    server.createContext(
        path,
        exchange -> {
          try (exchange) {
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
          }
        });
  }

  @Override
  public void stop() {
    if (server != null) {
      server.stop(0);
    }
  }

  /** A token for this server that holds an hour. */
  static String token(String role, String... projects) {
    return signed(KEYS.getPrivate(), claims(role, projects));
  }

  /** A token of a person of that name. */
  static String tokenOf(String name, String role, String... projects) {
    Map<String, Object> claims = claims(role, projects);
    claims.put("sub", name + "-subject");
    claims.put("preferred_username", name);
    return signed(KEYS.getPrivate(), claims);
  }

  static String expired(String role, String... projects) {
    Map<String, Object> claims = claims(role, projects);
    claims.put("exp", Instant.now().minusSeconds(3600).getEpochSecond());
    claims.put("iat", Instant.now().minusSeconds(7200).getEpochSecond());
    return signed(KEYS.getPrivate(), claims);
  }

  static String forAnotherServer(String role, String... projects) {
    Map<String, Object> claims = claims(role, projects);
    claims.put("aud", "another-service");
    return signed(KEYS.getPrivate(), claims);
  }

  static String ofAnotherIssuer(String role, String... projects) {
    Map<String, Object> claims = claims(role, projects);
    claims.put("iss", "http://127.0.0.1:1");
    return signed(KEYS.getPrivate(), claims);
  }

  static String signedByAnother(String role, String... projects) {
    return signed(OTHER_KEYS.getPrivate(), claims(role, projects));
  }

  private static Map<String, Object> claims(String role, String... projects) {
    Map<String, Object> claims = new HashMap<>();
    claims.put("iss", issuer);
    claims.put("aud", "atelier");
    claims.put("sub", role + "-subject");
    claims.put("preferred_username", role);
    claims.put("groups", List.of("atelier-" + role, "everyone"));
    claims.put("atelier_projects", List.of(projects));
    claims.put("iat", Instant.now().getEpochSecond());
    claims.put("exp", Instant.now().plusSeconds(3600).getEpochSecond());
    return claims;
  }

  private static String signed(PrivateKey key, Map<String, Object> claims) {
    String text =
        base64(write(Map.of("alg", "RS256", "typ", "JWT", "kid", "test")))
            + "."
            + base64(write(claims));
    try {
      Signature signature = Signature.getInstance("SHA256withRSA");
      signature.initSign(key);
      signature.update(text.getBytes(StandardCharsets.US_ASCII));
      return text + "." + base64(signature.sign());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String write(Map<String, Object> document) {
    try {
      return JSON.writeValueAsString(document);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String base64(String text) {
    return base64(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String base64(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  private static byte[] unsigned(byte[] number) {
    return number[0] == 0 ? java.util.Arrays.copyOfRange(number, 1, number.length) : number;
  }

  private static KeyPair newKeys() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
      generator.initialize(2048);
      return generator.generateKeyPair();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
