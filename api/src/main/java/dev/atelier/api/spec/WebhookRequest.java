package dev.atelier.api.spec;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import dev.atelier.spec.SpecFault;
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
    @JsonPropertyDescription("Where messages are posted to: an http or https URL")
        @NotNull
        @Size(min = 1, max = 2000)
        String url,
    @JsonPropertyDescription(
            "Key of the signatures: whsec_ and 24 to 64 bytes as Base64; absent: one is made")
        @NotNull
        Optional<@Pattern(regexp = "whsec_[A-Za-z0-9+/]{32,88}={0,2}") String> secret,
    @JsonPropertyDescription("What to tell of; absent: everything")
        @NotNull
        @Size(min = 1, max = 10)
        List<@NotNull WebhookEvent> events,
    @JsonPropertyDescription("The only experiment to tell of; absent: all") @NotNull
        Optional<@Size(min = 1, max = 64) String> experiment,
    @JsonPropertyDescription("Labels that an experiment must have") @NotNull @Size(max = 32)
        Map<@Size(min = 1, max = 63) String, @NotNull @Size(max = 255) String> labels) {

  private static final String PREFIX = "whsec_";

  public WebhookRequest {
    secret = secret == null ? Optional.empty() : secret;
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

  /** What is wrong beyond the form of the fields. */
  List<SpecFault> faults() {
    List<SpecFault> faults = new ArrayList<>();
    if (url != null && !isAddress(url)) { // null: it is reported as missing
      faults.add(
          new SpecFault(
              "url",
              "must be an http or https URL with a host and without a user, found '%s'."
                  .formatted(url.replace("\0", "\\0"))));
    }
    try {
      int bytes = key().map(key -> key.length).orElse(24);
      if (bytes < 24 || bytes > 64) {
        faults.add(
            new SpecFault("secret", "must be a key of 24 to 64 bytes, found %d.".formatted(bytes)));
      }
    } catch (IllegalArgumentException | StringIndexOutOfBoundsException e) {
      faults.add(new SpecFault("secret", "must be whsec_ and Base64."));
    }
    return faults;
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
