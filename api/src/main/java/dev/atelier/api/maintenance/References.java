package dev.atelier.api.maintenance;

import dev.atelier.workflows.vocabulary.CheckpointPart;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Collection;
import java.util.HashSet;
import java.util.Set;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/** Which objects rows refer to. */
@ApplicationScoped
class References {

  private final Jdbi jdbi;

  References(Jdbi jdbi) {
    this.jdbi = jdbi;
  }

  /** Those of the keys that a row refers to: by name, or as part of a checkpoint. */
  Set<String> among(Collection<String> keys) {
    return keys.isEmpty() ? Set.of() : jdbi.withHandle(handle -> among(handle, keys));
  }

  private static Set<String> among(Handle handle, Collection<String> keys) {
    return new HashSet<>(
        handle
            .createQuery(
                """
                select k.key from unnest(:keys) k (key)
                where exists (select 1 from artifact where object_key = k.key)
                  or exists (select 1 from study_artifact where object_key = k.key)
                  or exists (select 1 from model where start_key = k.key)
                  or exists (select 1 from checkpoint
                    where manifest_key = regexp_replace(k.key, '[^/]*$', '') || 'manifest.json'
                      and (moments_removed_at is null
                        or not regexp_replace(k.key, '^.*/', '') = any(:moments)))
                """)
            .bindArray("moments", String.class, CheckpointPart.momentFiles().toArray())
            .bindArray("keys", String.class, keys.toArray())
            .mapTo(String.class)
            .list());
  }
}
