package dev.atelier.api.webhook;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.access.Caller;
import dev.atelier.api.access.Projects;
import dev.atelier.api.experiment.ExperimentId;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.spec.WebhookRequest;
import dev.atelier.api.temporal.WebhookRuns;
import dev.atelier.spec.PublicAddress;
import dev.atelier.spec.SpecFault;
import dev.atelier.workflows.WebhookForm;
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
  private final Caller caller;
  private final Projects projects;
  private final boolean privateAddresses;
  private final boolean mails;

  WebhookService(
      WebhookRepository repository,
      WebhookRuns runs,
      Caller caller,
      Projects projects,
      AtelierConfig config) {
    this.repository = repository;
    this.runs = runs;
    this.caller = caller;
    this.projects = projects;
    this.privateAddresses = config.webhooks().privateAddresses();
    this.mails = config.mail().host().isPresent();
  }

  /** Makes a webhook; only this answer holds its secret. */
  WebhookView create(WebhookRequest request) {
    Optional<String> project = caller.namedProject();
    request.url().map(URI::create).ifPresent(url -> check(url, request.form()));
    if (request.form() == WebhookForm.EMAIL && !mails) {
      throw refused("form", "cannot be email: the server has no mail server (atelier.mail.host).");
    }
    request
        .experiment()
        .filter(id -> id.indexOf('\0') >= 0 || !repository.hasExperiment(id, project))
        .ifPresent(
            id -> {
              throw refused(
                  "experiment",
                  "is unknown: there is no experiment '%s'%s."
                      .formatted(id, project.map(" in project '%s'"::formatted).orElse("")));
            });
    NewWebhook wanted = wanted("wh-" + ExperimentId.next(Instant.now()), project, request);
    repository.insert(wanted);
    WebhookView made = show(wanted.id());
    return request.form() == WebhookForm.SIGNED
        ? made.withSecret(Optional.of(WebhookRequest.secretOf(wanted.secret())))
        : made;
  }

  private static NewWebhook wanted(String id, Optional<String> project, WebhookRequest request) {
    return switch (request.form()) {
      case SIGNED ->
          new NewWebhook(
              id,
              project,
              request.url().orElseThrow(),
              Base64.getEncoder().encodeToString(request.key().orElseGet(() -> random(32))),
              request);
      case SLACK -> {
        URI url = URI.create(request.url().orElseThrow());
        String server = "%s://%s".formatted(url.getScheme(), url.getRawAuthority());
        yield new NewWebhook(id, project, server, url.toString(), request);
      }
      case EMAIL ->
          new NewWebhook(
              id, project, "mailto:" + String.join(",", request.recipients()), "", request);
    };
  }

  private void check(URI url, WebhookForm form) {
    if (privateAddresses) {
      return;
    }
    if (isPrivate(url.getHost())) {
      throw refused(
          "url",
          "must name a public host (atelier.webhooks.private-addresses), found '%s'."
              .formatted(url.getHost()));
    }
    if (form == WebhookForm.SLACK && !url.getScheme().equalsIgnoreCase("https")) {
      throw refused("url", "must begin with https://: it is a secret, found http://.");
    }
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
    List<WebhookView> found = repository.list(projects.visible(), cursor, limit + 1);
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

  /** Sends a message that tells of nothing, to try the receiver out; of mails, the first. */
  DeliveryView test(String id) {
    WebhookView webhook = show(id);
    String delivery = "%s-test-%s".formatted(id, ExperimentId.next(Instant.now()));
    String payload =
        SpecJson.write(
            Map.of(
                "type",
                "webhook.test",
                "timestamp",
                Instant.now().toString(),
                "data",
                Map.of("webhook", id)));
    List<String> recipients = webhook.recipients();
    if (recipients.isEmpty()) {
      repository.insertTest(delivery, id, Optional.empty(), payload);
      return repository.delivery(delivery, runs::page).orElseThrow(() -> unknown(id));
    }
    for (int place = 1; place <= recipients.size(); place++) {
      repository.insertTest(
          delivery + "-" + place, id, Optional.of(recipients.get(place - 1)), payload);
    }
    return repository.delivery(delivery + "-1", runs::page).orElseThrow(() -> unknown(id));
  }

  private static ProblemException unknown(String id) {
    return new ProblemException(
        ProblemType.WEBHOOK_NOT_FOUND, "There is no webhook '%s'.".formatted(id));
  }
}
