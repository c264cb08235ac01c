package dev.atelier.webhook;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.atelier.workflows.WebhookForm;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.util.Base64;
import java.util.Optional;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * A message and where it goes.
 *
 * @param id the same with each attempt, by which the receiver knows a repeated message
 * @param url where a signed one is posted to
 * @param secret of a signed one the key of the signature, Base64; of one for Slack its URL
 * @param recipient of a mail
 * @param payload what it tells, as JSON
 */
public record WebhookMessage(
    String id,
    WebhookForm form,
    String url,
    String secret,
    Optional<String> recipient,
    String payload) {

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
