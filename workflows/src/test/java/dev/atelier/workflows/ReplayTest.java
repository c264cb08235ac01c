package dev.atelier.workflows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.testing.WorkflowReplayer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Workflows that were begun by an earlier version must go on with this one. The stored histories
 * are those of each released shape; {@code -Datelier.recordHistories=true} writes them anew, which
 * is right only where no experiment of the released version can still be running.
 */
@Timeout(120)
class ReplayTest {

  private static final Path FOLDER = Path.of("src/test/resources/histories");

  @ParameterizedTest
  @EnumSource
  void shouldReplayTheHistoryOf(RecordedRun run) throws Exception {
    if (Boolean.getBoolean("atelier.recordHistories")) {
      write(run, run.record());
    }
    WorkflowReplayer.replayWorkflowExecution(
        read(run),
        DistillationWorkflowImpl.class,
        StudyWorkflowImpl.class,
        WebhookDeliveryWorkflowImpl.class);
  }

  @ParameterizedTest
  @EnumSource
  void shouldFailWhenTheLastActivityOfTheHistoryIsAnother(RecordedRun run) throws Exception {
    String json = read(run).toJson(false);
    String last =
        read(run).getEvents().stream()
            .filter(HistoryEvent::hasActivityTaskScheduledEventAttributes)
            .map(e -> e.getActivityTaskScheduledEventAttributes().getActivityType().getName())
            .reduce((before, after) -> after)
            .orElseThrow();
    int at = json.lastIndexOf("\"" + last + "\"");
    String other = json.substring(0, at) + "\"Other\"" + json.substring(at + last.length() + 2);

    assertThatThrownBy(
            () ->
                WorkflowReplayer.replayWorkflowExecution(
                    WorkflowExecutionHistory.fromJson(other),
                    DistillationWorkflowImpl.class,
                    StudyWorkflowImpl.class,
                    WebhookDeliveryWorkflowImpl.class))
        .hasStackTraceContaining("NonDeterministicException");
  }

  @Test
  void shouldFailWhenTheWorkflowDoesThingsInAnotherOrder() {
    assertThatThrownBy(
            () ->
                WorkflowReplayer.replayWorkflowExecution(
                    read(RecordedRun.TRAINED_TEACHER), FetchesFirst.class))
        .hasStackTraceContaining("NonDeterministicException");
    assertThatThrownBy(
            () ->
                WorkflowReplayer.replayWorkflowExecution(
                    read(RecordedRun.STUDY), ReportsFirst.class))
        .hasStackTraceContaining("NonDeterministicException");
  }

  @Test
  void shouldHoldAHistoryOfEachShapeAndNoOther() throws IOException {
    try (var files = Files.list(FOLDER)) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .containsExactlyInAnyOrderElementsOf(
              java.util.Arrays.stream(RecordedRun.values()).map(RecordedRun::fileName).toList());
    }
  }

  private static WorkflowExecutionHistory read(RecordedRun run) {
    try (var in = new GZIPInputStream(Files.newInputStream(FOLDER.resolve(run.fileName())))) {
      return WorkflowExecutionHistory.fromJson(
          new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void write(RecordedRun run, WorkflowExecutionHistory history) throws IOException {
    Files.createDirectories(FOLDER);
    try (var out = new GZIPOutputStream(Files.newOutputStream(FOLDER.resolve(run.fileName())))) {
      out.write(history.toJson(false).getBytes(StandardCharsets.UTF_8));
    }
  }
}
