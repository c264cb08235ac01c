package dev.atelier.store.objects;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.security.interfaces.RSAPublicKey;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;

/** An OpenID Connect provider, as far as a store looks at it: its documents and its tokens. */
final class IdentityProvider implements AutoCloseable {

  static final String AUDIENCE = "atelier";

  private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();

  private final HttpServer server;
  private final KeyPair key;

  IdentityProvider() throws IOException, GeneralSecurityException {
    key = newKey();
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    document(
        "/.well-known/openid-configuration",
        """
        {"issuer": "%1$s", "jwks_uri": "%1$s/keys", "authorization_endpoint": "%1$s/authorize",
         "token_endpoint": "%1$s/token", "response_types_supported": ["code"],
         "subject_types_supported": ["public"], "scopes_supported": ["openid"],
         "id_token_signing_alg_values_supported": ["RS256"]}
        """
            .formatted(issuer()));
    RSAPublicKey open = (RSAPublicKey) key.getPublic();
    document(
        "/keys",
        """
        {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": "%s", "e": "%s"}]}
        """
            .formatted(number(open.getModulus()), number(open.getPublicExponent())));
    server.start();
  }

  private void document(String path, String json) {
    server.createContext(
        path,
        exchange -> {
          exchange.getResponseHeaders().add("Content-Type", "application/json");
          byte[] bytes = json.getBytes(UTF_8);
          exchange.sendResponseHeaders(200, bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
  }

  String issuer() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  /** A token of a program that a policy of the store is for. */
  String token(String policy, Instant expiresAt) throws GeneralSecurityException {
    return token(policy, expiresAt, key);
  }

  /** The same, signed by somebody else. */
  String forgedToken(String policy, Instant expiresAt) throws GeneralSecurityException {
    return token(policy, expiresAt, newKey());
  }

  private String token(String policy, Instant expiresAt, KeyPair signer)
      throws GeneralSecurityException {
    String content =
        encoded("{\"alg\": \"RS256\", \"typ\": \"JWT\", \"kid\": \"one\"}")
            + "."
            + encoded(
                """
                {"iss": "%s", "sub": "worker", "aud": "%s", "policy": "%s", "iat": %d, "exp": %d}
                """
                    .formatted(
                        issuer(),
                        AUDIENCE,
                        policy,
                        Instant.now().getEpochSecond(),
                        expiresAt.getEpochSecond()));
    Signature signature = Signature.getInstance("SHA256withRSA");
    signature.initSign(signer.getPrivate());
    signature.update(content.getBytes(UTF_8));
    return content + "." + BASE64.encodeToString(signature.sign());
  }

  private static KeyPair newKey() throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    return generator.generateKeyPair();
  }

  private static String encoded(String text) {
    return BASE64.encodeToString(text.getBytes(UTF_8));
  }

  private static String number(BigInteger number) {
    byte[] bytes = number.toByteArray(); // with a zero before a first bit that is set
    return BASE64.encodeToString(
        bytes[0] == 0 ? Arrays.copyOfRange(bytes, 1, bytes.length) : bytes);
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
