package dev.atelier.webhook;

import java.net.URI;
import java.util.HashMap;
import java.util.Map;

/**
 * Requests that a receiver may have at once, so that one that never answers doesn't hold the slots
 * of the others' messages.
 */
public final class ReceiverBudget {

  private static final String MAIL = "mailto:";

  private final int requestsAtOnce;
  private final Map<String, Integer> underWay = new HashMap<>(); // guarded by this

  /**
   * @param requestsAtOnce at least 1
   */
  public ReceiverBudget(int requestsAtOnce) {
    this.requestsAtOnce = requestsAtOnce;
  }

  /** Does a request to the server of this URL; false: it has as many as it may have. */
  public boolean spend(String url, Runnable request) {
    String receiver = server(url);
    if (!begin(receiver)) {
      return false;
    }
    try {
      request.run();
      return true;
    } finally {
      end(receiver);
    }
  }

  private synchronized boolean begin(String receiver) {
    if (underWay.getOrDefault(receiver, 0) >= requestsAtOnce) {
      return false;
    }
    underWay.merge(receiver, 1, Integer::sum);
    return true;
  }

  private synchronized void end(String receiver) {
    underWay.computeIfPresent(receiver, (unused, count) -> count == 1 ? null : count - 1);
  }

  private static String server(String url) {
    if (url.startsWith(MAIL)) {
      return MAIL; // all go through the operator's server
    }
    try {
      return String.valueOf(URI.create(url).getAuthority());
    } catch (IllegalArgumentException e) {
      return url; // no URL: its request is refused
    }
  }
}
