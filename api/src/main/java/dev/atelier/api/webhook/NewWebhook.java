package dev.atelier.api.webhook;

import dev.atelier.api.spec.WebhookRequest;
import java.util.Optional;

/**
 * A webhook that is to be stored.
 *
 * @param project empty: every one
 * @param url what everybody may see who sees the webhook
 * @param secret key of the signatures, Base64; of Slack's form the URL; of mails empty
 */
record NewWebhook(
    String id, Optional<String> project, String url, String secret, WebhookRequest request) {

  /** Without what is secret. */
  @Override
  public String toString() {
    return "NewWebhook[%s]".formatted(id);
  }
}
