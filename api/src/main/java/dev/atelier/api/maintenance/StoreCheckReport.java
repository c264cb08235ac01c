package dev.atelier.api.maintenance;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** What a comparison of the object store with the database found. */
public record StoreCheckReport(
    long id,
    @Schema(description = "Whether orphans were to be removed") boolean repair,
    Instant startedAt,
    @Schema(description = "Absent: it runs", implementation = Instant.class)
        Optional<Instant> finishedAt,
    @Schema(description = "Why it could not be finished", implementation = String.class)
        Optional<String> error,
    @Schema(description = "Objects looked at") long objects,
    long bytes,
    @Schema(description = "Objects that no row refers to; at most 1000 are named")
        List<Orphan> orphans,
    @Schema(description = "Rows whose object is missing or another; at most 1000 are named")
        List<Missing> missing) {

  /** An object that no row refers to. */
  public record Orphan(String key, long bytes, boolean removed) {}

  /** A row whose object is not as it says. */
  public record Missing(
      String key,
      @Schema(description = "The row, such as 'checkpoint of student-1 of experiment …, step 500'")
          String owner,
      String reason) {}
}
