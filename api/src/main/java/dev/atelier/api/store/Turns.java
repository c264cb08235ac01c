package dev.atelier.api.store;

import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import org.jdbi.v3.core.Jdbi;

/** Scheduled work that the apis share: whoever asks first once it is due does it. */
@ApplicationScoped
public class Turns {

  private final Jdbi jdbi;

  Turns(Jdbi jdbi) {
    this.jdbi = jdbi;
  }

  /**
   * Takes the next turn at some work; false: another api has taken it. Timers are not exact, so a
   * turn is due a little before its time.
   */
  public boolean take(String work, Duration every) {
    return jdbi.withHandle(
        handle ->
            handle
                    .createUpdate(
                        """
                        insert into turn (work, taken_at) values (:work, now())
                        on conflict (work) do update set taken_at = excluded.taken_at
                        where turn.taken_at <= now() - cast(:due as interval)
                          or turn.taken_at > now()
                        """)
                    .bind("work", work)
                    .bind("due", every.toMillis() * 9 / 10 + " ms")
                    .execute()
                > 0);
  }

  /** Gives a turn back that nothing could be done in: another api may have it at once. */
  public void giveBack(String work) {
    jdbi.useHandle(
        handle -> handle.execute("update turn set taken_at = '-infinity' where work = ?", work));
  }
}
