package dev.atelier.store;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import dev.atelier.store.objects.StoreUnavailableException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import javax.sql.DataSource;

/** Which workers there are, in Postgres; throws {@link StoreUnavailableException}. */
public final class WorkerPresence {

  private static final ObjectMapper JSON = JsonMapper.builder().addModule(new Jdk8Module()).build();

  private final Database database;

  public WorkerPresence(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  /**
   * A worker.
   *
   * @param id of its process, as Temporal shows it
   * @param deviceMemoryBytes of a GPU; empty: not known, or no GPU
   * @param threads of libtorch
   */
  public record Worker(
      String id,
      String name,
      List<String> taskQueues,
      String device,
      Optional<Long> deviceMemoryBytes,
      int threads,
      Instant startedAt) {}

  /**
   * What a worker is at.
   *
   * @param progress empty: it said nothing yet
   */
  public record Work(
      String activity,
      Optional<String> experimentId,
      Optional<String> modelKey,
      Instant since,
      Optional<Progress> progress) {}

  /**
   * How far that is.
   *
   * @param what such as "images sampled", or a whole sentence
   * @param done of {@code total}; empty: it is not counted
   * @param remainingSeconds as fast as it was so far; empty: not known
   */
  @JsonInclude(JsonInclude.Include.NON_ABSENT)
  public record Progress(
      String what, Optional<Long> done, Optional<Long> total, Optional<Long> remainingSeconds) {}

  /**
   * The worker is there, and at this work, oldest first. Forgets those that have not been seen for
   * a day.
   */
  public void report(Worker worker, List<Work> doing) {
    database.inTransaction(
        handle -> {
          handle.execute("delete from worker where seen_at < now() - interval '1 day'");
          return handle
              .createUpdate(
                  """
                  insert into worker (id, name, task_queues, device, device_memory_bytes, threads,
                    started_at, seen_at, doing)
                  values (:id, :name, :taskQueues, :device, :memory, :threads, :startedAt, now(),
                    cast(:doing as jsonb))
                  on conflict (id) do update set seen_at = now(), doing = excluded.doing
                  """)
              .bind("id", worker.id())
              .bind("name", worker.name())
              .bindArray("taskQueues", String.class, worker.taskQueues())
              .bind("device", worker.device())
              .bind("memory", worker.deviceMemoryBytes())
              .bind("threads", worker.threads())
              .bind("startedAt", worker.startedAt())
              .bind("doing", written(doing))
              .execute();
        });
  }

  @JsonInclude(JsonInclude.Include.NON_ABSENT)
  private record Written(
      String activity,
      Optional<String> experimentId,
      Optional<String> modelKey,
      String since,
      Optional<Progress> progress) {

    static Written of(Work work) {
      return new Written(
          work.activity(),
          work.experimentId(),
          work.modelKey(),
          work.since().toString(),
          work.progress());
    }
  }

  private static String written(List<Work> doing) {
    try {
      return JSON.writeValueAsString(doing.stream().map(Written::of).toList());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The worker ends. */
  public void leave(Worker worker) {
    database.inTransaction(
        handle -> handle.execute("delete from worker where id = ?", worker.id()));
  }
}
