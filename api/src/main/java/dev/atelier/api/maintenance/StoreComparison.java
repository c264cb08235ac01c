package dev.atelier.api.maintenance;

import dev.atelier.api.AtelierConfig;
import dev.atelier.store.objects.ObjectStore;
import dev.atelier.store.objects.ObjectStore.Listed;
import dev.atelier.workflows.vocabulary.CheckpointPart;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.statement.PreparedBatch;

/**
 * Compares the objects of one part of the store with the rows that refer to them, both ways. A part
 * is a run of keys in the order of their bytes, as S3 lists them; it ends with a folder, so that a
 * checkpoint is never cut. What looks wrong is looked at again before it is reported, for both
 * sides change meanwhile.
 *
 * <p>An orphan is an object that has lain there longer than the grace period and belongs to no
 * experiment, study or prepared dataset that there is, or to a checkpoint that no model knows.
 * Extractors and statistics are kept by content for whoever needs them next: they are no orphans.
 */
@ApplicationScoped
class StoreComparison {

  private static final int BATCH = 1000;

  private static final String ORPHANS =
      """
      select s.key, s.bytes,
        split_part(s.key, '/', 1) = 'datasets'
          and s.modified < now() - cast(:unnamedDatasetsKeptFor as interval) as outlived
      from stored s
      where s.modified < :before
        and not exists (select 1 from artifact where object_key = s.key)
        and not exists (select 1 from study_artifact where object_key = s.key)
        and not exists (select 1 from model where start_key = s.key)
        and case split_part(s.key, '/', 1)
          when 'experiments' then
            not exists (select 1 from checkpoint where manifest_key = s.directory || 'manifest.json')
            and (not exists (select 1 from experiment where id = split_part(s.key, '/', 2))
              or s.directory ~ '/checkpoints[^/]*/[^/]+/$')
          when 'studies' then not exists (select 1 from study where id = split_part(s.key, '/', 2))
          when 'datasets' then not exists (
            select 1 from experiment where dataset ->> 'sha256' = split_part(s.key, '/', 2))
          else false end
      order by s.key
      """;

  private static final String MISSING =
      """
      select r.key, r.owner, r.expected, r.found from (
        select a.object_key as key, format('file %s of experiment %s', a.name, a.experiment_id) as owner,
          a.bytes as expected, s.bytes as found, a.created_at
        from artifact a left join stored s on s.key = a.object_key
        union all
        select a.object_key, format('file %s of study %s', a.name, a.study_id), a.bytes, s.bytes,
          a.created_at
        from study_artifact a left join stored s on s.key = a.object_key
        union all
        select c.manifest_key,
          format('checkpoint of %s of experiment %s, step %s', m.key, m.experiment_id, c.step),
          c.bytes, s.bytes, c.created_at
        from checkpoint c join model m on m.id = c.model_id
        left join lateral (
          select cast(sum(bytes) as bigint) as bytes from stored
          where directory = regexp_replace(c.manifest_key, '[^/]*$', '') and key <> c.manifest_key
            and (c.moments_removed_at is null
              or regexp_replace(key, '^.*/', '') <> all(:moments))
          having bool_or(true) and exists (select 1 from stored where key = c.manifest_key)) s on true
      ) r
      where r.key collate "C" > :after and (:last or r.key collate "C" <= :to)
        and r.created_at < :started and r.found is distinct from r.expected
      order by 1, 2
      """;

  private final Jdbi jdbi;
  private final ObjectStore store;
  private final References references;
  private final AtelierConfig.Maintenance config;

  StoreComparison(Jdbi jdbi, ObjectStore store, References references, AtelierConfig config) {
    this.jdbi = jdbi;
    this.store = store;
    this.references = references;
    this.config = config.maintenance();
  }

  /**
   * What was found in a part.
   *
   * @param to its last key
   * @param last whether the store ends with it
   */
  record Found(
      String to,
      boolean last,
      long objects,
      long bytes,
      List<StoreCheckReport.Orphan> orphans,
      List<StoreCheckReport.Missing> missing) {}

  /**
   * Compares the part that begins behind a key.
   *
   * @param after empty: from the beginning
   * @param repair whether orphans are removed
   */
  Found compare(String after, boolean repair) {
    return jdbi.inTransaction( // a pooler may give each transaction another connection
        handle -> {
          handle.execute(
              """
              create temporary table stored (
                key text primary key, directory text, bytes bigint, modified timestamptz)
              on commit drop
              """);
          return compare(handle, after, repair);
        });
  }

