package dev.atelier.webhook;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a message tells people.
 *
 * @param subject one line of at most 150 characters: the experiment's name and its state
 * @param message why a model failed
 * @param facts such as {@code experiment 20261123-100000-p7qa}
 * @param link to the experiment on the dashboard
 */
record Notice(String subject, Optional<String> message, List<String> facts, Optional<URI> link) {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern NO_LINE = Pattern.compile("[\\p{IsCc}\\p{Zl}\\p{Zp}]+");
  private static final int LONGEST_SUBJECT = 150; // a header of Slack's
  private static final int LONGEST_MESSAGE = 2_000;

  /** Reads a payload; {@code dashboard} is the base URL for links. */
  static Notice of(String payload, Optional<URI> dashboard) {
    JsonNode told = read(payload);
    JsonNode data = told.path("data");
    Optional<String> experiment = text(data, "experiment");
    return new Notice(
        line(subject(told, data), LONGEST_SUBJECT),
        text(data, "message").map(text -> line(text, LONGEST_MESSAGE)),
        Stream.of(
                experiment.map("experiment %s"::formatted),
                text(data, "project").map("project %s"::formatted),
                text(data, "webhook").map("webhook %s"::formatted),
                text(told, "timestamp"))
            .flatMap(Optional::stream)
            .map(fact -> line(fact, LONGEST_SUBJECT))
            .toList(),
        dashboard.flatMap(base -> experiment.map(id -> page(base, id))));
  }

  private static String subject(JsonNode told, JsonNode data) {
    String name = text(data, "name").orElse("Atelier");
    return text(data, "stage")
        .or(() -> text(data, "model").map("%s failed"::formatted))
        .or(() -> text(told, "type"))
        .map(state -> "%s: %s".formatted(shortened(name, LONGEST_SUBJECT / 2), state))
        .orElse(name);
  }

  private static URI page(URI base, String experiment) {
    return URI.create(
        "%s/#/experiments/%s".formatted(base.toString().replaceFirst("/+$", ""), experiment));
  }

  private static JsonNode read(String payload) {
    try {
      return JSON.readTree(payload);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("The payload of a message is no JSON.", e);
    }
  }

  private static Optional<String> text(JsonNode fields, String name) {
    return Optional.ofNullable(fields.path(name).textValue());
  }

  /** One line: a header ends where a line does. */
  private static String line(String text, int longest) {
    return shortened(NO_LINE.matcher(text).replaceAll(" ").strip(), longest);
  }

  private static String shortened(String text, int longest) {
    if (text.length() <= longest) {
      return text;
    }
    boolean halves = Character.isHighSurrogate(text.charAt(longest - 2));
    return text.substring(0, longest - (halves ? 2 : 1)) + "…";
  }
}
