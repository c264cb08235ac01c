package dev.atelier.api.experiment;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.atelier.workflows.ModelKey;
import dev.atelier.workflows.Stage;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.sse.OutboundSseEvent;
import jakarta.ws.rs.sse.Sse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What happens to an experiment, as server-sent events: {@code event} for each entry of its
 * history, with its id, and {@code progress} for the models that have changed. After an experiment
 * has ended comes {@code end}.
 */
@ApplicationScoped
class ProgressStream {

  private static final Duration INTERVAL = Duration.ofSeconds(1);

  /** Then the client comes back, with its token, which may have been revoked. */
  private static final Duration LONGEST = Duration.ofMinutes(5);

  private static final int EVENTS_AT_ONCE = 200;

  private final ExperimentRepository repository;

  ProgressStream(ExperimentRepository repository) {
    this.repository = repository;
  }

  /** The stage and the models that changed since the last time. */
  record Progress(Stage stage, @JsonInclude(JsonInclude.Include.ALWAYS) List<ModelView> models) {}

  /** All that happened after the event {@code after}, and what goes on to happen. */
  Multi<OutboundSseEvent> open(String id, long after, Sse sse) {
    Listener listener = new Listener(id, after, sse);
    List<OutboundSseEvent> first = listener.news(); // what fails now is the answer
    Multi<OutboundSseEvent> later =
        Multi.createFrom()
            .ticks()
            .every(INTERVAL)
            .onOverflow()
            .drop() // a slow client misses ticks, not events
            .emitOn(Infrastructure.getDefaultWorkerPool())
            .onItem()
            .transformToMultiAndConcatenate(tick -> Multi.createFrom().iterable(listener.news()));
    return Multi.createBy()
        .concatenating()
        .streams(Multi.createFrom().iterable(first), later)
        .select()
        .first(LONGEST)
        .select()
        .first(event -> !listener.closed.getAndSet(event.getName().equals("end")));
  }

  /** One client and what it has been told. */
  private final class Listener {
    private final String id;
    private final Sse sse;
    private final Map<ModelKey, ModelView> told = new HashMap<>();
    private final AtomicBoolean closed = new AtomicBoolean();
    private long lastEvent;
    private Stage stage = Stage.QUEUED;

    Listener(String id, long after, Sse sse) {
      this.id = id;
      this.lastEvent = after;
      this.sse = sse;
    }

    synchronized List<OutboundSseEvent> news() {
      List<OutboundSseEvent> news = new ArrayList<>();
      StoredExperiment experiment = repository.find(id).orElse(null);
      if (experiment == null) { // deleted
        return List.of(event("end", Map.of()));
      }
      List<EventPage.Event> events = repository.settledEvents(id, lastEvent, EVENTS_AT_ONCE);
      for (EventPage.Event event : events) {
        lastEvent = event.id();
        news.add(
            sse.newEventBuilder()
                .name("event")
                .id(Long.toString(event.id()))
                .mediaType(MediaType.APPLICATION_JSON_TYPE)
                .data(event)
                .build());
      }
      List<ModelView> changed =
          repository.models(experiment).stream()
              .filter(model -> !model.equals(told.put(model.key(), model)))
              .toList();
      if (!changed.isEmpty() || experiment.stage() != stage) {
        stage = experiment.stage();
        news.add(event("progress", new Progress(stage, changed)));
      }
      if (stage.terminal() && events.isEmpty()) {
        news.add(event("end", Map.of()));
      }
      return news;
    }

    private OutboundSseEvent event(String name, Object data) {
      return sse.newEventBuilder()
          .name(name)
          .mediaType(MediaType.APPLICATION_JSON_TYPE)
          .data(data)
          .build();
    }
  }
}
