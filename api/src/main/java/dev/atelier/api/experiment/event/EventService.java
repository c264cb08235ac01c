package dev.atelier.api.experiment.event;

import dev.atelier.api.access.Caller;
import dev.atelier.api.experiment.ExperimentRepository;
import dev.atelier.api.export.Table;
import io.smallrye.mutiny.Multi;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.ws.rs.sse.OutboundSseEvent;
import jakarta.ws.rs.sse.Sse;
import java.util.List;
import java.util.Optional;

/** What happened to experiments, and what goes on to happen. */
@ApplicationScoped
class EventService {

  private static final int LONGEST_PAGE = 1000;

  private final ExperimentRepository experiments;
  private final EventRepository events;
  private final ProgressStream stream;
  private final Caller caller;

  EventService(
      ExperimentRepository experiments,
      EventRepository events,
      ProgressStream stream,
      Caller caller) {
    this.experiments = experiments;
    this.events = events;
    this.stream = stream;
    this.caller = caller;
  }

  EventPage page(String id, long after, int limit) {
    experiments.existing(id);
    List<EventPage.Event> found = events.events(id, after, limit + 1);
    if (found.size() <= limit) {
      return new EventPage(found, Optional.empty());
    }
    return new EventPage(
        List.copyOf(found.subList(0, limit)),
        Optional.of(Long.toString(found.get(limit - 1).id())));
  }

  /** Every event of an experiment, oldest first. */
  Table table(String id) {
    return Table.of(
        EventPage.Event.class,
        after -> page(id, after.map(Long::parseLong).orElse(0L), LONGEST_PAGE));
  }

  Multi<OutboundSseEvent> stream(String id, long after, Sse sse) {
    experiments.existing(id);
    return stream.open(caller.counted(), id, after, sse);
  }
}
