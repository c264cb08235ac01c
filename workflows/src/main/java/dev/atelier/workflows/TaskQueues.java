package dev.atelier.workflows;

/** Names of the Temporal task queues. */
public final class TaskQueues {

  /** Workflows and light activities: dataset preparation and database writes. */
  public static final String LIGHT = "atelier";

  private TaskQueues() {}

  /**
   * Training, sampling and evaluation on one class of device, such as {@code cpu} or {@code gpu}.
   */
  public static String compute(String deviceClass) {
    return LIGHT + "-" + deviceClass;
  }
}
