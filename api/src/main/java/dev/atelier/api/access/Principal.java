package dev.atelier.api.access;

import java.util.Optional;
import java.util.Set;

/**
 * Who calls.
 *
 * @param name such as {@code token ci}; no two callers have the same one
 * @param projects whose experiments and studies it may reach; empty: those of every project
 * @param token id of the API token that says so; empty: it is of the provider, or nobody asked
 */
public record Principal(
    String name, Role role, Optional<Set<String>> projects, Optional<String> token) {

  /** The caller of a server without authentication. */
  static final Principal OPEN =
      new Principal("anyone", Role.ADMIN, Optional.empty(), Optional.empty());

  /** An admin reaches every project, the others those that are named. */
  static Principal of(String name, Role role, Set<String> projects) {
    return new Principal(name, role, reached(role, projects), Optional.empty());
  }

  /** The caller of an API token. */
  static Principal ofToken(String id, String name, Role role, Set<String> projects) {
    return new Principal(
        "token %s (%s)".formatted(name, id), role, reached(role, projects), Optional.of(id));
  }

  private static Optional<Set<String>> reached(Role role, Set<String> projects) {
    return role == Role.ADMIN ? Optional.empty() : Optional.of(Set.copyOf(projects));
  }

  boolean reaches(String project) {
    return projects.map(own -> own.contains(project)).orElse(true);
  }
}
