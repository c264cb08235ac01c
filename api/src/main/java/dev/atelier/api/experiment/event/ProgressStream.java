package dev.atelier.api.experiment.event;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.atelier.api.AtelierConfig;
import dev.atelier.api.experiment.model.ModelView;
import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.api.worker.ExperimentWork;
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
import java.util.concurrent.ConcurrentHashMap;
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

  private final EventRepository history;
  private final ProgressFeeds feeds;
  private final int perCaller;
  private final Map<String, Integer> open = new ConcurrentHashMap<>();

  ProgressStream(EventRepository history, ProgressFeeds feeds, AtelierConfig config) {
    this.history = history;
    this.feeds = feeds;
    this.perCaller = config.limits().streams();
  }

  /** The stage, the models that changed since the last time, and all that workers are at. */
  record Progress(
      Stage stage,
      @JsonInclude(JsonInclude.Include.ALWAYS) List<ModelView> models,
      @JsonInclude(JsonInclude.Include.ALWAYS) List<ExperimentWork> doing) {}

  /**
   * All that happened after the event {@code after}, and what goes on to happen.
   *
   * @param caller of whom a number of streams may be open at once
   * @throws ProblemException 429 when that many are
   */
  Multi<OutboundSseEvent> open(String caller, String id, long after, Sse sse) {
    if (open.merge(caller, 1, Integer::sum) > perCaller) {
      close(caller);
      throw new ProblemException(
          ProblemType.TOO_MANY_REQUESTS,
          "%d event streams are open: close one of them first.".formatted(perCaller),
          Map.of("Retry-After", Long.toString(LONGEST.toSeconds())));
    }
    ProgressFeeds.Feed feed = feeds.join(id, after);
    Listener listener = new Listener(id, feed, after, sse);
    List<OutboundSseEvent> first;
    try {
      first = listener.news(); // what fails now is the answer
    } catch (RuntimeException e) {
      feed.leave();
      close(caller);
      throw e;
    }
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
        .first(event -> !listener.closed.getAndSet(event.getName().equals("end")))
        .onTermination()
        .invoke(
            () -> {
              feed.leave();
              close(caller);
            });
  }

  private void close(String caller) {
    open.computeIfPresent(caller, (name, count) -> count == 1 ? null : count - 1);
  }

  /** One client and what it has been told. */
  private final class Listener {
    private final String id;
    private final ProgressFeeds.Feed feed;
    private final Sse sse;
    private final Map<ModelKey, ModelView> told = new HashMap<>();
    private final AtomicBoolean closed = new AtomicBoolean();
    private long lastEvent;
    private Stage stage = Stage.QUEUED;
    private List<ExperimentWork> doing = List.of();

    Listener(String id, ProgressFeeds.Feed feed, long after, Sse sse) {
      this.id = id;
      this.feed = feed;
      this.lastEvent = after;
      this.sse = sse;
    }

    synchronized List<OutboundSseEvent> news() {
      List<OutboundSseEvent> news = new ArrayList<>();
      ProgressFeeds.Snapshot now = feed.snapshot();
      if (now.experiment().isEmpty()) { // deleted
        return List.of(event("end", Map.of()));
      }
      List<EventPage.Event> events = after(now);
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
          now.models().stream()
              .filter(model -> !model.equals(told.put(model.key(), model)))
              .toList();
      Stage stageNow = now.experiment().get().stage();
      if (!changed.isEmpty() || stageNow != stage || !now.doing().equals(doing)) {
        stage = stageNow;
        doing = now.doing();
        news.add(event("progress", new Progress(stage, changed, doing)));
      }
      if (stage.terminal() && events.isEmpty() && now.complete()) {
        news.add(event("end", Map.of()));
      }
      return news;
    }

    /** The next events: who has missed more than the others share asks the database itself. */
    private List<EventPage.Event> after(ProgressFeeds.Snapshot now) {
      return lastEvent < now.base()
          ? history.settledEvents(id, lastEvent, EVENTS_AT_ONCE)
          : now.events().stream()
              .filter(event -> event.id() > lastEvent)
              .limit(EVENTS_AT_ONCE)
              .toList();
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
