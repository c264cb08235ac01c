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
      work.add(read(each));
    }
    return work;
  }

  private static WorkerView.Work read(JsonNode work) {
    return new WorkerView.Work(
        work.path("activity").asText(),
        Optional.ofNullable(work.path("experimentId").textValue()),
        Optional.ofNullable(work.path("modelKey").textValue()),
        Instant.parse(work.path("since").asText()),
        work.hasNonNull("progress")
            ? Optional.of(progress(work.path("progress")))
            : Optional.empty());
  }

  private static WorkerView.Progress progress(JsonNode progress) {
    return new WorkerView.Progress(
        progress.path("what").asText(),
        whole(progress, "done"),
        whole(progress, "total"),
        whole(progress, "remainingSeconds"));
  }

  private static Optional<Long> whole(JsonNode node, String field) {
    return node.hasNonNull(field) ? Optional.of(node.path(field).longValue()) : Optional.empty();
  }

  /** What is done for an experiment now, oldest first; nothing: it waits, or takes a moment. */
  public List<ExperimentWork> of(String experimentId) {
    return jdbi.withHandle(
        handle ->
            handle
                .createQuery(
                    """
                    select name, work from worker, jsonb_array_elements(doing) work
                    where %s and work ->> 'experimentId' = :id
                    order by work ->> 'since', name
                    """
                        .formatted(HERE))
                .bind("id", experimentId)
                .map(
                    (row, context) -> {
                      WorkerView.Work work =
                          read(SpecJson.read(row.getString("work"), JsonNode.class));
                      return new ExperimentWork(
                          work.activity(),
                          work.model(),
                          row.getString("name"),
                          work.since(),
                          work.progress());
                    })
                .list());
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
        ? new WorkerView.Work(
            work.activity(), Optional.empty(), Optional.empty(), work.since(), Optional.empty())
        : work;
  }

  /**
   * That all workers of a class of devices are at something, in a sentence; empty: one is free, or
   * there is none.
   *
   * @param compute as specs name it
   */
  public Optional<String> busy(String compute) {
    int workers =
        jdbi.withHandle(
            handle ->
                handle
                    .createQuery(
                        """
                        select case when bool_and(doing <> '[]') then count(*) else 0 end
                        from worker where %s and :queue = any(task_queues)
                        """
                            .formatted(HERE))
                    .bind("queue", TaskQueues.compute(compute))
                    .mapTo(Integer.class)
                    .one());
    return workers == 0
        ? Optional.empty()
        : Optional.of(
            "It waits for a worker: %s of compute: %s %s at other work (./atelier workers lists them)."
                .formatted(
                    workers == 1 ? "the one" : "all " + workers,
                    compute,
                    workers == 1 ? "is" : "are"));
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
