package dev.atelier.webhook;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What Slack takes at an incoming webhook, as far as we send it: fields, types and lengths of
 * https://docs.slack.dev/reference/block-kit/blocks and of its composition objects.
 */
public final class SlackSchema {

  private static final Map<String, Set<String>> FIELDS =
      Map.of(
          "header", Set.of("type", "text", "block_id"),
          "section", Set.of("type", "text", "block_id", "fields", "accessory", "expand"),
          "context", Set.of("type", "elements", "block_id"));

  private SlackSchema() {}

  /** What Slack would refuse; empty: nothing. */
  public static List<String> faults(JsonNode message) {
    List<String> faults = new ArrayList<>();
    if (!message.path("text").isTextual() || message.path("text").asText().isEmpty()) {
      faults.add("text: the fallback is missing");
    }
    JsonNode blocks = message.path("blocks");
    if (!blocks.isArray() || blocks.isEmpty() || blocks.size() > 50) {
      faults.add("blocks: expected 1 to 50");
    }
    Set<String> others = names(message);
    others.removeAll(Set.of("text", "blocks"));
    others.forEach(name -> faults.add(name + ": unknown"));
    blocks.forEach(block -> block(block, faults));
    return faults;
  }

  private static void block(JsonNode block, List<String> faults) {
    String type = block.path("type").asText();
    Set<String> others = names(block);
    others.removeAll(FIELDS.getOrDefault(type, Set.of()));
    others.forEach(name -> faults.add("%s.%s: unknown".formatted(type, name)));
    switch (type) {
      case "header" -> text(block.path("text"), Set.of("plain_text"), 150, faults);
      case "section" -> text(block.path("text"), Set.of("plain_text", "mrkdwn"), 3000, faults);
      case "context" -> {
        JsonNode elements = block.path("elements");
        if (!elements.isArray() || elements.isEmpty() || elements.size() > 10) {
          faults.add("context.elements: expected 1 to 10");
        }
        elements.forEach(element -> text(element, Set.of("plain_text", "mrkdwn"), 3000, faults));
      }
      default -> faults.add("block of type '%s'".formatted(type));
    }
  }

  private static void text(JsonNode text, Set<String> types, int longest, List<String> faults) {
    String type = text.path("type").asText();
    Set<String> others = names(text);
    others.removeAll(Set.of("type", "text", type.equals("plain_text") ? "emoji" : "verbatim"));
    int length = text.path("text").asText().length();
    if (!types.contains(type)
        || !text.path("text").isTextual()
        || length < 1
        || length > longest
        || !others.isEmpty()) {
      faults.add("text of type '%s' and %d characters".formatted(type, length));
    }
  }

  private static Set<String> names(JsonNode object) {
    Set<String> names = new TreeSet<>();
    object.fieldNames().forEachRemaining(names::add);
    return names;
  }
}
