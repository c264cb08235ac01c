package dev.atelier.store;

import dev.atelier.merging.SearchMemory;
import dev.atelier.workflows.Estimator;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import javax.sql.DataSource;

/** What searches have tried. Methods are as those of {@link ExperimentHistory}. */
public final class SearchHistory implements SearchMemory {

  private final Database database;

  public SearchHistory(DataSource dataSource) {
    this.database = new Database(dataSource);
  }

  @Override
  public void record(String experimentId, Search search, Candidate candidate) {
    database.inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    insert into candidate (experiment_id, search, name, position, distance,
                        macs_per_step, owners, estimator)
                    values (:id, :search, :name, :position, :distance,
                        :macsPerStep, cast(:owners as jsonb), :estimator)
                    on conflict (experiment_id, search, name) do update
                    set position = excluded.position, distance = excluded.distance,
                        macs_per_step = excluded.macs_per_step, owners = excluded.owners,
                        estimator = excluded.estimator
                    """)
                .bind("id", experimentId)
                .bind("search", search.name())
                .bindMethods(candidate)
                .execute());
  }

  @Override
  public Map<String, Double> resume(String experimentId, Search search, Estimator estimator) {
    return database.inTransaction(
        handle -> {
          handle
              .createUpdate(
                  """
                  delete from candidate
                  where experiment_id = :id and search = :search and estimator <> :estimator
                  """)
              .bind("id", experimentId)
              .bind("search", search.name())
              .bind("estimator", estimator.name())
              .execute();
          return handle
              .createQuery(
                  """
                  select name, distance from candidate
                  where experiment_id = :id and search = :search
                  """)
              .bind("id", experimentId)
              .bind("search", search.name())
              .map((row, context) -> Map.entry(row.getString("name"), row.getDouble("distance")))
              .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
        });
  }

  @Override
  public void recordFrontier(String experimentId, Search search, List<String> names) {
    database.inTransaction(
        handle ->
            handle
                .createUpdate(
                    """
                    update candidate set frontier = name = any(:names)
                    where experiment_id = :id and search = :search
                    """)
                .bind("id", experimentId)
                .bind("search", search.name())
                .bindArray("names", String.class, names)
                .execute());
  }
}
