package dev.atelier.api.experiment.event;

import dev.atelier.api.store.Columns;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import org.jdbi.v3.core.Jdbi;

/** What happened to experiments, in Postgres. */
@ApplicationScoped
class EventRepository {

  private final Jdbi jdbi;

  EventRepository(Jdbi jdbi) {
    this.jdbi = jdbi;
  }

  /** Up to {@code limit} events with an id above {@code after}, oldest first. */
  List<EventPage.Event> events(String id, long after, int limit) {
    return events(id, after, limit, "");
  }

  /** The same without the last second, of which an event with a lower id may still come. */
  List<EventPage.Event> settledEvents(String id, long after, int limit) {
    return events(id, after, limit, "and at < now() - interval '1 s'");
  }

  private List<EventPage.Event> events(String id, long after, int limit, String condition) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select id, at, kind, model_key, detail
                    from event where experiment_id = :id and id > :after %s
                    order by id limit :limit
                    """
                        .formatted(condition))
                .bind("id", id)
                .bind("after", after)
                .bind("limit", limit)
                .map(
                    (row, context) ->
                        new EventPage.Event(
                            row.getLong("id"),
                            Columns.instant(row, "at").orElseThrow(),
                            row.getString("kind"),
                            Columns.text(row, "model_key"),
                            row.getString("detail")))
                .list());
  }
}
