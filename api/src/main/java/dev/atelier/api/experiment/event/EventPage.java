package dev.atelier.api.experiment.event;

import dev.atelier.api.export.Table;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** What happened to an experiment, oldest first. */
public record EventPage(
    List<Event> items,
    @Schema(
            description = "Pass as `cursor` to get the next page; absent: this is the last",
            implementation = String.class)
        Optional<String> nextCursor)
    implements Table.Page<EventPage.Event> {

  /** One thing that happened. */
  public record Event(
      long id,
      Instant at,
      @Schema(examples = "launched") String kind,
      @Schema(description = "The model it is about", implementation = String.class)
          Optional<String> model,
      String detail) {}
}
