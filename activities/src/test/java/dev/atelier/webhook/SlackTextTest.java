package dev.atelier.webhook;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SlackTextTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  @Test
  void shouldBeWhatSlackDocumentsHoweverLongTheNameIs() throws Exception {
    for (String name : new String[] {"first", "蒸留 🎨", "x".repeat(5_000), "a\nb", ""}) {
      JsonNode message = message(name, "The loss is NaN at step 120. " + "y".repeat(5_000));
      assertThat(SlackSchema.faults(message)).as(name).isEmpty();
      assertThat(message.path("text").asText()).endsWith(": student-2 failed");
      assertThat(message.toString())
          .contains("<https://atelier.example.org/base/#/experiments/e-1|Dashboard>");
    }
  }

  @Test
  void shouldCallNobodyByAName() throws Exception {
    JsonNode message = message("<!channel> & <https://evil.example|x>", "<!here>");
    assertThat(message.path("text").asText()).contains("&lt;!channel&gt; &amp; &lt;https");
    message
        .findParents("text")
        .forEach(
            element -> {
              if (element.path("type").asText().equals("mrkdwn")) {
                assertThat(element.path("text").asText()).doesNotContain("<!", "evil");
              }
            });
    assertThat(message.findValuesAsText("type")).contains("mrkdwn", "plain_text");
  }

  @Test
  void shouldFindWhatSlackWouldRefuse() throws Exception { // control of the check itself
    ObjectNode message = (ObjectNode) message("first", "no");
    assertThat(SlackSchema.faults(message)).isEmpty();
    ((ObjectNode) message.path("blocks").get(0).path("text")).put("text", "x".repeat(151));
    assertThat(SlackSchema.faults(message)).hasSize(1);
    message.remove("text");
    assertThat(SlackSchema.faults(message)).hasSize(2);
    assertThat(SlackSchema.faults(JSON.readTree("{\"type\": \"experiment.stage\"}"))).isNotEmpty();
  }

  private static JsonNode message(String name, String failure) throws Exception {
    ObjectNode payload = JSON.createObjectNode().put("type", "model.failed");
    payload.put("timestamp", "2026-12-01T06:00:00Z");
    payload
        .putObject("data")
        .put("experiment", "e-1")
        .put("name", name)
        .put("model", "student-2")
        .put("message", failure);
    return JSON.readTree(
        SlackText.of(
            Notice.of(
                payload.toString(), Optional.of(URI.create("https://atelier.example.org/base")))));
  }
}
