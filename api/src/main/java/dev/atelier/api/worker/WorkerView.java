package dev.atelier.api.worker;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** A worker that was seen within the last day. */
public record WorkerView(
    @Schema(description = "Its process, as the Temporal Web UI shows it") String id,
    String name,
    @Schema(description = "Whether it was seen within the last minute") boolean here,
    @Schema(description = "Task queues that it serves; compute: gpu asks for atelier-gpu")
        List<String> taskQueues,
    @Schema(description = "cpu or cuda:<n>") String device,
    @Schema(description = "Of a GPU; absent: not known", implementation = Long.class)
        Optional<Long> deviceMemoryBytes,
    @Schema(description = "Threads of libtorch") int threads,
    Instant startedAt,
    Instant seenAt,
    @Schema(description = "What it is at, oldest first; nothing: it waits for work")
        List<Work> doing) {

  /** Something that a worker is at. */
  @Schema(name = "WorkerWork")
  public record Work(
      @Schema(description = "Type of the activity") String activity,
      @Schema(
              description = "Absent: no experiment's, or one of another project",
              implementation = String.class)
          Optional<String> experiment,
      @Schema(implementation = String.class) Optional<String> model,
      Instant since,
      @Schema(
              description = "Absent: it said nothing yet, or is of another project",
              implementation = Progress.class)
          Optional<Progress> progress) {}

  /** How far that is, as the worker said within the last ten seconds. */
  @Schema(name = "WorkProgress")
  public record Progress(
      @Schema(description = "Such as 'images sampled', or a whole sentence") String what,
      @Schema(description = "Of total; absent: it is not counted", implementation = Long.class)
          Optional<Long> done,
      @Schema(implementation = Long.class) Optional<Long> total,
      @Schema(
              description = "As fast as it was so far; absent: not known",
              implementation = Long.class)
          Optional<Long> remainingSeconds) {}
}
