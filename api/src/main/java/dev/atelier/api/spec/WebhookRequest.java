package dev.atelier.api.spec;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import dev.atelier.spec.SpecFault;
import dev.atelier.workflows.WebhookForm;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Whom to tell of what. */
public record WebhookRequest(
    @JsonPropertyDescription("How messages are written: signed JSON, Slack's, or mails") @NotNull
        WebhookForm form,
    @JsonPropertyDescription(
            "Where messages are posted to: an http or https URL; with slack the one that Slack"
                + " gave, which is a secret; with email absent")
        @NotNull
        Optional<@Size(min = 1, max = 2000) String> url,
    @JsonPropertyDescription(
            "Key of the signatures: whsec_ and 24 to 64 bytes as Base64; absent: one is made")
        @NotNull
        Optional<@Pattern(regexp = "whsec_[A-Za-z0-9+/]{32,88}={0,2}") String> secret,
    @JsonPropertyDescription("With email: who gets a mail") @NotNull @Size(max = 20)
        List<@NotNull @Size(max = 254) @Pattern(regexp = WebhookRequest.ADDRESS) String> recipients,
    @JsonPropertyDescription("What to tell of; absent: everything")
        @NotNull
        @Size(min = 1, max = 10)
        List<@NotNull WebhookEvent> events,
    @JsonPropertyDescription("The only experiment to tell of; absent: all") @NotNull
        Optional<@Size(min = 1, max = 64) String> experiment,
    @JsonPropertyDescription("Labels that an experiment must have") @NotNull @Size(max = 32)
        Map<@Size(min = 1, max = 63) String, @NotNull @Size(max = 255) String> labels) {

  /** As HTML has it for its forms: no quotes, comments or spaces. */
  static final String ADDRESS =
      "[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
          + "(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*";

  private static final String PREFIX = "whsec_";

  public WebhookRequest {
    form = form == null ? WebhookForm.SIGNED : form;
    url = url == null ? Optional.empty() : url;
    secret = secret == null ? Optional.empty() : secret;
    recipients = recipients == null ? List.of() : List.copyOf(recipients);
    events = events == null ? List.of(WebhookEvent.values()) : List.copyOf(events);
    experiment = experiment == null ? Optional.empty() : experiment;
    labels = labels == null ? Map.of() : Map.copyOf(labels);
  }

  /** The bytes of the key that the caller chose; throws IllegalArgumentException if malformed. */
  public Optional<byte[]> key() {
    return secret.map(text -> Base64.getDecoder().decode(text.substring(PREFIX.length())));
  }

  /** A key as callers write it. */
  public static String secretOf(String base64) {
    return PREFIX + base64;
  }

  /** Without what is secret. */
  @Override
  public String toString() {
    return "WebhookRequest[%s]".formatted(form);
  }

  /** What is wrong beyond the form of the fields. */
  List<SpecFault> faults() {
    return switch (form) {
      case SIGNED -> {
        List<SpecFault> faults = posted();
        keyFault().ifPresent(faults::add);
        yield faults;
      }
      case SLACK -> {
        List<SpecFault> faults = posted();
        secret.ifPresent(key -> faults.add(unsigned()));
        yield faults;
      }
      case EMAIL -> mailed();
    };
  }

  private List<SpecFault> posted() {
    List<SpecFault> faults = new ArrayList<>();
    if (url.isEmpty()) {
      faults.add(new SpecFault("url", "is missing: it is where messages are posted to."));
    } else if (!isAddress(url.get())) {
      String found =
          form == WebhookForm.SLACK // a secret, even if it is malformed
              ? ""
              : ", found '%s'".formatted(url.get().replace("\0", "\\0"));
      faults.add(
          new SpecFault(
              "url",
              "must be an http or https URL with a host and without a user%s.".formatted(found)));
    }
    if (!recipients.isEmpty()) {
      faults.add(new SpecFault("recipients", "must be left out: they are those of mails."));
    }
    return faults;
  }

  private List<SpecFault> mailed() {
    List<SpecFault> faults = new ArrayList<>();
    if (recipients.isEmpty()) {
      faults.add(new SpecFault("recipients", "are missing: 1 to 20 addresses get the mails."));
    }
    url.ifPresent(
        given -> faults.add(new SpecFault("url", "must be left out: mails go to recipients.")));
    secret.ifPresent(key -> faults.add(unsigned()));
    return faults;
  }

  private static SpecFault unsigned() {
    return new SpecFault("secret", "must be left out: only the form signed is signed.");
  }

  private Optional<SpecFault> keyFault() {
    try {
      int bytes = key().map(key -> key.length).orElse(24);
      return bytes < 24 || bytes > 64
          ? Optional.of(
              new SpecFault(
                  "secret", "must be a key of 24 to 64 bytes, found %d.".formatted(bytes)))
          : Optional.empty();
    } catch (IllegalArgumentException | StringIndexOutOfBoundsException e) {
      return Optional.of(new SpecFault("secret", "must be whsec_ and Base64."));
    }
  }

  private static boolean isAddress(String url) {
    try {
      URI uri = new URI(url);
      return uri.getScheme() != null
          && uri.getScheme().matches("(?i)https?")
          && uri.getHost() != null
          && uri.getRawUserInfo() == null
          && uri.getRawFragment() == null;
    } catch (URISyntaxException e) {
      return false;
    }
  }
}
