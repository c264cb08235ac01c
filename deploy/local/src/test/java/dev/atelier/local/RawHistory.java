package dev.atelier.local;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.workflowservice.v1.GetWorkflowExecutionHistoryRequest;
import io.temporal.api.workflowservice.v1.GetWorkflowExecutionHistoryResponse;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** A workflow's history as the server keeps it, past every client of ours. */
final class RawHistory {

  private RawHistory() {}

  static List<HistoryEvent> of(String target, String namespace, String workflowId) {
    WorkflowServiceStubs stubs =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder()
                .setTarget(target)
                .validateAndBuildWithDefaults());
    try {
      List<HistoryEvent> events = new ArrayList<>();
      GetWorkflowExecutionHistoryRequest.Builder request =
          GetWorkflowExecutionHistoryRequest.newBuilder()
              .setNamespace(namespace)
              .setExecution(WorkflowExecution.newBuilder().setWorkflowId(workflowId));
      GetWorkflowExecutionHistoryResponse page;
      do {
        page = stubs.blockingStub().getWorkflowExecutionHistory(request.build());
        events.addAll(page.getHistory().getEventsList());
        request.setNextPageToken(page.getNextPageToken());
      } while (!page.getNextPageToken().isEmpty());
      return events;
    } finally {
      stubs.shutdownNow();
    }
  }

  /** All bytes of it, as a text in which words can be looked for. */
  static String text(List<HistoryEvent> events) {
    return events.stream()
        .map(Message::toByteString)
        .map((ByteString bytes) -> bytes.toString(StandardCharsets.ISO_8859_1))
        .collect(Collectors.joining("\n"));
  }
}
