package dev.atelier.api.spec;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Arrays;

/** What a webhook can tell of. */
public enum WebhookEvent {
  /** An experiment entered a stage. */
  @JsonProperty("experiment.stage")
  EXPERIMENT_STAGE("experiment.stage"),
  /** A model of an experiment failed. */
  @JsonProperty("model.failed")
  MODEL_FAILED("model.failed");

  private final String type;

  WebhookEvent(String type) {
    this.type = type;
  }

  /** The {@code type} of its messages. */
  public String type() {
    return type;
  }

  /** The event whose messages have this type. */
  public static WebhookEvent of(String type) {
    return Arrays.stream(values()).filter(e -> e.type.equals(type)).findFirst().orElseThrow();
  }
}
