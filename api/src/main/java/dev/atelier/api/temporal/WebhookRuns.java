package dev.atelier.api.temporal;

import dev.atelier.workflows.WebhookDeliveryWorkflow;
import io.temporal.common.SearchAttributes;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.URI;
import java.util.Optional;

/** The workflows that deliver messages; throws {@link TemporalUnavailableException}. */
@ApplicationScoped
public class WebhookRuns {

  private final WorkflowRuns runs;

  WebhookRuns(WorkflowRuns runs) {
    this.runs = runs;
  }

  /** Starts the workflow of a delivery; does nothing if it was ever started. */
  public void start(String deliveryId, String type) {
    runs.start(
        new WorkflowRuns.Start(
            WebhookDeliveryWorkflow.class.getSimpleName(),
            WebhookDeliveryWorkflow.workflowId(deliveryId),
            "webhook " + type,
            "Brings one message to one receiver, for a day at most.",
            SearchAttributes.EMPTY,
            new WebhookDeliveryWorkflow.Input(deliveryId)));
  }

  /** Page of the delivery's workflow in the Temporal Web UI, if there is one. */
  public Optional<URI> page(String deliveryId) {
    return runs.page(WebhookDeliveryWorkflow.workflowId(deliveryId));
  }
}
