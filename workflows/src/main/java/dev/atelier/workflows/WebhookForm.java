package dev.atelier.workflows;

import com.fasterxml.jackson.annotation.JsonProperty;

/** How a message of a webhook is written, and brought to its receiver. */
public enum WebhookForm {
  /** JSON, posted to a URL and signed as Standard Webhooks has it. */
  @JsonProperty("signed")
  SIGNED,
  /** JSON as Slack's incoming webhooks take it, posted to a URL that is the secret. */
  @JsonProperty("slack")
  SLACK,
  /** Plain text, mailed to each recipient. */
  @JsonProperty("email")
  EMAIL
}
