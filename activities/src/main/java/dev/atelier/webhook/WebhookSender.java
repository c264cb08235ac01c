package dev.atelier.webhook;

import java.net.URI;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import okhttp3.Dns;

/** Sends messages, once each, in the form that their webhook asks for. */
public final class WebhookSender {

  private static final int NOT_FOUND = 404;
  private static final int GONE = 410;

  private final HttpReceivers http;
  private final Optional<MailServer> mail;
  private final Optional<URI> dashboard;

  /**
   * @param privateAddresses whether receivers may have a loopback, link-local or private address
   * @param mail empty: mails are not sent
   * @param dashboard base URL for links in messages to people; empty: they have none
   */
  public WebhookSender(
      boolean privateAddresses, Optional<MailServer> mail, Optional<URI> dashboard) {
    this.http = new HttpReceivers(privateAddresses, Dns.SYSTEM);
    this.mail = mail;
    this.dashboard = dashboard;
  }

  /** Sends the message once, with the time of now. */
  public Outcome send(WebhookMessage message) {
    return switch (message.form()) {
      case SIGNED -> http.post(message.url(), signed(message), message.payload(), Set.of(GONE));
      case SLACK ->
          http.post(
              message.secret(),
              Map.of(),
              SlackText.of(Notice.of(message.payload(), dashboard)),
              Set.of(NOT_FOUND, GONE)); // https://docs.slack.dev: no_service, channel_is_archived
      case EMAIL -> mailed(message);
    };
  }

  private static Map<String, String> signed(WebhookMessage message) {
    Instant now = Instant.now();
    return Map.of(
        "webhook-id", message.id(),
        "webhook-timestamp", Long.toString(now.getEpochSecond()),
        "webhook-signature", message.signature(now));
  }

  private Outcome mailed(WebhookMessage message) {
    if (message.recipient().isEmpty()) { // made by an api that knows no mails
      return new Outcome.Refused(Optional.empty(), "The mail has no recipient.");
    }
    return mail.map(
            server ->
                server.send(
                    message.id(),
                    message.recipient().get(),
                    Notice.of(message.payload(), dashboard)))
        .orElseGet(
            () ->
                new Outcome.Failed(
                    Optional.empty(), "The worker has no mail server: set atelier.mail.host."));
  }
}
