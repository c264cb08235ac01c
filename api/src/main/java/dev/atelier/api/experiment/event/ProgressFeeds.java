package dev.atelier.api.experiment.event;

import dev.atelier.api.experiment.ExperimentRepository;
import dev.atelier.api.experiment.StoredExperiment;
import dev.atelier.api.experiment.model.ModelRepository;
import dev.atelier.api.experiment.model.ModelView;
import dev.atelier.api.worker.ExperimentWork;
import dev.atelier.api.worker.WorkerRepository;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What all who watch an experiment are shown, asked of the database once a second for all of them
 * together.
 */
@ApplicationScoped
class ProgressFeeds {

  private static final Duration FRESH = Duration.ofMillis(900); // less than the time between ticks
  private static final int EVENTS_AT_ONCE = 200;
  private static final int EVENTS_KEPT = 1000;

  private final ExperimentRepository experiments;
  private final ModelRepository models;
  private final EventRepository history;
  private final WorkerRepository workers;
  private final Map<String, Feed> feeds = new ConcurrentHashMap<>();

  ProgressFeeds(
      ExperimentRepository experiments,
      ModelRepository models,
      EventRepository history,
      WorkerRepository workers) {
    this.experiments = experiments;
    this.models = models;
    this.history = history;
    this.workers = workers;
  }

  /**
   * What there was to see at one moment.
   *
   * @param experiment empty: it was deleted
   * @param events the last ones, oldest first: all that came after {@code base}
   * @param complete whether {@code events} holds the last event that had happened by then
   */
  record Snapshot(
      Optional<StoredExperiment> experiment,
      List<ModelView> models,
      List<ExperimentWork> doing,
      List<EventPage.Event> events,
      long base,
      boolean complete) {}

  /** Joins those who watch an experiment and have seen the events up to {@code after}. */
  Feed join(String id, long after) {
    return feeds.compute(
        id,
        (key, feed) -> {
          Feed joined = feed == null ? new Feed(id, after) : feed;
          joined.watchers++;
          return joined;
        });
  }

  /** How many experiments are watched. */
  int size() {
    return feeds.size();
  }

  /** One experiment that somebody watches. */
  final class Feed {
    private final String id;
    private final ReentrantLock loading = new ReentrantLock();
    private int watchers; // guarded by the entry of feeds
    private long base; // guarded by loading, as is the rest
    private List<EventPage.Event> events = List.of();
    private long loadedAt;
    private volatile Optional<Snapshot> last = Optional.empty();

    private Feed(String id, long after) {
      this.id = id;
      this.base = after;
    }

    void leave() {
      feeds.computeIfPresent(id, (key, feed) -> --feed.watchers == 0 ? null : feed);
    }

    /** At most a second old; while one asks the database, the others see what there was before. */
    Snapshot snapshot() {
      if (last.isEmpty()) {
        loading.lock();
      } else if (!loading.tryLock()) {
        return last.get();
      }
      try {
        if (last.isEmpty() || System.nanoTime() - loadedAt >= FRESH.toNanos()) {
          last = Optional.of(load());
          loadedAt = System.nanoTime();
        }
        return last.get();
      } finally {
        loading.unlock();
      }
    }

    private Snapshot load() {
      Optional<StoredExperiment> experiment = experiments.find(id);
      if (experiment.isEmpty()) {
        return new Snapshot(experiment, List.of(), List.of(), List.of(), base, true);
      }
      long seen = events.isEmpty() ? base : events.get(events.size() - 1).id();
      List<EventPage.Event> fresh = history.settledEvents(id, seen, EVENTS_AT_ONCE);
      List<EventPage.Event> all = new ArrayList<>(events);
      all.addAll(fresh);
      int dropped = Math.max(0, all.size() - EVENTS_KEPT);
      if (dropped > 0) {
        base = all.get(dropped - 1).id();
      }
      events = List.copyOf(all.subList(dropped, all.size()));
      return new Snapshot(
          experiment,
          models.models(experiment.get()),
          experiment.get().stage().terminal() ? List.of() : workers.of(id),
          events,
          base,
          fresh.isEmpty());
    }
  }
}
