package dev.atelier.local;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.enums.v1.TaskQueueType;
import io.temporal.api.taskqueue.v1.TaskQueue;
import io.temporal.api.workflowservice.v1.DescribeNamespaceRequest;
import io.temporal.api.workflowservice.v1.DescribeTaskQueueRequest;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.io.IOException;
import java.time.Duration;

/** Questions to a Temporal server that show whether it and its workers are up. */
final class TemporalProbe {

  private static final Duration TIMEOUT = Duration.ofSeconds(2);

  private TemporalProbe() {}

  /** Throws while the server does not answer for the namespace. */
  static void requireNamespace(String target, String namespace) {
    WorkflowServiceStubs stubs = connect(target);
    try {
      stubs
          .blockingStub()
          .describeNamespace(DescribeNamespaceRequest.newBuilder().setNamespace(namespace).build());
    } finally {
      stubs.shutdownNow();
    }
  }

  /**
   * Throws while no process with this name asks for activities of a task queue.
   *
   * @param worker the part of its identity before {@code @}
   */
  static void requirePoller(String target, String namespace, String taskQueue, String worker)
      throws IOException {
    WorkflowServiceStubs stubs = connect(target);
    try {
      boolean polls =
          stubs
              .blockingStub()
              .describeTaskQueue(
                  DescribeTaskQueueRequest.newBuilder()
                      .setNamespace(namespace)
                      .setTaskQueue(TaskQueue.newBuilder().setName(taskQueue))
                      .setTaskQueueType(TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
                      .build())
              .getPollersList()
              .stream()
              .anyMatch(poller -> poller.getIdentity().startsWith(worker + "@"));
      if (!polls) {
        throw new IOException("it does not poll task queue '%s' yet".formatted(taskQueue));
      }
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() != Status.Code.UNIMPLEMENTED) { // by the server in memory
        throw e;
      }
    } finally {
      stubs.shutdownNow();
    }
  }

  private static WorkflowServiceStubs connect(String target) {
    return WorkflowServiceStubs.newServiceStubs(
        WorkflowServiceStubsOptions.newBuilder()
            .setTarget(target)
            .setRpcTimeout(TIMEOUT)
            .validateAndBuildWithDefaults());
  }
}
