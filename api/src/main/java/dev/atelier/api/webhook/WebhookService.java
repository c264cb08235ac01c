package dev.atelier.api.webhook;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.experiment.ExperimentId;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.spec.WebhookRequest;
import dev.atelier.api.temporal.WebhookRuns;
import dev.atelier.spec.PublicAddress;
import dev.atelier.spec.SpecFault;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** What users can do with webhooks. */
@ApplicationScoped
class WebhookService {

  private static final SecureRandom RANDOM = new SecureRandom();

  private final WebhookRepository repository;
  private final WebhookRuns runs;
  private final AtelierConfig.Webhooks config;

  WebhookService(WebhookRepository repository, WebhookRuns runs, AtelierConfig config) {
    this.repository = repository;
    this.runs = runs;
    this.config = config.webhooks();
  }

  /** Makes a webhook; only this answer holds its secret. */
  WebhookView create(WebhookRequest request) {
    if (!config.privateAddresses() && isPrivate(URI.create(request.url()).getHost())) {
      throw refused(
          "url",
          "must name a public host (atelier.webhooks.private-addresses), found '%s'."
              .formatted(URI.create(request.url()).getHost()));
    }
    request
        .experiment()
        .filter(id -> id.indexOf('\0') >= 0 || !repository.hasExperiment(id))
        .ifPresent(
            id -> {
              throw refused("experiment", "is unknown: there is no experiment '%s'.".formatted(id));
            });
    String id = "wh-" + ExperimentId.next(Instant.now());
    String key = Base64.getEncoder().encodeToString(request.key().orElseGet(() -> random(32)));
    repository.insert(
        id,
        request.url(),
        key,
        request.events().stream().distinct().toList(),
        request.experiment(),
        request.labels());
    WebhookView made = show(id);
    return new WebhookView(
        made.id(),
        made.url(),
        made.events(),
        made.experiment(),
        made.labels(),
        made.createdAt(),
        Optional.of(WebhookRequest.secretOf(key)));
  }

  private static ProblemException refused(String field, String message) {
    return new ProblemException(
        ProblemType.INVALID_SPEC,
        "%s %s".formatted(field, message),
        List.of(new SpecFault(field, message)));
  }

  /** As far as its text tells: names are looked up when a message is sent. */
  private static boolean isPrivate(String host) {
    String name = host.toLowerCase(Locale.ROOT).replaceAll("\\.$", "");
    if (name.equals("localhost") || name.endsWith(".localhost")) {
      return true;
    }
    if (!name.matches("[0-9.]+|\\[[0-9a-f:.]+]")) {
      return false;
    }
    try {
      return !PublicAddress.is(InetAddress.getByName(name));
    } catch (UnknownHostException e) {
      return false;
    }
  }

  private static byte[] random(int bytes) {
    byte[] random = new byte[bytes];
    RANDOM.nextBytes(random);
    return random;
  }

  WebhookPage list(Optional<String> cursor, int limit) {
    List<WebhookView> found = repository.list(cursor, limit + 1);
    return new WebhookPage(
        found.stream().limit(limit).toList(),
        found.size() > limit ? Optional.of(found.get(limit - 1).id()) : Optional.empty());
  }

  WebhookView show(String id) {
    return Optional.of(id)
        .filter(text -> text.indexOf('\0') < 0)
        .flatMap(repository::find)
        .orElseThrow(() -> unknown(id));
  }

  void delete(String id) {
    if (id.indexOf('\0') >= 0 || !repository.delete(id)) {
      throw unknown(id);
    }
  }

  DeliveryPage deliveries(String id, Optional<String> cursor, int limit) {
    show(id);
    List<DeliveryView> found = repository.deliveries(id, cursor, limit + 1, runs::page);
    return new DeliveryPage(
        found.stream().limit(limit).toList(),
        found.size() > limit ? Optional.of(found.get(limit - 1).id()) : Optional.empty());
  }

  /** Sends a message that tells of nothing, to try the receiver out. */
  DeliveryView test(String id) {
    show(id);
    String delivery = "%s-test-%s".formatted(id, ExperimentId.next(Instant.now()));
    repository.insertTest(
        delivery,
        id,
        SpecJson.write(
            Map.of(
                "type",
                "webhook.test",
                "timestamp",
                Instant.now().toString(),
                "data",
                Map.of("webhook", id))));
    return repository.delivery(delivery, runs::page).orElseThrow(() -> unknown(id));
  }

  private static ProblemException unknown(String id) {
    return new ProblemException(
        ProblemType.WEBHOOK_NOT_FOUND, "There is no webhook '%s'.".formatted(id));
  }
}
