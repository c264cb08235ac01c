package dev.atelier.workflows;

import dev.atelier.workflows.WebhookActivities.Delivery;
import io.temporal.failure.TemporalFailure;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Workflow;

/** One activity whose retries are the schedule; then the row tells how it ended. */
public final class WebhookDeliveryWorkflowImpl implements WebhookDeliveryWorkflow {

  private final WebhookActivities receiver =
      Workflow.newActivityStub(WebhookActivities.class, Activities.WEBHOOK);
  private final WebhookActivities history =
      Workflow.newActivityStub(WebhookActivities.class, Activities.DATABASE);

  @Override
  public void run(Input input) {
    Delivery delivery = new Delivery(input.deliveryId());
    try {
      receiver.deliver(delivery);
    } catch (TemporalFailure e) {
      // Recorded outside the workflow's scope, which may be canceled.
      CancellationScope end =
          Workflow.newDetachedCancellationScope(() -> history.recordUndelivered(delivery));
      end.run();
      throw e;
    }
  }
}
