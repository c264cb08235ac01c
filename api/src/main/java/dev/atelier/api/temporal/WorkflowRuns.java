package dev.atelier.api.temporal;

import dev.atelier.api.AtelierConfig;
import dev.atelier.workflows.TaskQueues;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.enums.v1.WorkflowIdReusePolicy;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.client.WorkflowExecutionMetadata;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowServiceException;
import io.temporal.client.WorkflowStub;
import io.temporal.common.SearchAttributes;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.URI;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Workflows in Temporal, of any kind; throws {@link TemporalUnavailableException}. */
@ApplicationScoped
class WorkflowRuns {

  private static final int FEW = 20; // asked one by one
  private static final int MOST_ASKED = 200; // one by one, in a round

  private final WorkflowClient client;
  private final SearchAttributeRegistration searchAttributes;
  private final AtelierConfig.Temporal config;

  WorkflowRuns(
      WorkflowClient client, SearchAttributeRegistration searchAttributes, AtelierConfig config) {
    this.client = client;
    this.searchAttributes = searchAttributes;
    this.config = config.temporal();
  }

  /**
   * A workflow to start.
   *
   * @param summary shown in lists of the Temporal Web UI
   * @param details shown on its page there, in Markdown
   * @param foundBy its search attributes, where Temporal knows them
   */
  record Start(
      String type,
      String workflowId,
      String summary,
      String details,
      SearchAttributes foundBy,
      Object input) {}

  /** Starts a workflow; does nothing if one with this id was ever started. */
  void start(Start workflow) {
    reaching(
        () -> {
          try {
            return start(workflow, searchAttributes.known());
          } catch (WorkflowServiceException e) {
            if (!refusesSearchAttributes(e)) {
              throw e;
            }
            return start(workflow, false); // registered a moment ago: not yet known everywhere
          }
        });
  }

  private boolean start(Start workflow, boolean withSearchAttributes) {
    WorkflowOptions.Builder options =
        WorkflowOptions.newBuilder()
            .setWorkflowId(workflow.workflowId())
            .setTaskQueue(TaskQueues.LIGHT)
            .setWorkflowIdReusePolicy(
                WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE)
            .setStaticSummary(workflow.summary())
            .setStaticDetails(workflow.details());
    if (withSearchAttributes) {
      options.setTypedSearchAttributes(workflow.foundBy());
    }
    try {
      client.newUntypedWorkflowStub(workflow.type(), options.build()).start(workflow.input());
    } catch (WorkflowExecutionAlreadyStarted e) {
      return false;
    }
    return true;
  }

  private static boolean refusesSearchAttributes(WorkflowServiceException failure) {
    return failure.getCause() instanceof StatusRuntimeException status
        && status.getStatus().getCode() == Status.Code.INVALID_ARGUMENT
        && String.valueOf(status.getStatus().getDescription()).contains("search attribute");
  }

  RunState state(String workflowId) {
    return reaching(
        () -> {
          try {
            return switch (stub(workflowId).describe().getStatus()) {
              case WORKFLOW_EXECUTION_STATUS_COMPLETED,
                  WORKFLOW_EXECUTION_STATUS_FAILED,
                  WORKFLOW_EXECUTION_STATUS_CANCELED,
                  WORKFLOW_EXECUTION_STATUS_TERMINATED,
                  WORKFLOW_EXECUTION_STATUS_TIMED_OUT ->
                  RunState.CLOSED;
              case WORKFLOW_EXECUTION_STATUS_RUNNING,
                  WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW,
                  WORKFLOW_EXECUTION_STATUS_PAUSED,
                  WORKFLOW_EXECUTION_STATUS_UNSPECIFIED,
                  UNRECOGNIZED ->
                  RunState.OPEN;
            };
          } catch (WorkflowNotFoundException e) {
            return RunState.ABSENT;
          }
        });
  }

