package dev.atelier.webhook;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.GeneralSecurityException;
import java.time.Instant;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * A message and where it goes.
 *
 * @param id the same with each attempt, by which the receiver knows a repeated message
 * @param secret key of the signature, Base64
 * @param payload the body as JSON
 */
public record WebhookMessage(String id, String url, String secret, String payload) {

  /** Value of {@code webhook-signature} as Standard Webhooks has it: HMAC-SHA256, version 1. */
  public String signature(Instant timestamp) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(Base64.getDecoder().decode(secret), "HmacSHA256"));
      String signed = "%s.%d.%s".formatted(id, timestamp.getEpochSecond(), payload);
      return "v1," + Base64.getEncoder().encodeToString(mac.doFinal(signed.getBytes(UTF_8)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Without what is secret: a receiver's URL may hold a key too. */
  @Override
  public String toString() {
    return "WebhookMessage[%s]".formatted(id);
  }
}
