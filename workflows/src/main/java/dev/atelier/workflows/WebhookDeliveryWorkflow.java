package dev.atelier.workflows;

import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

/** Brings one message to one receiver, trying for a day. */
@WorkflowInterface
public interface WebhookDeliveryWorkflow {

  /** The delivery: what is sent, and the secret that signs it, are in the database alone. */
  record Input(String deliveryId) {}

  /** The Temporal workflow id of a delivery. */
  static String workflowId(String deliveryId) {
    return "webhook-" + deliveryId;
  }

  @WorkflowMethod(name = "WebhookDeliveryWorkflow")
  void run(Input input);
}
