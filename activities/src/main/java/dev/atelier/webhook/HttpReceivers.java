package dev.atelier.webhook;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.atelier.spec.PublicAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Proxy;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import okhttp3.Dns;
import okhttp3.Headers;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/** Posts JSON to users' servers, which may not be those of the operator's own network. */
final class HttpReceivers {

  private static final MediaType JSON = MediaType.get("application/json");

  private final boolean privateAddresses;
  private final OkHttpClient client;

  HttpReceivers(boolean privateAddresses, Dns names) {
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

  /**
   * Posts once. No outcome holds more of the URL than its host.
   *
   * @param gone statuses after which it makes no sense to try again
   */
  Outcome post(String address, Map<String, String> headers, String body, Set<Integer> gone) {
    HttpUrl url = HttpUrl.parse(address);
    if (url == null) {
      return new Outcome.Refused(Optional.empty(), "The URL of the webhook is no http(s) URL.");
    }
    Request request =
        new Request.Builder()
            .url(url)
            .headers(Headers.of(headers))
            .header("User-Agent", "Atelier")
            .post(RequestBody.create(body.getBytes(UTF_8), JSON))
            .build();
    try {
      if (url.host().matches("[0-9.]+|.*:.*")) { // no name, so that none is looked up
        permitted(url.host(), List.of(InetAddress.getByName(url.host())));
      }
      try (Response response = client.newCall(request).execute()) {
        return outcome(url.host(), response.code(), gone);
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

  private static Outcome outcome(String host, int status, Set<Integer> gone) {
    if (status >= 200 && status < 300) {
      return new Outcome.Delivered(status);
    }
    String reason = "%s answered %d: expected 200 to 299.".formatted(host, status);
    return gone.contains(status)
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
