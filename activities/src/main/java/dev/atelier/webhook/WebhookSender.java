package dev.atelier.webhook;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.atelier.spec.PublicAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Proxy;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import okhttp3.Dns;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/** Sends signed messages (https://www.standardwebhooks.com), one request each. */
public final class WebhookSender {

  private static final int GONE = 410;
  private static final MediaType JSON = MediaType.get("application/json");

  private final boolean privateAddresses;
  private final OkHttpClient client;

  /**
   * @param privateAddresses whether receivers may have a loopback, link-local or private address
   */
  public WebhookSender(boolean privateAddresses) {
    this(privateAddresses, Dns.SYSTEM);
  }

  WebhookSender(boolean privateAddresses, Dns names) {
    this.privateAddresses = privateAddresses;
    this.client =
        new OkHttpClient.Builder()
            // Checked where it is looked up: a name cannot point elsewhere a moment later.
            .dns(host -> permitted(host, names.lookup(host)))
            .proxy(Proxy.NO_PROXY)
            .followRedirects(false) // a redirect could lead to where a receiver may not be
            .followSslRedirects(false)
            .callTimeout(Duration.ofSeconds(20))
            .build();
  }

  /** What became of one request. */
  public sealed interface Outcome {

    /** The receiver took it. */
    record Delivered(int status) implements Outcome {}

    /**
     * It may succeed later.
     *
     * @param status of the answer; empty: there was none
     */
    record Failed(Optional<Integer> status, String reason) implements Outcome {}

    /** It makes no sense to try again. */
    record Refused(Optional<Integer> status, String reason) implements Outcome {}
  }

  /** Sends the message once, signed with the time of now. */
  public Outcome send(WebhookMessage message) {
    HttpUrl url = HttpUrl.parse(message.url());
    if (url == null) {
      return new Outcome.Refused(Optional.empty(), "The URL of the webhook is no http(s) URL.");
    }
    Instant now = Instant.now();
    Request request =
        new Request.Builder()
            .url(url)
            .header("webhook-id", message.id())
            .header("webhook-timestamp", Long.toString(now.getEpochSecond()))
            .header("webhook-signature", message.signature(now))
            .header("User-Agent", "Atelier")
            .post(RequestBody.create(message.payload().getBytes(UTF_8), JSON))
            .build();
    try {
      if (url.host().matches("[0-9.]+|.*:.*")) { // no name, so that none is looked up
        permitted(url.host(), List.of(InetAddress.getByName(url.host())));
      }
      try (Response response = client.newCall(request).execute()) {
        return outcome(url.host(), response.code());
      }
    } catch (PrivateAddressException e) {
      return new Outcome.Refused(Optional.empty(), e.getMessage());
    } catch (IOException e) {
      return new Outcome.Failed(
          Optional.empty(),
          "%s could not be reached: %s."
              .formatted(
                  url.host(),
                  e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage()));
    }
  }

  private static Outcome outcome(String host, int status) {
    if (status >= 200 && status < 300) {
      return new Outcome.Delivered(status);
    }
    String reason = "%s answered %d: expected 200 to 299.".formatted(host, status);
    return status == GONE
        ? new Outcome.Refused(Optional.of(status), reason)
        : new Outcome.Failed(Optional.of(status), reason);
  }

  private List<InetAddress> permitted(String host, List<InetAddress> addresses)
      throws PrivateAddressException {
    for (InetAddress address : addresses) {
      if (!privateAddresses && !PublicAddress.is(address)) {
        throw new PrivateAddressException(
            "%s has an address that is not public (atelier.webhooks.private-addresses)."
                .formatted(host));
      }
    }
    return addresses;
  }

  private static final class PrivateAddressException extends UnknownHostException {

    private static final long serialVersionUID = 1L;

    PrivateAddressException(String message) {
      super(message);
    }
  }
}