  private Found compare(Handle handle, String after, boolean repair) {
    OffsetDateTime started = Instant.now().atOffset(ZoneOffset.UTC);
    Part part = new Part(handle);
    boolean last = store.listAfter(after, part::take);
    part.insert();
    handle.execute("create index on stored (directory)");
    handle.execute("analyze stored");
    List<StoreCheckReport.Orphan> orphans = orphans(handle, started, repair);
    List<StoreCheckReport.Missing> missing =
        missing(
            handle
                .createQuery(MISSING)
                .bind("after", after)
                .bind("last", last)
                .bind("to", part.to)
                .bind("started", started)
                .bindArray("moments", String.class, CheckpointPart.momentFiles().toArray())
                .map(
                    (row, context) ->
                        new Suspect(
                            row.getString("key"),
                            row.getString("owner"),
                            row.getLong("expected"),
                            row.getObject("found") == null
                                ? OptionalLong.empty()
                                : OptionalLong.of(row.getLong("found"))))
                .list());
    return new Found(part.to, last, part.objects, part.bytes, orphans, missing);
  }

  /** The objects of a part, on their way into the table of them. */
  private final class Part {

    private final Handle handle;
    private final List<Listed> batch = new ArrayList<>();
    private String to = "";
    private long objects;
    private long bytes;

    Part(Handle handle) {
      this.handle = handle;
    }

    /** Takes an object in; false: the part is full, and this one begins the next. */
    boolean take(Listed object) {
      if (objects >= config.checkPartObjects()
          && !directoryOf(object.key()).equals(directoryOf(to))) {
        return false;
      }
      batch.add(object);
      objects++;
      bytes += object.bytes();
      to = object.key();
      if (batch.size() == BATCH) {
        insert();
      }
      return true;
    }

    void insert() {
      PreparedBatch rows =
          handle.prepareBatch(
              """
              insert into stored (key, directory, bytes, modified)
              values (:key, :directory, :bytes, :modified)
              on conflict do nothing
              """);
      for (Listed object : batch) {
        rows.bind("key", object.key())
            .bind("directory", directoryOf(object.key()))
            .bind("bytes", object.bytes())
            .bind("modified", object.modified().atOffset(ZoneOffset.UTC))
            .add();
      }
      if (!batch.isEmpty()) {
        rows.execute();
      }
      batch.clear();
    }
  }

  private static String directoryOf(String key) {
    return key.substring(0, key.lastIndexOf('/') + 1);
  }

  private List<StoreCheckReport.Orphan> orphans(
      Handle handle, OffsetDateTime started, boolean repair) {
    List<StoreCheckReport.Orphan> suspected =
        handle
            .createQuery(ORPHANS)
            .bind("before", started.minus(config.grace()))
            .bind(
                "unnamedDatasetsKeptFor",
                config.files().unnamedDatasetsKeptFor().map(Duration::toString))
            .map(
                (row, context) ->
                    new StoreCheckReport.Orphan(
                        row.getString("key"),
                        row.getLong("bytes"),
                        repair || row.getBoolean("outlived")))
            .list();
    Set<String> referred =
        references.among(suspected.stream().map(StoreCheckReport.Orphan::key).toList());
    List<StoreCheckReport.Orphan> orphans =
        suspected.stream().filter(orphan -> !referred.contains(orphan.key())).toList();
    orphans.stream()
        .filter(StoreCheckReport.Orphan::removed)
        .forEach(orphan -> store.delete(orphan.key()));
    return orphans;
  }

  private record Suspect(String key, String owner, long expected, OptionalLong found) {

    StoreCheckReport.Missing missing() {
      return new StoreCheckReport.Missing(
          key,
          owner,
          found.isEmpty()
              ? "it does not exist"
              : "expected %d bytes, found %d".formatted(expected, found.getAsLong()));
    }
  }

  private List<StoreCheckReport.Missing> missing(List<Suspect> suspects) {
    // A checkpoint may have been removed in the meantime, its row first.
    Set<String> known =
        references.among(suspects.stream().map(Suspect::key).collect(Collectors.toSet()));
    return suspects.stream()
        .filter(suspect -> known.contains(suspect.key()))
        .map(Suspect::missing)
        .toList();
  }
}
