package dev.atelier.api.worker;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.api.access.Projects;
import dev.atelier.api.spec.SpecJson;
import dev.atelier.api.store.Columns;
import dev.atelier.workflows.TaskQueues;
import jakarta.enterprise.context.ApplicationScoped;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jdbi.v3.core.Jdbi;

/** The workers, as they have said in Postgres. */
@ApplicationScoped
public class WorkerRepository {

  private static final String HERE = "seen_at > now() - interval '1 minute'"; // six reports

  private final Jdbi jdbi;
  private final Projects projects;

  WorkerRepository(Jdbi jdbi, Projects projects) {
    this.jdbi = jdbi;
    this.projects = projects;
  }

  /** Those after the one named, by id. */
  List<WorkerView> workers(Optional<String> after, int limit) {
    List<WorkerView> found =
        jdbi.withHandle(
            handle ->
                handle
                    .createQuery(
                        """
                        select *, %s as here from worker
                        where cast(:after as text) is null or id > :after
                        order by id limit :limit
                        """
                            .formatted(HERE))
                    .bind("after", after)
                    .bind("limit", limit)
                    .map((row, context) -> view(row))
                    .list());
    return visible(found);
  }

  private static WorkerView view(ResultSet row) throws SQLException {
    return new WorkerView(
        row.getString("id"),
        row.getString("name"),
        row.getBoolean("here"),
        Columns.texts(row, "task_queues"),
        row.getString("device"),
        Columns.whole(row, "device_memory_bytes"),
        row.getInt("threads"),
        Columns.instant(row, "started_at").orElseThrow(),
        Columns.instant(row, "seen_at").orElseThrow(),
        work(SpecJson.read(row.getString("doing"), JsonNode.class)));
  }

  private static List<WorkerView.Work> work(JsonNode doing) {
    List<WorkerView.Work> work = new ArrayList<>();
    for (JsonNode each : doing) {
      work.add(
          new WorkerView.Work(
              each.path("activity").asText(),
              Optional.ofNullable(each.path("experimentId").textValue()),
              Optional.ofNullable(each.path("modelKey").textValue()),
              Instant.parse(each.path("since").asText())));
    }
    return work;
  }

  /** Without the names of what the caller may not see. */
  private List<WorkerView> visible(List<WorkerView> workers) {
    List<String> named =
        workers.stream()
            .flatMap(worker -> worker.doing().stream())
            .flatMap(work -> work.experiment().stream())
            .distinct()
            .toList();
    Set<String> seen = new HashSet<>(projects.visibleExperiments(named));
    return workers.stream()
        .map(
            worker ->
                new WorkerView(
                    worker.id(),
                    worker.name(),
                    worker.here(),
                    worker.taskQueues(),
                    worker.device(),
                    worker.deviceMemoryBytes(),
                    worker.threads(),
                    worker.startedAt(),
                    worker.seenAt(),
                    worker.doing().stream().map(work -> visible(work, seen)).toList()))
        .toList();
  }

  private static WorkerView.Work visible(WorkerView.Work work, Set<String> seen) {
    return work.experiment().filter(id -> !seen.contains(id)).isPresent()
        ? new WorkerView.Work(work.activity(), Optional.empty(), Optional.empty(), work.since())
        : work;
  }

  /**
   * That nobody does the compute work of a class of devices now, in a sentence; empty: somebody
   * does, or no worker says anything.
   *
   * @param compute as specs name it
   */
  public Optional<String> unserved(String compute) {
    boolean unserved =
        jdbi.withHandle(
            handle ->
                handle
                    .createQuery(
                        """
                        select exists (select from worker)
                          and not exists (select from worker where %s and :queue = any(task_queues))
                        """
                            .formatted(HERE))
                    .bind("queue", TaskQueues.compute(compute))
                    .mapTo(Boolean.class)
                    .one());
    return unserved
        ? Optional.of(
            "No worker serves compute: %s now, the task queue %s: until one starts, the experiment waits (./atelier workers lists those that are here)."
                .formatted(compute, TaskQueues.compute(compute)))
        : Optional.empty();
  }
}