  /**
   * Those of the ids whose workflows are worth asking for their state: a list names the open ones,
   * a thousand in a call. The list is late by some seconds, so that one that it lacks may be open.
   *
   * @param workflowId of an id
   */
  List<String> notListedOpen(String type, List<String> ids, UnaryOperator<String> workflowId) {
    if (ids.size() <= FEW) {
      return ids;
    }
    Set<String> open = reaching(() -> listedOpen(type));
    List<String> others =
        new ArrayList<>(ids.stream().filter(id -> !open.contains(workflowId.apply(id))).toList());
    Collections.shuffle(others); // a later round has others, where there are too many for one
    return others.subList(0, Math.min(others.size(), MOST_ASKED));
  }

  private Set<String> listedOpen(String type) {
    try (Stream<WorkflowExecutionMetadata> open =
        client.listExecutions(
            "WorkflowType = '%s' and ExecutionStatus = 'Running'".formatted(type))) {
      return open.map(each -> each.getExecution().getWorkflowId()).collect(Collectors.toSet());
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.UNIMPLEMENTED) {
        return Set.of(); // the in-memory server has no lists
      }
      throw e;
    }
  }

  /** Asks a workflow to stop; false: there is no open one. */
  boolean cancel(String workflowId) {
    return reaching(
        () -> {
          try {
            stub(workflowId).cancel();
            return true;
          } catch (WorkflowNotFoundException e) {
            return false;
          }
        });
  }

  /** Page of a workflow in the Temporal Web UI, if there is one. */
  Optional<URI> page(String workflowId) {
    return config
        .ui()
        .map(
            ui ->
                URI.create(
                    "%s/namespaces/%s/workflows/%s"
                        .formatted(
                            ui.toString().replaceAll("/+$", ""), config.namespace(), workflowId)));
  }

  WorkflowStub stub(String workflowId) {
    return client.newUntypedWorkflowStub(workflowId);
  }

  <T> T reaching(Supplier<T> call) {
    try {
      return call.get();
    } catch (StatusRuntimeException | WorkflowException e) {
      Optional<Status> status = statusOf(e);
      if (status.filter(WorkflowRuns::isOverload).isPresent()) {
        throw new TemporalBusyException(e);
      }
      boolean ofTheCall = status.isEmpty() && !(e instanceof WorkflowServiceException);
      if (ofTheCall || status.filter(WorkflowRuns::answered).isPresent()) {
        throw e;
      }
      throw new TemporalUnavailableException(
          status.filter(WorkflowRuns::lacksNamespace).isPresent()
              ? "Temporal at %s has no namespace '%s' now."
                  .formatted(config.target(), config.namespace())
              : "Temporal cannot be reached at %s.".formatted(config.target()),
          e);
    }
  }

  /**
   * Whether the failure is the server's own answer to what was asked; the SDK also fails when it
   * runs out of time.
   */
  private static boolean answered(Status status) {
    return switch (status.getCode()) {
      case UNAVAILABLE, DEADLINE_EXCEEDED -> false;
      default -> !lacksNamespace(status);
    };
  }

  /** The server's own limits, and those of one workflow: of updates at once, or of its lock. */
  private static boolean isOverload(Status status) {
    return status.getCode() == Status.Code.RESOURCE_EXHAUSTED;
  }

  static boolean isOverload(Throwable failure) {
    return statusOf(failure).filter(WorkflowRuns::isOverload).isPresent();
  }

  private static boolean lacksNamespace(Status status) {
    return status.getCode() == Status.Code.NOT_FOUND
        && String.valueOf(status.getDescription()).startsWith("Namespace ");
  }

  static Optional<Status> statusOf(Throwable failure) {
    return Stream.iterate(failure, Objects::nonNull, Throwable::getCause)
        .filter(StatusRuntimeException.class::isInstance)
        .map(cause -> ((StatusRuntimeException) cause).getStatus())
        .findFirst();
  }
}
