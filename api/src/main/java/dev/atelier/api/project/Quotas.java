package dev.atelier.api.project;

import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/** Refuses launches that the bounds of their project leave no room for. */
@ApplicationScoped
public class Quotas {

  private final Jdbi jdbi;

  Quotas(Jdbi jdbi) {
    this.jdbi = jdbi;
  }

  /**
   * Refuses a launch, as part of its transaction, until whose end others of the same project wait
   * here.
   *
   * @param computes the classes of devices that its specs ask for
   * @param experiments how many it is of
   * @throws ProblemException 409 if there is no room
   */
  public void require(Handle handle, String project, Set<String> computes, int experiments) {
    List<String> refusals = refusals(handle, project, computes, experiments);
    if (!refusals.isEmpty()) {
      throw new ProblemException(ProblemType.QUOTA_EXHAUSTED, String.join(" ", refusals));
    }
  }

  /** Why a launch would be refused now, in sentences; mostly none. */
  public List<String> refusals(String project, Set<String> computes, int experiments) {
    return jdbi.inTransaction(handle -> refusals(handle, project, computes, experiments));
  }

  private static List<String> refusals(
      Handle handle, String project, Set<String> computes, int experiments) {
    Optional<Quota> bounds = ProjectRepository.quota(handle, project, true);
    if (bounds.isEmpty()) {
      return List.of();
    }
    Quota quota = bounds.get();
    List<String> refusals = new ArrayList<>();
    quota
        .experimentsWaiting()
        .flatMap(most -> experiments(handle, project, most, experiments))
        .ifPresent(refusals::add);
    quota.storedBytes().flatMap(most -> bytes(handle, project, most)).ifPresent(refusals::add);
    if (quota.gpuHoursPerMonth().isPresent() || quota.cpuHoursPerMonth().isPresent()) {
      for (String kind : kinds(handle, computes)) {
        (kind.equals("GPU") ? quota.gpuHoursPerMonth() : quota.cpuHoursPerMonth())
            .flatMap(most -> hours(handle, project, kind, most))
            .ifPresent(refusals::add);
      }
    }
    return refusals;
  }

  private static Optional<String> experiments(
      Handle handle, String project, int most, int launched) {
    int open = ProjectRepository.unended(handle, project);
    return open + launched <= most
        ? Optional.empty()
        : Optional.of(
            "Project '%s' may have %d experiment(s) that have not ended and has %d, so that %d more cannot be launched: wait until some have ended, cancel some, or ask an admin for a higher bound (experimentsWaiting)."
                .formatted(project, most, open, launched));
  }

  private static Optional<String> bytes(Handle handle, String project, long most) {
    long stored = ProjectRepository.storedBytes(handle, project);
    return stored < most
        ? Optional.empty()
        : Optional.of(
            "Project '%s' may store %d bytes and has stored %d: delete experiments, or ask an admin for a higher bound (storedBytes)."
                .formatted(project, most, stored));
  }

  private static List<String> kinds(Handle handle, Set<String> computes) {
    return handle
        .createQuery(
            "select distinct compute_kind(compute) as kind from unnest(:computes) compute order by kind")
        .bindArray("computes", String.class, computes)
        .mapTo(String.class)
        .list();
  }

  private static Optional<String> hours(Handle handle, String project, String kind, double most) {
    double used = ProjectRepository.hoursOfMonth(handle, project, kind);
    return used < most
        ? Optional.empty()
        : Optional.of(
            String.format(
                Locale.ROOT,
                "Project '%s' may use %.2f %s-hours a month and has used %.2f: launch when the next month begins (UTC), or ask an admin for a higher bound (%sHoursPerMonth).",
                project,
                most,
                kind,
                used,
                kind.toLowerCase(Locale.ROOT)));
  }
}
