package dev.atelier.api.access;

import dev.atelier.api.problem.ProblemException;
import dev.atelier.api.problem.ProblemType;
import dev.atelier.spec.SpecFault;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.jdbi.v3.core.Jdbi;

/** Whose experiments and studies a caller may reach. A project is no more than its name. */
@ApplicationScoped
public class Projects {

  /** The project of whoever names none. */
  public static final String DEFAULT = "default";

  static final String NAME = "[a-z0-9][a-z0-9-]{0,62}";
  private static final Pattern FORM = Pattern.compile(NAME);

  private final Jdbi jdbi;
  private final Caller caller;

  Projects(Jdbi jdbi, Caller caller) {
    this.jdbi = jdbi;
    this.caller = caller;
  }

  /** The projects that a list may show now; empty: all. */
  public Optional<Set<String>> visible() {
    return caller.principal().projects();
  }

  /** Those of the experiments that the caller may see, in the same order. */
  public List<String> visibleExperiments(List<String> ids) {
    Optional<Set<String>> own = visible();
    if (own.isEmpty()) {
      return ids;
    }
    Set<String> seen =
        jdbi.withHandle(
            handle ->
                handle
                    .createQuery(
                        "select id from experiment where id = any(:ids) and project = any(:own)")
                    .bindArray("ids", String.class, storable(ids))
                    .bindArray("own", String.class, own.get())
                    .mapTo(String.class)
                    .set());
    return ids.stream().filter(seen::contains).toList();
  }

  /** Whether the caller may see the study. */
  public boolean seesStudy(String id) {
    return sees("study", id);
  }

  /** Whether the caller may see the webhook; one of every project is an admin's. */
  boolean seesWebhook(String id) {
    return sees("webhook", id);
  }

  private boolean sees(String table, String id) {
    Optional<Set<String>> own = visible();
    return own.isEmpty()
        || jdbi.withHandle(
                handle ->
                    handle
                        .createQuery(
                            "select id from %s where id = any(:ids) and project = any(:own)"
                                .formatted(table))
                        .bindArray("ids", String.class, storable(List.of(id)))
                        .bindArray("own", String.class, own.get())
                        .mapTo(String.class)
                        .findOne())
            .isPresent();
  }

  /** Postgres has no text with NUL in it, and refuses to look for it. */
  private static List<String> storable(List<String> ids) {
    return ids.stream().filter(id -> id.indexOf('\0') < 0).toList();
  }

  /**
   * Refuses a project that the caller does not reach as one that is not there.
   *
   * @throws ProblemException 400 if it is no name, 404 if it is not one of the caller's
   */
  static void require(Principal principal, String name) {
    requireForm(name);
    if (!principal.reaches(name)) {
      throw new ProblemException(
          ProblemType.PROJECT_NOT_FOUND, "There is no project '%s'.".formatted(name));
    }
  }

  private static void requireForm(String name) {
    if (!FORM.matcher(name).matches()) {
      throw invalid(
          "must be 1 to 63 lower-case letters, digits and hyphens, found '%s'.".formatted(name));
    }
  }

  /** The project of a launch that an admin can make for all; empty: for all. */
  static Optional<String> ofLaunchForAll(Principal principal, Optional<String> named) {
    return named.isEmpty() && principal.projects().isEmpty()
        ? Optional.empty()
        : Optional.of(ofLaunch(principal, named));
  }

  /** The project that a launch goes to. */
  static String ofLaunch(Principal principal, Optional<String> named) {
    if (named.isEmpty()) {
      return principal
          .projects()
          .map(Projects::only)
          .orElse(DEFAULT); // an admin, or a server without authentication
    }
    requireForm(named.get());
    if (!principal.reaches(named.get())) {
      throw new ProblemException(
          ProblemType.FORBIDDEN,
          "You may make nothing in project '%s': yours are %s."
              .formatted(
                  named.get(),
                  String.join(
                      ", ", principal.projects().orElseThrow().stream().sorted().toList())));
    }
    return named.get();
  }

  private static String only(Set<String> own) {
    if (own.size() != 1) {
      throw invalid(
          own.isEmpty()
              ? "cannot be found: you have none."
              : "must name one of yours: %s."
                  .formatted(String.join(", ", own.stream().sorted().toList())));
    }
    return own.iterator().next();
  }

  private static ProblemException invalid(String message) {
    return new ProblemException(
        ProblemType.INVALID_PARAMETER,
        "project " + message,
        List.of(new SpecFault("project", message)));
  }
}
