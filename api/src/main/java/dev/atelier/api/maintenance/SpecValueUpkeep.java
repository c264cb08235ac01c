package dev.atelier.api.maintenance;

import dev.atelier.api.AtelierConfig;
import dev.atelier.api.store.Turns;
import io.quarkus.scheduler.Scheduled;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import org.jboss.logging.Logger;
import org.jdbi.v3.core.Jdbi;

/** Gathers the values of specs that were stored before they were, in short transactions. */
@ApplicationScoped
public class SpecValueUpkeep {

  private static final Logger LOG = Logger.getLogger(SpecValueUpkeep.class);
  private static final int SPECS_AT_ONCE = 100; // some tenths of a second

  private final Jdbi jdbi;
  private final Turns turns;
  private final Duration every;

  SpecValueUpkeep(Jdbi jdbi, Turns turns, AtelierConfig config) {
    this.jdbi = jdbi;
    this.turns = turns;
    this.every = config.maintenance().upkeepEvery();
  }

  @Scheduled(
      every = "{atelier.maintenance.upkeep-every}",
      concurrentExecution = Scheduled.ConcurrentExecution.SKIP)
  void gatherOnSchedule() {
    if (turns.take("gather-spec-values", every)) {
      long gathered = gather(every);
      if (gathered > 0) {
        LOG.infof("Gathered the values of %d specs.", gathered);
      }
    }
  }

  /** Gathers for so long; the number of specs. */
  public long gather(Duration time) {
    long begin = System.nanoTime();
    long gathered = 0;
    int some;
    do {
      some = gatherSome();
      gathered += some;
    } while (some > 0 && System.nanoTime() - begin < time.toNanos());
    return gathered;
  }

  private int gatherSome() {
    return jdbi.withHandle(
        handle ->
            handle
                .createUpdate(
                    """
                    update experiment set spec_values = spec_value_ids(spec) where id in (
                      select id from experiment where spec_values is null
                      order by id limit :most for update skip locked)
                    """)
                .bind("most", SPECS_AT_ONCE)
                .execute());
  }
}
