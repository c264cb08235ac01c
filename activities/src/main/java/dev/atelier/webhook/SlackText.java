package dev.atelier.webhook;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A notice as Slack's incoming webhooks take it: blocks, and {@code text} where none are shown.
 * https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 */
final class SlackText {

  private static final ObjectMapper JSON = new ObjectMapper();

  private SlackText() {}

  /** The body of the request, JSON. */
  static String of(Notice notice) {
    ObjectNode message = JSON.createObjectNode();
    message.put("text", escaped(notice.subject()));
    ArrayNode blocks = message.putArray("blocks");
    plain(blocks.addObject().put("type", "header").putObject("text"), notice.subject());
    notice
        .message()
        .ifPresent(
            text -> plain(blocks.addObject().put("type", "section").putObject("text"), text));
    notice
        .link()
        .ifPresent(
            link ->
                blocks
                    .addObject()
                    .put("type", "section")
                    .putObject("text")
                    .put("type", "mrkdwn")
                    .put("text", "<%s|Dashboard>".formatted(escaped(link.toString()))));
    plain(
        blocks.addObject().put("type", "context").putArray("elements").addObject(),
        String.join(" · ", notice.facts()));
    return message.toString();
  }

  /** Without markup: what users wrote calls nobody ({@code <!channel>}) and hides no link. */
  private static void plain(ObjectNode element, String text) {
    element.put("type", "plain_text").put("text", text).put("emoji", false);
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
